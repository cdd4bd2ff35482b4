"""Tests of the harness itself: can it be wrong, and does it say so?"""

"""Tests of the port's Metal kernels."""

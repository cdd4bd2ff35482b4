"""Tests of traces, hybrids and bisection."""

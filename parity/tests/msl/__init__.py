"""Tests of the executor of Metal kernels."""

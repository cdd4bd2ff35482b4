"""The arithmetic dtype behind a storage dtype, and scalars that do not promote."""

import mlx.core as mx

_HALF = (mx.float16, mx.bfloat16)


def widen(x: mx.array) -> mx.array:
    """`x` in the dtype that arithmetic runs in: float32 for float16 and bfloat16, else unchanged.

    A word computes in it and rounds once, at the end, as PyTorch's fused functions do: rounding after
    each of several half-precision steps costs a factor of 1.3 to 1.8 in error.
    """
    return mx.astype(x, mx.float32) if x.dtype in _HALF else x


def scalar(value: float, like: mx.array) -> mx.array:
    """`value` as a 0-d array of `like`'s dtype."""
    return mx.array(value, dtype=like.dtype)

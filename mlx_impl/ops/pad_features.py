import mlx.core as mx

from ._check import require


def pad_features(x: mx.array, size: int) -> mx.array:
    """Zeros appended to the last axis until it has `size` elements.

    Shapes: x: (..., n) → (..., size), n ≤ size.
    Dtypes: any; the result has the input's.
    Raises: ValueError if x already has more than `size`.
    Source: canonical ``StructuredLinear.preprocess``.
    """
    n = x.shape[-1]
    require(n <= size, f"size={size}, but x has {n} features; the padded size cannot be smaller")
    return mx.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, size - n)])

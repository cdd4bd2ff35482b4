import mlx.core as mx

from ._precision import widen


def l1_normalize(x: mx.array) -> mx.array:
    """Divide by the L1 norm over the last axis: x/Σ|x|, with no epsilon.

    Shapes: x: (..., d) → the same.
    Dtypes: floating; the result has x's.
    Source: canonical ``HyenaFilter(normalized=True)``.
    """
    wide = widen(x)
    norm = mx.sum(mx.abs(wide), axis=-1, keepdims=True)
    return mx.astype(mx.divide(wide, norm), x.dtype)

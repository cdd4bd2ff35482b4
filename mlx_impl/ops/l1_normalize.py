import mlx.core as mx

from ._precision import scalar, widen


def l1_normalize(x: mx.array) -> mx.array:
    """Divide by the L1 norm over the last axis: x/Σ|x|, with no epsilon.

    Shapes: x: (..., d) → the same.
    Dtypes: floating; the result has x's.
    Source: canonical ``HyenaFilter(normalized=True)``.
    """
    wide = widen(x)
    # The result does not depend on the scale of x, so neither does its gradient: divide by the largest
    # first, or the square of a small norm, which the gradient divides by, underflows.
    scale = mx.stop_gradient(mx.max(mx.abs(wide), axis=-1, keepdims=True))
    scaled = mx.divide(wide, mx.where(mx.isinf(scale), scalar(1, scale), scale))
    norm = mx.sum(mx.abs(scaled), axis=-1, keepdims=True)
    return mx.astype(mx.divide(scaled, norm), x.dtype)

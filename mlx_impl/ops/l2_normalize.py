import mlx.core as mx

from ._precision import scalar, widen


def l2_normalize(x: mx.array, eps: float = 1e-12) -> mx.array:
    """Divide by the Euclidean norm over the last axis: x/max(‖x‖₂, eps).

    Shapes: x: (..., d) → the same.
    Dtypes: floating; the result has x's.
    Source: canonical ``F.normalize(p=2, dim=1)`` of the sentence embedding.
    """
    wide = widen(x)
    square = mx.sum(mx.square(wide), axis=-1, keepdims=True)
    # The maximum stands under the root, which has no finite derivative at zero.
    norm = mx.sqrt(mx.maximum(square, scalar(eps * eps, wide)))
    return mx.astype(mx.divide(wide, norm), x.dtype)

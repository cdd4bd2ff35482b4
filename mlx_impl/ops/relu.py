import mlx.core as mx

from ._precision import scalar


def relu(x: mx.array) -> mx.array:
    """Rectified linear unit: max(x, 0); NaN stays NaN.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Source: canonical ``hidden_act="relu"``.
    """
    return mx.maximum(x, scalar(0, x))

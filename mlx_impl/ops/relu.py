import mlx.core as mx

from ._precision import scalar


def relu(x: mx.array) -> mx.array:
    """Rectified linear unit: max(x, 0); NaN stays NaN.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Source: canonical ``hidden_act="relu"``.
    """
    # Not mx.maximum, whose gradient at NaN is zero: there the canonical one passes on what it gets.
    zero = scalar(0, x)
    return mx.where(mx.less_equal(x, zero), zero, x)

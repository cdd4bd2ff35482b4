import mlx.core as mx

from ._check import require
from ._precision import widen


def softmax(x: mx.array, axis: int) -> mx.array:
    """Softmax along one axis: exp(x − max)/Σ exp(x − max).

    Shapes: x: any with the axis → the same.
    Dtypes: floating; the result has x's. Half precision accumulates in float32.
    Raises: ValueError if x has no such axis.
    Source: Goodfellow et al. 2016, Deep Learning, §4.1 (the shift by the maximum).
    """
    require(
        -x.ndim <= axis < x.ndim,
        f"axis={axis}, but x has shape {tuple(x.shape)}: give an axis in [{-x.ndim}, {x.ndim})",
    )
    # By itself MLX sums half precision in half precision: off by 25 % over 768 bfloat16s. Its `precise`
    # would do for the result, but not for the gradient.
    return mx.astype(mx.softmax(widen(x), axis=axis), x.dtype)

import mlx.core as mx

from ._check import require_floating
from ._precision import scalar


@mx.custom_function
def _relu(x: mx.array) -> mx.array:
    zero = scalar(0, x)
    return mx.where(mx.less_equal(x, zero), zero, x)


@_relu.vjp
def _gradient(x: mx.array, cotangent: mx.array, _output: mx.array) -> mx.array:
    return mx.where(mx.less_equal(x, scalar(0, x)), scalar(0, cotangent), cotangent)


def relu(x: mx.array) -> mx.array:
    """Rectified linear unit: max(x, 0); NaN stays NaN. Which sign a zero has is left open.

    The gradient selects: that of ``mx.maximum`` is zero at NaN, where the canonical one passes on what it
    gets, and that of ``mx.where`` multiplies by zero, which makes an infinite cotangent NaN.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating.
    Source: canonical ``hidden_act="relu"``.
    """
    require_floating("x", x)
    return _relu(x)  # type: ignore[return-value]  # mx.custom_function is untyped

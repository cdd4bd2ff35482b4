import mlx.core as mx

from ._check import require, require_broadcast, require_floating
from ._precision import scalar, widen


@mx.custom_function
def _safe_divide(x: mx.array, y: mx.array, default: mx.array) -> mx.array:
    zero = _is_zero(y)
    instead = mx.where(mx.isnan(x), x, default)
    return mx.where(zero, instead, mx.divide(x, mx.where(zero, scalar(1, y), y)))


@_safe_divide.vjp
def _gradient(
    primals: tuple[mx.array, mx.array, mx.array], cotangent: mx.array, _output: mx.array
) -> tuple[mx.array, mx.array, mx.array]:
    x, y, default = primals
    zero = _is_zero(y)
    divisor = mx.where(zero, scalar(1, y), y)
    by_x = mx.divide(cotangent, divisor)
    # x/y/y, not x/y² or 1/y·x/y: the square of a small y is zero, and its inverse may be infinite.
    by_y = mx.negative(mx.multiply(cotangent, mx.divide(mx.divide(x, divisor), divisor)))
    none = scalar(0, cotangent)
    return mx.where(zero, none, by_x), mx.where(zero, none, by_y), mx.zeros_like(default)


def _is_zero(y: mx.array) -> mx.array:
    return mx.equal(y, scalar(0, y))


def safe_divide(x: mx.array, y: mx.array, default: float = 0.0) -> mx.array:
    """Quotient with an answer for a zero below: x/y where y ≠ 0, and `default` where y is 0 or −0.

    There both gradients are 0. Only zero is special: nothing is added to y, so that every other quotient is
    IEEE's, infinities and overflow included. NaN is never lost: NaN above or below gives NaN, over zero too.

    Shapes: x, y: broadcastable → the broadcast shape.
    Dtypes: floating and equal; the result has them. Half precision is computed in float32.
    Raises: ValueError if x is not floating, or the dtypes differ, which would promote one of them unasked, or
        the shapes do not broadcast.
    Source: our own definition: an epsilon in the divisor changes every quotient, and a sign.
    """
    require_floating("x", x)
    require(x.dtype == y.dtype, f"x is {x.dtype} and y is {y.dtype}; cast one of them first")
    require_broadcast("x and y", x.shape, y.shape)
    above, below = mx.broadcast_arrays(widen(x), widen(y))
    result = _safe_divide(above, below, scalar(default, above))
    return mx.astype(result, x.dtype)  # type: ignore[arg-type]  # mx.custom_function is untyped

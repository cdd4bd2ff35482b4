import mlx.core as mx

from ._check import require_floating
from ._precision import scalar, widen


def silu(x: mx.array) -> mx.array:
    """Sigmoid linear unit (swish): x·σ(x); of ∞ it is ∞, of −∞ it is −∞·0, that is NaN.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating.
    Source: Elfwing et al. 2018, eq. 1; canonical ``hidden_act="silu"``.
    """
    require_floating("x", x)
    y: mx.array = _silu(widen(x))  # type: ignore[assignment]  # mx.custom_function is untyped
    return mx.astype(y, x.dtype)


@mx.custom_function
def _silu(x: mx.array) -> mx.array:
    return mx.multiply(x, mx.sigmoid(x))


@_silu.vjp
def _gradient(x: mx.array, cotangent: mx.array, _output: mx.array) -> mx.array:
    """σ(x)·(1 + x·(1 − σ(x))). Derived from the product, it would have cotangent·x in it, which may be
    infinite where the slope of σ is zero."""
    one, sigma = scalar(1, x), mx.sigmoid(x)
    slope = mx.multiply(sigma, mx.add(one, mx.multiply(x, mx.subtract(one, sigma))))
    return mx.multiply(cotangent, slope)

import mlx.core as mx

from mlx_impl.profiles import Profile, resolve

from ._check import require, require_floating
from ._precision import widen
from ._reduce import total


def softmax(x: mx.array, axis: int, *, profile: Profile | str | None = None) -> mx.array:
    """Softmax along one axis: exp(x − max)/Σ exp(x − max).

    A row of nothing but −∞, or with a +∞, is ∞ − ∞, that is NaN; an empty axis stays empty. The profile's
    `softmax` says who takes the sum.

    Shapes: x: any with the axis → the same.
    Dtypes: floating; the result has x's. Half precision accumulates in float32.
    Raises: ValueError if x is not floating, or has no such axis, or there is no such profile.
    Source: Goodfellow et al. 2016, Deep Learning, §4.1 (the shift by the maximum).
    """
    require_floating("x", x)
    require(
        -x.ndim <= axis < x.ndim,
        f"axis={axis}, but x has shape {tuple(x.shape)}: give an axis in [{-x.ndim}, {x.ndim})",
    )
    how = resolve(profile).softmax
    if how == "precise":
        return _precise(x, axis)
    wide = widen(x)
    if how == "blocks" and x.size > 0:
        largest = mx.stop_gradient(mx.max(wide, axis=axis, keepdims=True))
        powers = mx.exp(mx.subtract(wide, largest))
        return mx.astype(mx.divide(powers, total(powers, axis, "blocks")), x.dtype)
    # By itself MLX sums half precision in half precision: off by 25 % over 768 bfloat16s.
    return mx.astype(mx.softmax(wide, axis=axis), x.dtype)


def _precise(x: mx.array, axis: int) -> mx.array:
    """MLX's own accumulation in float32, and a gradient that accumulates in it too: MLX's does not."""

    @mx.custom_function
    def softmax(x: mx.array) -> mx.array:
        return mx.softmax(x, axis=axis, precise=True)

    @softmax.vjp
    def gradient(_x: mx.array, cotangent: mx.array, output: mx.array) -> mx.array:
        y, g = widen(output), widen(cotangent)
        along = mx.sum(mx.multiply(y, g), axis=axis, keepdims=True)
        return mx.astype(mx.multiply(y, mx.subtract(g, along)), cotangent.dtype)

    return softmax(x)  # type: ignore[return-value]  # mx.custom_function is untyped

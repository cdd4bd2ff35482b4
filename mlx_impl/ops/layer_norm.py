import mlx.core as mx

from mlx_impl.profiles import Profile, Sums, resolve

from ._check import require_axis, require_floating
from ._precision import scalar, widen
from ._reduce import mean


def layer_norm(
    x: mx.array, weight: mx.array, bias: mx.array, eps: float, *, profile: Profile | str | None = None
) -> mx.array:
    """Layer normalization over the last axis: (x − mean)/√(var + eps)·weight + bias.

    The variance is the biased one (divided by d), and eps stands inside the root. The gradient is written
    out: that of ``mx.fast.layer_norm`` has 1/√var to the third power, which underflows in float32 from a
    deviation of 2⁴² on, and takes var as E[x²] − E[x]², which cancels when the mean is large. A
    constant row gives the bias, and an infinity makes its row NaN. Sums in blocks do without the fused one.

    Where the square of a deviation is beyond the largest number, the result is left open.

    Shapes: x: (..., d), weight: (d,), bias: (d,) → (..., d).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or weight or bias does not have x's channels, or there
        is no such profile.
    Source: Ba et al. 2016, eq. 4; canonical ``nn.LayerNorm``.
    """
    require_floating("x", x)
    require_floating("weight", weight)
    require_floating("bias", bias)
    require_axis("weight", weight, 0, x.shape[-1], "the channels of x")
    require_axis("bias", bias, 0, x.shape[-1], "the channels of x")

    if x.size == 0:  # MLX's fused function does not always come back from nothing
        return x
    sums = resolve(profile).sums

    @mx.custom_function
    def normalized(x: mx.array, weight: mx.array, bias: mx.array) -> mx.array:
        if sums == "blocks":
            unit, _ = _unit(x, eps, sums)
            return mx.astype(mx.add(mx.multiply(unit, widen(weight)), widen(bias)), x.dtype)
        return mx.fast.layer_norm(x, weight, bias, eps)

    @normalized.vjp
    def gradient(
        primals: tuple[mx.array, ...], cotangent: mx.array, _output: mx.array
    ) -> tuple[mx.array, ...]:
        x, weight, bias = primals
        return _gradient(x, weight, bias, cotangent, eps, sums)

    return normalized(x, weight, bias)  # type: ignore[return-value]  # mx.custom_function is untyped


def _unit(x: mx.array, eps: float, sums: Sums) -> tuple[mx.array, mx.array]:
    """x̂ = (x − mean)/√(var + eps), and the factor 1/√(var + eps)."""
    wide = widen(x)
    centred = mx.subtract(wide, mean(wide, -1, sums))
    variance = mean(mx.square(centred), -1, sums)
    scale = mx.rsqrt(mx.add(variance, scalar(eps, variance)))
    return mx.multiply(centred, scale), scale


def _gradient(
    x: mx.array, weight: mx.array, bias: mx.array, g: mx.array, eps: float, sums: Sums
) -> tuple[mx.array, mx.array, mx.array]:
    """dx = (h − mean(h) − x̂·mean(h·x̂))/√(var + eps) with h = g·weight; dweight = Σ g·x̂; dbias = Σ g."""
    grad = widen(g)
    unit, scale = _unit(x, eps, sums)
    h = mx.multiply(grad, widen(weight))
    along = mean(mx.multiply(h, unit), -1, sums)
    rest = mx.subtract(h, mx.add(mean(h, -1, sums), mx.multiply(unit, along)))
    outer = list(range(x.ndim - 1))
    return (
        mx.multiply(rest, scale).astype(x.dtype),
        mx.sum(mx.multiply(grad, unit), axis=outer).astype(weight.dtype),
        mx.sum(grad, axis=outer).astype(bias.dtype),
    )

import mlx.core as mx

from ._check import require_axis
from ._precision import widen


def layer_norm(x: mx.array, weight: mx.array, bias: mx.array, eps: float) -> mx.array:
    """Layer normalization over the last axis: (x − mean)/√(var + eps)·weight + bias.

    The variance is the biased one (divided by d), and eps stands inside the root. The gradient is written
    out: that of ``mx.fast.layer_norm`` has 1/√var to the third power, which underflows in float32 from a
    deviation of 2⁴² on, and takes var as E[x²] − E[x]², which cancels when the mean is large.

    Shapes: x: (..., d), weight: (d,), bias: (d,) → (..., d).
    Dtypes: floating and equal.
    Raises: ValueError if weight or bias does not have x's channels.
    Source: Ba et al. 2016, eq. 4; canonical ``nn.LayerNorm``.
    """
    require_axis("weight", weight, 0, x.shape[-1], "the channels of x")
    require_axis("bias", bias, 0, x.shape[-1], "the channels of x")

    @mx.custom_function
    def normalized(x: mx.array, weight: mx.array, bias: mx.array) -> mx.array:
        return mx.fast.layer_norm(x, weight, bias, eps)

    @normalized.vjp
    def gradient(
        primals: tuple[mx.array, ...], cotangent: mx.array, _output: mx.array
    ) -> tuple[mx.array, ...]:
        x, weight, bias = primals
        return _gradient(x, weight, bias, cotangent, eps)

    return normalized(x, weight, bias)  # type: ignore[return-value]  # mx.custom_function is untyped


def _gradient(
    x: mx.array, weight: mx.array, bias: mx.array, g: mx.array, eps: float
) -> tuple[mx.array, mx.array, mx.array]:
    """dx = (h − mean(h) − x̂·mean(h·x̂))/√(var + eps) with h = g·weight; dweight = Σ g·x̂; dbias = Σ g."""
    wide, grad = widen(x), widen(g)
    centred = mx.subtract(wide, mx.mean(wide, axis=-1, keepdims=True))
    variance = mx.mean(mx.square(centred), axis=-1, keepdims=True)
    scale = mx.rsqrt(mx.add(variance, mx.array(eps, dtype=mx.float32)))
    unit = mx.multiply(centred, scale)
    h = mx.multiply(grad, widen(weight))
    along = mx.mean(mx.multiply(h, unit), axis=-1, keepdims=True)
    rest = mx.subtract(h, mx.add(mx.mean(h, axis=-1, keepdims=True), mx.multiply(unit, along)))
    outer = list(range(x.ndim - 1))
    return (
        mx.multiply(rest, scale).astype(x.dtype),
        mx.sum(mx.multiply(grad, unit), axis=outer).astype(weight.dtype),
        mx.sum(grad, axis=outer).astype(bias.dtype),
    )

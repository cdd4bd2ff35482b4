import mlx.core as mx

from mlx_impl import ops
from mlx_impl.kernels.dispatch import wanted
from mlx_impl.kernels.gated_conv3 import gated_conv3, supports
from mlx_impl.profiles import Profile

from ._check import require, require_axis, require_floating, require_ndim
from ._precision import widen


def gated_short_conv(
    x: mx.array,
    weight: mx.array,
    bias: mx.array,
    *,
    profile: Profile | str | None = None,
    kernel: bool | None = None,
) -> tuple[mx.array, mx.array]:
    """The causal short convolution of a mixer's three projections, and its first gate: x2 and v·x1.

    x1, x2, v are the thirds of y_t = Σ_j w_j·x_{t+j−k+1} + b, in this order.

    Shapes: x: (b, 3·d, l), weight: (3·d, 1, k), bias: (3·d,) → x2: (b, d, l), v·x1: (b, d, l).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or the channels do not match or are not three times
        something, or `kernel` is True and the Metal kernel cannot run these arguments.
    Source: Fu et al. 2023, Monarch Mixer, §4; canonical ``MonarchMixerSequenceMixing``.
    """
    require_floating("x", x)
    require_floating("weight", weight)
    require_floating("bias", bias)
    require_ndim("x", x, 3, "(b, 3·d, l)")
    require_ndim("weight", weight, 3, "(3·d, 1, k)")
    require_ndim("bias", bias, 1, "(3·d,)")
    channels, length = x.shape[1:]
    require(
        channels % 3 == 0,
        f"x has {channels} channels, expected three times as many as the model: x1, x2 and v",
    )
    require_axis("weight", weight, 0, channels, "one filter for each channel of x")
    require_axis("weight", weight, 1, 1, "a depthwise filter sees one channel")
    require_axis("bias", bias, 0, channels, "one bias for each channel of x")
    if wanted(kernel, "gated_short_conv", "gated_conv3", supports(x, weight, bias)):
        return gated_conv3(x, weight, bias)
    y = ops.depthwise_conv1d(
        widen(x), widen(weight), widen(bias), max(weight.shape[-1] - 1, 0), profile=profile, kernel=kernel
    )[..., :length]
    x1, x2, v = ops.split(y, [channels // 3] * 3, 1)  # (b, d, l) each
    return mx.astype(x2, x.dtype), mx.astype(ops.gate(v, x1), x.dtype)

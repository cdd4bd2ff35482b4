import mlx.core as mx

from mlx_impl.kernels.depthwise_conv3 import depthwise_conv3, supports
from mlx_impl.kernels.dispatch import wanted
from mlx_impl.profiles import Profile, resolve

from ._check import require, require_axis, require_floating, require_ndim
from ._constant import constant
from ._precision import widen

MOST_SHIFTS = 16
"""A filter of more taps is a convolution whatever the profile says."""


def depthwise_conv1d(
    x: mx.array,
    weight: mx.array,
    bias: mx.array,
    padding: int,
    *,
    profile: Profile | str | None = None,
    kernel: bool | None = None,
) -> mx.array:
    """Cross-correlation of each channel with its own taps: y_t = Σ_j w_j·x_{t+j−padding} + b.

    Of no points it is the bias.

    Shapes: x: (b, c, l), weight: (c, 1, k), bias: (c,) → (b, c, l + 2·padding − k + 1).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or the channels do not match, there are no taps, or
        the padded input is shorter than they are, or `kernel` is True and the Metal kernel cannot run these
        arguments.
    Source: canonical ``short_filter``: ``nn.Conv1d(groups=channels, kernel_size=3, padding=2)``.
    """
    require_floating("x", x)
    require_floating("weight", weight)
    require_floating("bias", bias)
    require_ndim("x", x, 3, "(b, c, l)")
    require_ndim("weight", weight, 3, "(c, 1, k)")
    require_axis("weight", weight, 0, x.shape[1], "one filter for each channel of x")
    require_axis("weight", weight, 1, 1, "a depthwise filter sees one channel")
    require(bias is not None, "bias is None, expected (c,): give zeros")
    require_ndim("bias", bias, 1, "(c,)")
    require_axis("bias", bias, 0, x.shape[1], "one bias for each channel of x")
    require(padding >= 0, f"padding={padding}, expected at least 0")
    taps = weight.shape[-1]
    require(taps >= 1, f"weight {tuple(weight.shape)} has no taps, expected at least 1")
    require(
        x.shape[-1] + 2 * padding >= taps,
        f"x has length {x.shape[-1]}, with padding {padding} shorter than the {taps} taps; pad more",
    )
    if x.size == 0:  # of nothing MLX's convolution ends the process
        return constant((*x.shape[:2], x.shape[-1] + 2 * padding - taps + 1), x, bias)
    if wanted(kernel, "depthwise_conv1d", "depthwise_conv3", supports(x, weight, bias, padding)):
        return depthwise_conv3(x, weight, bias, padding)
    if taps <= MOST_SHIFTS and resolve(profile).taps == "shifts":
        y = mx.add(_shifts(widen(x), widen(weight), padding), mx.expand_dims(widen(bias), -1))
        return mx.astype(y, x.dtype)
    channels_last = mx.swapaxes(widen(x), 1, 2)  # (b, l, c)
    filters = mx.swapaxes(widen(weight), 1, 2)  # (c, k, 1)
    y = mx.conv1d(channels_last, filters, padding=padding, groups=x.shape[1])
    y = mx.add(y, widen(bias))
    return mx.astype(mx.swapaxes(y, 1, 2), x.dtype)  # (b, c, l')


def _shifts(x: mx.array, weight: mx.array, padding: int) -> mx.array:
    """Σ_j w_j·(x moved by j): (b, c, l) → (b, c, l')."""
    padded = mx.pad(x, [(0, 0), (0, 0), (padding, padding)])
    taps = weight.shape[-1]
    length = padded.shape[-1] - taps + 1
    terms = [mx.multiply(weight[:, 0, j : j + 1], padded[..., j : j + length]) for j in range(taps)]
    y = terms[0]
    for term in terms[1:]:
        y = mx.add(y, term)
    return y

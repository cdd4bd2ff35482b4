import mlx.core as mx

from ._check import require, require_axis, require_floating, require_ndim
from ._constant import constant
from ._precision import widen


def conv1d(
    x: mx.array,
    weight: mx.array,
    bias: mx.array | None = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> mx.array:
    """Cross-correlation over the length: y_ot = Σ_i Σ_j w_oij·x_i(t·stride + j·dilation − padding) + b_o.

    With `groups` each run of o/groups outputs sees its own run of c/groups inputs. Of nothing it is the bias.

    Shapes: x: (b, c, l), weight: (o, c/groups, k), bias: (o,) or None → (b, o, l') with
        l' = ⌊(l + 2·padding − dilation·(k − 1) − 1)/stride⌋ + 1.
    Dtypes: floating and equal; the result has them. Half precision accumulates in float32.
    Raises: ValueError if one of them is not floating, or channels, groups or sizes do not fit, or the padded
        input is shorter than the taps.
    Source: Dumoulin & Visin 2016, A guide to convolution arithmetic, §2.4, §5.1; canonical ``nn.Conv1d``.
    """
    require_floating("x", x)
    require_floating("weight", weight)
    require_floating("bias", bias)
    require_ndim("x", x, 3, "(b, c, l)")
    require_ndim("weight", weight, 3, "(o, c/groups, k)")
    for name, value in (("stride", stride), ("dilation", dilation), ("groups", groups)):
        require(value >= 1, f"{name}={value}, expected at least 1")
    require(padding >= 0, f"padding={padding}, expected at least 0")
    outputs, inputs, taps = weight.shape
    require(
        outputs % groups == 0 and x.shape[1] == inputs * groups,
        f"weight {tuple(weight.shape)} with groups={groups} takes {inputs}·{groups} = {inputs * groups} "
        f"channels, and gives {outputs} in as many groups, but x has {x.shape[1]}",
    )
    if bias is not None:
        require_axis("bias", bias, 0, outputs, "one bias for each output channel")
    reach = dilation * (taps - 1) + 1
    require(
        taps >= 1 and x.shape[-1] + 2 * padding >= reach,
        f"x has length {x.shape[-1]}, with padding {padding} shorter than the {reach} positions that "
        f"{taps} taps span; pad more",
    )
    if x.size == 0 or weight.size == 0:  # of nothing MLX's convolution ends the process
        return constant((x.shape[0], outputs, (x.shape[-1] + 2 * padding - reach) // stride + 1), x, bias)
    channels_last = mx.swapaxes(widen(x), 1, 2)  # (b, l, c)
    filters = mx.swapaxes(widen(weight), 1, 2)  # (o, k, c/groups)
    y = mx.conv1d(channels_last, filters, stride=stride, padding=padding, dilation=dilation, groups=groups)
    if bias is not None:
        y = mx.add(y, widen(bias))
    return mx.astype(mx.swapaxes(y, 1, 2), x.dtype)  # (b, o, l')

import torch.nn.functional as F
from torch import Tensor

from ._check import require, require_axis, require_floating, require_ndim


def conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
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
    if x.numel() == 0 or weight.numel() == 0:  # PyTorch refuses no points
        length = (x.shape[-1] + 2 * padding - reach) // stride + 1
        y = x.new_zeros(x.shape[0], outputs, length) + 0 * (x.sum() + weight.sum())
        return y if bias is None else y + bias[:, None]
    return F.conv1d(x, weight, bias, stride, padding, dilation, groups)

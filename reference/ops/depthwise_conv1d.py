import torch.nn.functional as F
from torch import Tensor

from ._check import require, require_axis, require_floating, require_ndim


def depthwise_conv1d(x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
    """Cross-correlation of each channel with its own taps: y_t = Σ_j w_j·x_{t+j−padding} + b.

    Of no points it is the bias.

    Shapes: x: (b, c, l), weight: (c, 1, k), bias: (c,) → (b, c, l + 2·padding − k + 1).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or the channels do not match, there are no taps, or
        the padded input is shorter than they are.
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
    if 0 in x.shape[1:]:  # PyTorch refuses no channels, and no points
        return F.pad(x, (padding, padding - taps + 1)) + bias[:, None]
    return F.conv1d(x, weight, bias, padding=padding, groups=x.shape[1])

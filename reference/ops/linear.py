import torch.nn.functional as F
from torch import Tensor

from ._check import require_axis, require_floating, require_ndim


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Affine map: x·Wᵀ + b.

    Shapes: x: (..., i), weight: (o, i), bias: (o,) or None → (..., o).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or the features do not match.
    Source: canonical ``nn.Linear``.
    """
    require_floating("x", x)
    require_floating("weight", weight)
    require_floating("bias", bias)
    require_ndim("weight", weight, 2, "(o, i)")
    require_axis("x", x, -1, weight.shape[1], "the input features of weight")
    if bias is not None:
        require_ndim("bias", bias, 1, "(o,)")
        require_axis("bias", bias, 0, weight.shape[0], "the output features of weight")
    return F.linear(x, weight, bias)

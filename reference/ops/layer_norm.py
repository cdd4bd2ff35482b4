import torch.nn.functional as F
from torch import Tensor

from ._check import require_axis, require_floating
from ._precision import widen


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Layer normalization over the last axis: (x − mean)/√(var + eps)·weight + bias.

    The variance is the biased one (divided by d), and eps stands inside the root. A constant row
    gives the bias, and an infinity makes its row NaN.

    Where the square of a deviation is beyond the largest number, the result is left open.

    Shapes: x: (..., d), weight: (d,), bias: (d,) → (..., d).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or weight or bias does not have x's channels.
    Source: Ba et al. 2016, eq. 4; canonical ``nn.LayerNorm``.
    """
    require_floating("x", x)
    require_floating("weight", weight)
    require_floating("bias", bias)
    require_axis("weight", weight, 0, x.shape[-1], "the channels of x")
    require_axis("bias", bias, 0, x.shape[-1], "the channels of x")
    # On a CPU PyTorch keeps mean and 1/√(var + eps) for the gradient in half precision, if x is: 10⁶, of a
    # constant row with the canonical eps, is infinite in float16.
    y = F.layer_norm(widen(x), (x.shape[-1],), widen(weight), widen(bias), eps)
    return y.to(x.dtype)

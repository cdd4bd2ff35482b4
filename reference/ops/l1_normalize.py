import torch
from torch import Tensor

from ._check import require, require_floating
from ._precision import widen


def l1_normalize(x: Tensor) -> Tensor:
    """Divide by the L1 norm over the last axis: x/Σ|x|, with no epsilon: a row of zeros is 0/0, that is NaN.

    Shapes: x: (..., d) → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating or has no axis.
    Source: canonical ``HyenaFilter(normalized=True)``.
    """
    require_floating("x", x)
    require(x.ndim >= 1, "x has shape (), expected (..., d); reshape it first")
    if x.shape[-1] == 0:
        return x
    # By a power of two, which changes no digit, or the sum of large numbers is infinite.
    largest = x.detach().abs().amax(dim=-1, keepdim=True).float()
    exponent = torch.frexp(largest.nan_to_num(posinf=0)).exponent.clamp(0, 126)
    wide = widen(x) * torch.exp2(-exponent.to(widen(x).dtype))
    return (wide / torch.linalg.vector_norm(wide, ord=1, dim=-1, keepdim=True)).to(x.dtype)

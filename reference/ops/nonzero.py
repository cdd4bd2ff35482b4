import torch
from torch import Tensor

from ._check import require_ndim


def nonzero(mask: Tensor) -> Tensor:
    """Indices of the elements of a flat mask that are not zero, ascending.

    Shapes: mask: (n,) integers or booleans → (m,) int32, m data-dependent.
    Dtypes: integers or booleans; the result is int32.
    Raises: ValueError if mask is not flat.
    Source: canonical ``torch.nonzero(mask.flatten())`` of the padding module.
    """
    require_ndim("mask", mask, 1, "(n,)")
    return torch.nonzero(mask, as_tuple=False).flatten().to(torch.int32)

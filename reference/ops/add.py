import torch
from torch import Tensor

from ._check import require


def add(x: Tensor, y: Tensor) -> Tensor:
    """Residual connection: x + y.

    Shapes: x, y: the same, or broadcastable → the broadcast shape.
    Dtypes: floating and equal.
    Raises: ValueError if the dtypes differ, which would promote one of them unasked.
    Source: He et al. 2016, Deep Residual Learning, eq. 1.
    """
    require(x.dtype == y.dtype, f"x is {x.dtype} and y is {y.dtype}; cast one of them first")
    return torch.add(x, y)

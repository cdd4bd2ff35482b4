import torch
from torch import Tensor

from ._check import require, require_broadcast, require_floating


def gate(x: Tensor, g: Tensor) -> Tensor:
    """Multiplicative gate: x·g.

    Shapes: x, g: the same, or broadcastable → the broadcast shape.
    Dtypes: floating and equal.
    Raises: ValueError if x is not floating, or the dtypes differ, which would promote one of them unasked, or
        the shapes do not broadcast.
    Source: Fu et al. 2023, Monarch Mixer, §4 (gates of the sequence mixer and of the gated MLP).
    """
    require_floating("x", x)
    require(x.dtype == g.dtype, f"x is {x.dtype} and g is {g.dtype}; cast one of them first")
    require_broadcast("x and g", x.shape, g.shape)
    return torch.mul(x, g)

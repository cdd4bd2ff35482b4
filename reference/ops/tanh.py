import torch
from torch import Tensor

from ._check import require_floating


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent; of ±∞ it is ±1.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating.
    Source: canonical ``nn.Tanh`` of the pooler.
    """
    require_floating("x", x)
    return torch.tanh(x)

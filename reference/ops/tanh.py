import torch
from torch import Tensor

from ._check import require_floating


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent; of ±∞ it is ±1.

    In float64, which all else is measured against, it is 1 − 2/(1 + exp(2x)) from 1 on, and so below: its
    gradient 1 − tanh² would be zero from 19 on, where the right one is 4·exp(−2x).

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating.
    Source: canonical ``nn.Tanh`` of the pooler.
    """
    require_floating("x", x)
    if x.dtype is not torch.float64:
        return torch.tanh(x)
    above, below = 1 - 2 * torch.sigmoid(-2 * x), 2 * torch.sigmoid(2 * x) - 1
    return torch.where(x.abs() < 1, torch.tanh(x), torch.where(x > 0, above, below))

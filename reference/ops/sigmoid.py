import torch
from torch import Tensor

from ._check import require_floating


def sigmoid(x: Tensor) -> Tensor:
    """Logistic function: σ(x) = 1/(1 + exp(−x)); of ∞ it is 1, of −∞ it is 0.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating.
    Source: canonical ``hidden_act="sigmoid"``.
    """
    require_floating("x", x)
    return torch.sigmoid(x)

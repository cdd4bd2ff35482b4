import torch
from torch import Tensor


def sigmoid(x: Tensor) -> Tensor:
    """Logistic function: σ(x) = 1/(1 + exp(−x)).

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Source: canonical ``hidden_act="sigmoid"``.
    """
    return torch.sigmoid(x)

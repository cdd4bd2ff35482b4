import torch
from torch import Tensor


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Source: canonical ``nn.Tanh`` of the pooler.
    """
    return torch.tanh(x)

import torch.nn.functional as F
from torch import Tensor

from ._check import require_floating


def gelu_tanh(x: Tensor) -> Tensor:
    """Tanh approximation of GELU: x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))).

    Of ∞ it is ∞, and of the largest number that number; of −∞ it is −∞·0, that is NaN.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating.
    Source: Hendrycks & Gimpel 2016, §2; canonical ``hidden_act="gelu_new"``.
    """
    require_floating("x", x)
    return F.gelu(x, approximate="tanh")

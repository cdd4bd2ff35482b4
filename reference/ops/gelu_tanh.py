import torch.nn.functional as F
from torch import Tensor


def gelu_tanh(x: Tensor) -> Tensor:
    """Tanh approximation of GELU: x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))).

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Source: Hendrycks & Gimpel 2016, §2; canonical ``hidden_act="gelu_new"``.
    """
    return F.gelu(x, approximate="tanh")

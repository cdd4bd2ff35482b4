import torch
from torch import Tensor


def relu(x: Tensor) -> Tensor:
    """Rectified linear unit: max(x, 0); NaN stays NaN.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Source: canonical ``hidden_act="relu"``.
    """
    return torch.relu(x)

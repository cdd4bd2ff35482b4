import torch
from torch import Tensor

from ._check import require_floating


def relu(x: Tensor) -> Tensor:
    """Rectified linear unit: max(x, 0); NaN stays NaN. Which sign a zero has is left open.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating.
    Source: canonical ``hidden_act="relu"``.
    """
    require_floating("x", x)
    return torch.relu(x)

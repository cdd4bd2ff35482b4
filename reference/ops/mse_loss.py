import torch
from torch import Tensor

from ._check import require, require_floating


def mse_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error: mean((prediction − target)²); of nothing it is NaN.

    Infinities of one sign are NaN, others infinite; so is a square beyond the largest number.

    Shapes: prediction, target: the same → (1,).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or the shapes differ, which would broadcast unasked.
    Source: canonical ``nn.MSELoss`` (regression).
    """
    require_floating("prediction", prediction)
    require_floating("target", target)
    require(
        prediction.shape == target.shape,
        f"prediction has shape {tuple(prediction.shape)} and target {tuple(target.shape)}; "
        "reshape the target",
    )
    return torch.mean((prediction - target) ** 2).reshape(1)

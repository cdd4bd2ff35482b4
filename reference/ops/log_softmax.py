import torch
from torch import Tensor

from ._check import require, require_floating


def log_softmax(x: Tensor, axis: int) -> Tensor:
    """Logarithm of the softmax along one axis: x − max − log Σ exp(x − max).

    Where a probability underflows its logarithm does not. An element of −∞ beside finite ones gives −∞; a
    row of nothing but −∞, or with a +∞, is NaN throughout; an empty axis stays empty.

    Shapes: x: any with the axis → the same.
    Dtypes: floating; the result has x's. Half precision accumulates in float32.
    Raises: ValueError if x is not floating, or has no such axis.
    Source: Goodfellow et al. 2016, Deep Learning, §6.2.2.3, eq. 6.30; canonical ``nn.CrossEntropyLoss``.
    """
    require_floating("x", x)
    require(
        -x.ndim <= axis < x.ndim,
        f"axis={axis}, but x has shape {tuple(x.shape)}: give an axis in [{-x.ndim}, {x.ndim})",
    )
    return torch.log_softmax(x, dim=axis)

import torch
from torch import Tensor

from ._check import require, require_floating


def softmax(x: Tensor, axis: int) -> Tensor:
    """Softmax along one axis: exp(x − max)/Σ exp(x − max).

    A row of nothing but −∞, or with a +∞, is ∞ − ∞, that is NaN; an empty axis stays empty.

    Shapes: x: any with the axis → the same.
    Dtypes: floating; the result has x's. Half precision accumulates in float32.
    Raises: ValueError if x is not floating, or has no such axis.
    Source: Goodfellow et al. 2016, Deep Learning, §4.1 (the shift by the maximum).
    """
    require_floating("x", x)
    require(
        -x.ndim <= axis < x.ndim,
        f"axis={axis}, but x has shape {tuple(x.shape)}: give an axis in [{-x.ndim}, {x.ndim})",
    )
    return torch.softmax(x, dim=axis)

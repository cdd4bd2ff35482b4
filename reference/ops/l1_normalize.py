import torch
from torch import Tensor

from ._check import require, require_floating


def l1_normalize(x: Tensor) -> Tensor:
    """Divide by the L1 norm over the last axis: x/Σ|x|, with no epsilon: a row of zeros is 0/0, that is NaN.

    Shapes: x: (..., d) → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating or has no axis.
    Source: canonical ``HyenaFilter(normalized=True)``.
    """
    require_floating("x", x)
    require(x.ndim >= 1, "x has shape (), expected (..., d); reshape it first")
    return x / torch.linalg.vector_norm(x, ord=1, dim=-1, keepdim=True)

import torch
from torch import Tensor


def l1_normalize(x: Tensor) -> Tensor:
    """Divide by the L1 norm over the last axis: x/Σ|x|, with no epsilon: a row of zeros is 0/0, that is NaN.

    Shapes: x: (..., d) → the same.
    Dtypes: floating; the result has x's.
    Source: canonical ``HyenaFilter(normalized=True)``.
    """
    return x / torch.linalg.vector_norm(x, ord=1, dim=-1, keepdim=True)

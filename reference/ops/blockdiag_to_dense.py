import torch
from torch import Tensor

from ._check import require_ndim


def blockdiag_to_dense(weight: Tensor) -> Tensor:
    """The dense matrix with the given blocks on its diagonal and zeros elsewhere.

    Shapes: weight: (k, q, p) → (k·q, k·p).
    Dtypes: any; the result has the input's.
    Raises: ValueError if weight does not have three axes.
    Source: canonical ``blockdiag_weight_to_dense_weight``.
    """
    require_ndim("weight", weight, 3, "(k, q, p)")
    if weight.shape[0] == 0:  # PyTorch's has a row then, of nothing
        return weight.reshape(0, 0)
    return torch.block_diag(*torch.unbind(weight, dim=0))

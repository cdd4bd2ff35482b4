import torch
import torch.nn.functional as F
from torch import Tensor

from ._check import require, require_ndim


def embedding(ids: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """Rows of a table: out[..., :] = weight[ids[...]].

    The row `padding_idx` is read like any other, and receives no gradient.

    Shapes: ids: any (integers), weight: (n, d) → (*ids.shape, d).
    Dtypes: the result has weight's.
    Raises: ValueError if an id is not in [0, n).
    Source: canonical ``nn.Embedding(..., padding_idx)``.
    """
    require_ndim("weight", weight, 2, "(n, d)")
    require(
        not ids.is_floating_point() and ids.dtype != torch.bool,
        f"ids have dtype {ids.dtype}, expected integers",
    )
    ids = ids.long()  # PyTorch looks up by two of its integer dtypes only
    if ids.numel():
        low, high = ids.min().item(), ids.max().item()
        require(
            low >= 0 and high < weight.shape[0],
            f"ids span [{low}, {high}], but the table has rows 0 to {weight.shape[0] - 1}; "
            "check the vocabulary",
        )
    return F.embedding(ids, weight, padding_idx=padding_idx)

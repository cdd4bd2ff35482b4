import torch
from torch import Tensor

from ._check import require, require_floating
from ._precision import widen


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean over the positions that the mask keeps: Σ_l mask·x / Σ_l mask.

    A row with nothing unmasked is 0/0, that is NaN, as in the canonical code.

    Shapes: x: (b, l, d), mask: (b, l) of 0 and 1 → (b, d).
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating, or mask does not have x's batch and length.
    Source: canonical ``BertPooler`` with ``pool_all``.
    """
    require_floating("x", x)
    require(
        x.ndim == 3 and tuple(mask.shape) == tuple(x.shape[:2]),
        f"mask has shape {tuple(mask.shape)}, expected the batch and length of x {tuple(x.shape)}",
    )
    kept = torch.sum(widen(x) * mask[:, :, None], dim=1)  # (b, d)
    return (kept / torch.sum(mask, dim=1, keepdim=True)).to(x.dtype)

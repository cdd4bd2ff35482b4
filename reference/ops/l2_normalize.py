import torch
from torch import Tensor

from ._check import require, require_floating
from ._precision import widen


def l2_normalize(x: Tensor, eps: float = 1e-12) -> Tensor:
    """Divide by the Euclidean norm over the last axis: x/max(‖x‖₂, eps).

    A row of zeros gives zeros; ∞/∞, an infinity in an infinite norm, is NaN.

    Shapes: x: (..., d) → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating or has no axis.
    Source: canonical ``F.normalize(p=2, dim=1)`` of the sentence embedding.
    """
    require_floating("x", x)
    require(x.ndim >= 1, "x has shape (), expected (..., d); reshape it first")
    wide = widen(x)  # float16 has no 1e-12: zeros would be 0/0
    norm = torch.linalg.vector_norm(wide, ord=2, dim=-1, keepdim=True)
    return (wide / torch.clamp_min(norm, eps)).to(x.dtype)

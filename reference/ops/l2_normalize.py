import torch
from torch import Tensor

from ._precision import widen


def l2_normalize(x: Tensor, eps: float = 1e-12) -> Tensor:
    """Divide by the Euclidean norm over the last axis: x/max(‖x‖₂, eps).

    A row of zeros gives zeros; ∞/∞, an infinity in an infinite norm, is NaN.

    Shapes: x: (..., d) → the same.
    Dtypes: floating; the result has x's.
    Source: canonical ``F.normalize(p=2, dim=1)`` of the sentence embedding.
    """
    wide = widen(x)  # float16 has no 1e-12: zeros would be 0/0
    norm = torch.linalg.vector_norm(wide, ord=2, dim=-1, keepdim=True)
    return (wide / torch.clamp_min(norm, eps)).to(x.dtype)

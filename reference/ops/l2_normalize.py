import torch
from torch import Tensor


def l2_normalize(x: Tensor, eps: float = 1e-12) -> Tensor:
    """Divide by the Euclidean norm over the last axis: x/max(‖x‖₂, eps).

    Shapes: x: (..., d) → the same.
    Dtypes: floating; the result has x's.
    Source: canonical ``F.normalize(p=2, dim=1)`` of the sentence embedding.
    """
    norm = torch.linalg.vector_norm(x, ord=2, dim=-1, keepdim=True)
    return x / torch.clamp_min(norm, eps)

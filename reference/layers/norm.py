"""Layer normalization."""

import torch
from torch import Tensor, nn

from reference import ops


class LayerNorm(nn.Module):
    """(x − mean)/√(var + eps)·weight + bias over the last axis.

    Shapes: x: (..., d) → the same; weight, bias: (d,).
    Source: canonical ``nn.LayerNorm``.
    """

    def __init__(self, d: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d))
        self.bias = nn.Parameter(torch.zeros(d))

    def forward(self, x: Tensor) -> Tensor:
        return ops.layer_norm(x, self.weight, self.bias, self.eps)

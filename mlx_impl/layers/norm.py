"""Layer normalization."""

import mlx.core as mx
from mlx import nn

from mlx_impl import ops


class LayerNorm(nn.Module):
    """(x − mean)/√(var + eps)·weight + bias over the last axis.

    Shapes: x: (..., d) → the same; weight, bias: (d,).
    Source: canonical ``nn.LayerNorm``.
    """

    def __init__(self, d: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = mx.ones((d,), dtype=mx.float32)
        self.bias = mx.zeros((d,), dtype=mx.float32)

    def __call__(self, x: mx.array) -> mx.array:
        return ops.layer_norm(x, self.weight, self.bias, self.eps)

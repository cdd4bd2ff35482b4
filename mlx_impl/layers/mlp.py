"""The state mixer: a plain or gated MLP, dense or block-diagonal."""

import mlx.core as mx
from mlx import nn

from mlx_impl import ops
from mlx_impl.config import M2BertConfig

from .activation import Activation, Dropout
from .fusion import fuses
from .linear import BlockdiagLinear, Linear
from .norm import LayerNorm


def _linear(config: M2BertConfig, i: int, o: int, bias: bool) -> nn.Module:
    """A dense or block-diagonal map, as the configuration asks."""
    if config.use_monarch_mlp:
        return BlockdiagLinear(i, o, bias=bias, nblocks=config.monarch_mlp_nblocks)
    return Linear(i, o, bias=bias)


class BertMLP(nn.Module):
    """LayerNorm(x + W₂·gelu(W₁·x)).

    Shapes: x: (..., d) → the same.
    Source: canonical ``BertMLP``.
    """

    def __init__(self, config: M2BertConfig) -> None:
        super().__init__()
        d, m = config.hidden_size, config.intermediate_size
        self.gated_layers = _linear(config, d, m, bias=False)
        self.act = Activation("gelu")
        self.wo = _linear(config, m, d, bias=True)
        self.layernorm = LayerNorm(d, eps=config.layer_norm_eps)
        self.dropout = Dropout(config.hidden_dropout_prob)

    def __call__(self, x: mx.array) -> mx.array:
        h = self.dropout(self.act(self.gated_layers(x)))  # (..., m)
        return self.layernorm(ops.add(self.wo(h), x))


class BertGatedLinearUnitMLP(nn.Module):
    """LayerNorm(x + W₂·(gelu(a)·b)) with a, b the halves of W₁·x.

    Shapes: x: (..., d) → the same.
    Source: canonical ``BertGatedLinearUnitMLP``; Shazeer 2020, GEGLU.
    """

    def __init__(self, config: M2BertConfig) -> None:
        super().__init__()
        d, m = config.hidden_size, config.intermediate_size
        self.intermediate_size = m
        self.gated_layers = _linear(config, d, 2 * m, bias=False)
        self.act = Activation("gelu")
        self.wo = _linear(config, m, d, bias=True)
        self.dropout = Dropout(config.hidden_dropout_prob)
        self.layernorm = LayerNorm(d, eps=config.layer_norm_eps)

    def __call__(self, x: mx.array) -> mx.array:
        if fuses() and isinstance(self.gated_layers, BlockdiagLinear) and self.gated_layers.whole:
            h = ops.blockdiag_glu(self.gated_layers.spread(x), self.gated_layers.weight)  # (..., m)
        else:
            halves = self.gated_layers(x)  # (..., 2·m)
            gated, non_gated = ops.split(halves, [self.intermediate_size] * 2, -1)
            h = ops.gate(self.act(gated), non_gated)
        h = self.dropout(h)
        return self.layernorm(ops.add(self.wo(h), x))

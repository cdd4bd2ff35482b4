"""What stands on the encoder: the masked-language-model head."""

import mlx.core as mx
from mlx import nn

from mlx_impl import ops
from mlx_impl.config import M2BertConfig

from .activation import Activation
from .embeddings import Embedding
from .linear import Linear
from .norm import LayerNorm


class BertPredictionHeadTransform(nn.Module):
    """LayerNorm(act(W·x + b)), with an epsilon of 1e-12 whatever the configuration says.

    Shapes: x: (..., d) → the same.
    Source: canonical ``BertPredictionHeadTransform``.
    """

    def __init__(self, config: M2BertConfig) -> None:
        super().__init__()
        self.dense = Linear(config.hidden_size, config.hidden_size)
        self.transform_act_fn = Activation(config.hidden_act)
        self.LayerNorm = LayerNorm(config.hidden_size, eps=1e-12)

    def __call__(self, x: mx.array) -> mx.array:
        return self.LayerNorm(self.transform_act_fn(self.dense(x)))


class TiedDecoder(nn.Module):
    """x·Eᵀ + b with the table E of the word embeddings and a bias of its own.

    Shapes: x: (..., d) → (..., vocabulary).
    Source: canonical ``decoder`` of ``BertLMPredictionHead``.
    """

    def __init__(self, table: Embedding) -> None:
        super().__init__()
        # In a tuple MLX does not see it as a child, so that the table has one name and one gradient.
        self._embedding = (table,)
        self.bias = mx.zeros((table.weight.shape[0],), dtype=mx.float32)

    def __call__(self, x: mx.array) -> mx.array:
        return ops.linear(x, self._embedding[0].weight, self.bias)


class BertLMPredictionHead(nn.Module):
    """decoder(transform(x)).

    Shapes: x: (..., d) → (..., vocabulary).
    Source: canonical ``BertLMPredictionHead``.
    """

    def __init__(self, config: M2BertConfig, table: Embedding) -> None:
        super().__init__()
        self.transform = BertPredictionHeadTransform(config)
        self.decoder = TiedDecoder(table)

    def __call__(self, x: mx.array) -> mx.array:
        return self.decoder(self.transform(x))


class BertOnlyMLMHead(nn.Module):
    """The masked-language-model head under its checkpoint name, ``cls.predictions``.

    Shapes: x: (..., d) → (..., vocabulary).
    Source: canonical ``BertOnlyMLMHead``.
    """

    def __init__(self, config: M2BertConfig, table: Embedding) -> None:
        super().__init__()
        self.predictions = BertLMPredictionHead(config, table)

    def __call__(self, x: mx.array) -> mx.array:
        return self.predictions(x)

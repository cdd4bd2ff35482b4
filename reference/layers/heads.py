"""What stands on the encoder: the masked-language-model head."""

import torch
from torch import Tensor, nn

from reference import ops
from reference.config import M2BertConfig

from .activation import Activation
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

    def forward(self, x: Tensor) -> Tensor:
        return self.LayerNorm(self.transform_act_fn(self.dense(x)))


class TiedDecoder(nn.Module):
    """x·Eᵀ + b with the table E of the word embeddings and a bias of its own.

    Shapes: x: (..., d) → (..., vocabulary).
    Source: canonical ``decoder`` of ``BertLMPredictionHead``.
    """

    def __init__(self, table: nn.Parameter) -> None:
        super().__init__()
        self.weight = table
        self.bias = nn.Parameter(torch.zeros(table.shape[0]))

    def forward(self, x: Tensor) -> Tensor:
        return ops.linear(x, self.weight, self.bias)


class BertLMPredictionHead(nn.Module):
    """decoder(transform(x)).

    Shapes: x: (..., d) → (..., vocabulary).
    Source: canonical ``BertLMPredictionHead``.
    """

    def __init__(self, config: M2BertConfig, table: nn.Parameter) -> None:
        super().__init__()
        self.transform = BertPredictionHeadTransform(config)
        self.decoder = TiedDecoder(table)

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.transform(x))


class BertOnlyMLMHead(nn.Module):
    """The masked-language-model head under its checkpoint name, ``cls.predictions``.

    Shapes: x: (..., d) → (..., vocabulary).
    Source: canonical ``BertOnlyMLMHead``.
    """

    def __init__(self, config: M2BertConfig, table: nn.Parameter) -> None:
        super().__init__()
        self.predictions = BertLMPredictionHead(config, table)

    def forward(self, x: Tensor) -> Tensor:
        return self.predictions(x)

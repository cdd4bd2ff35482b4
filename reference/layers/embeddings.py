"""Token embeddings: word + type + position, normalized."""

import torch
from torch import Tensor, nn

from reference import ops
from reference.config import M2BertConfig

from .activation import Dropout
from .norm import LayerNorm


class Embedding(nn.Module):
    """Rows of a table; the row `padding_idx` receives no gradient.

    Shapes: ids: any → (*ids.shape, d); weight: (n, d).
    Source: canonical ``nn.Embedding``.
    """

    def __init__(self, n: int, d: int, padding_idx: int | None = None) -> None:
        super().__init__()
        self.padding_idx = padding_idx
        self.weight = nn.Parameter(torch.randn(n, d) * 0.02)

    def forward(self, ids: Tensor) -> Tensor:
        return ops.embedding(ids, self.weight, self.padding_idx)


class BertEmbeddings(nn.Module):
    """LayerNorm(word + type + position), without the position term if the configuration has none.

    Shapes: input_ids, token_type_ids: (b, l), position_ids: (1 or b, l) → (b, l, d).
    Raises: ValueError if the length exceeds max_position_embeddings.
    Source: canonical ``BertEmbeddings``.
    """

    position_ids: Tensor

    def __init__(self, config: M2BertConfig) -> None:
        super().__init__()
        d = config.hidden_size
        self.word_embeddings = Embedding(config.vocab_size, d, padding_idx=config.pad_token_id)
        self.use_positional_encodings = config.use_positional_encodings
        if config.use_positional_encodings:
            self.max_position_embeddings = config.max_position_embeddings
            self.position_embeddings = Embedding(config.max_position_embeddings, d)
            positions = torch.arange(config.max_position_embeddings)[None]  # (1, max)
            self.register_buffer("position_ids", positions)
        self.token_type_embeddings = Embedding(config.type_vocab_size, d)
        self.LayerNorm = LayerNorm(d, eps=config.layer_norm_eps)
        self.dropout = Dropout(config.hidden_dropout_prob)

    def forward(
        self,
        input_ids: Tensor,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
    ) -> Tensor:
        length = input_ids.shape[1]
        if token_type_ids is None:
            token_type_ids = torch.zeros_like(input_ids)
        x = self.word_embeddings(input_ids)  # (b, l, d)
        x = ops.add(x, self.token_type_embeddings(token_type_ids))
        if self.use_positional_encodings:
            if position_ids is None:
                if length > self.max_position_embeddings:
                    raise ValueError(
                        f"input_ids have length {length}, but the position table has "
                        f"max_position_embeddings={self.max_position_embeddings} rows; "
                        "cut the input or extend the table"
                    )
                position_ids = self.position_ids[:, :length]
            x = ops.add(x, self.position_embeddings(position_ids))
        return self.dropout(self.LayerNorm(x))

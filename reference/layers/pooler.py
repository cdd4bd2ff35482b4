"""From a sequence to one vector: first token, mean over the mask, or attention pooling."""

from torch import Tensor, nn

from reference import ops
from reference.config import M2BertConfig

from .activation import Activation
from .linear import Linear


class BertPooler(nn.Module):
    """tanh(W·h + b), h the first token or, with `pool_all`, the mean over unmasked positions.

    Shapes: hidden_states: (b, l, d), mask: (b, l) → (b, d).
    Source: canonical ``BertPooler``.
    """

    def __init__(self, config: M2BertConfig) -> None:
        super().__init__()
        self.pool_all = config.pool_all
        self.dense = Linear(config.hidden_size, config.hidden_size)
        self.activation = Activation("tanh")

    def forward(self, hidden_states: Tensor, mask: Tensor) -> Tensor:
        h = ops.masked_mean(hidden_states, mask) if self.pool_all else hidden_states[:, 0]
        return self.activation(self.dense(h))


class AttentionPooler(nn.Module):
    """Two rounds of column attention and an MLP, then tanh(W·h + b) of the first token.

    Both rounds share one projection `Wqkv`.

    Shapes: hidden_states: (b, l, d), mask: (b, l) → (b, d).
    Source: canonical ``AttentionPooler``.
    """

    def __init__(self, config: M2BertConfig) -> None:
        super().__init__()
        d, m = config.hidden_size, config.intermediate_size
        self.d_model = d
        self.Wqkv = Linear(d, 3 * d)
        self.dense1 = Linear(d, m)
        self.dense2 = Linear(m, d)
        self.dense3 = Linear(d, m)
        self.dense4 = Linear(m, d)
        self.gelu = Activation("gelu")
        self.dense = Linear(d, d)
        self.activation = Activation("tanh")

    def _attend(self, x: Tensor, mask: Tensor) -> Tensor:
        q, k, v = ops.split(self.Wqkv(x), [self.d_model] * 3, -1)
        return ops.column_attention(q, k, v, mask)

    def forward(self, hidden_states: Tensor, mask: Tensor) -> Tensor:
        h = self.dense2(self.gelu(self.dense1(self._attend(hidden_states, mask))))
        h = self.dense4(self.gelu(self.dense3(self._attend(h, mask))))
        return self.activation(self.dense(h[:, 0]))

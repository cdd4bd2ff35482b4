"""The encoder: layers of sequence mixing, then state mixing."""

from torch import Tensor, nn

from reference import ops
from reference.config import M2BertConfig

from .mixer import MonarchMixerSequenceMixing
from .mlp import BertGatedLinearUnitMLP, BertMLP


class BertLayer(nn.Module):
    """mlp(attention(x)); the mixer keeps the name that attention has in BERT's checkpoints.

    Shapes: x: (b, l, d) → the same.
    Source: canonical ``BertLayer``.
    """

    def __init__(self, config: M2BertConfig) -> None:
        super().__init__()
        self.attention = MonarchMixerSequenceMixing(
            config.hidden_size,
            l_max=config.long_conv_l_max,
            bidirectional=config.bidirectional,
            hyena_lr_pos_emb=config.hyena_lr_pos_emb,
            hyena_w=config.hyena_w,
            hyena_w_mod=config.hyena_w_mod,
            hyena_emb_dim=config.hyena_emb_dim,
            hyena_filter_order=config.hyena_filter_order,
            residual_long_conv=config.residual_long_conv,
            hyena_training_additions=config.hyena_training_additions,
        )
        self.mlp = BertGatedLinearUnitMLP(config) if config.use_glu_mlp else BertMLP(config)

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp(self.attention(x))


class BertEncoder(nn.Module):
    """`num_hidden_layers` layers, one after the other.

    Shapes: x: (b, l, d) → (b, l, d), or (n, d) with rows: (n,) into b·l, the positions wanted.
    Source: canonical ``BertEncoder``; its ``subset_mask`` is `rows` here.
    """

    def __init__(self, config: M2BertConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(BertLayer(config) for _ in range(config.num_hidden_layers))

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        for layer in self.layer:
            x = layer(x)
        if rows is None:
            return x
        return ops.gather_rows(x.reshape(-1, x.shape[-1]), rows)

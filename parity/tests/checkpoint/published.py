"""The published checkpoints at small width: configuration keys, names and dtypes of tensors."""

import copy
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

import reference

LAYERS = 2
VOCABULARY = 40

_BERT = {
    "alibi_starting_size": 512,
    "attention_probs_dropout_prob": 0.0,
    "classifier_dropout": None,
    "gradient_checkpointing": False,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-12,
    "num_attention_heads": 12,
    "num_hidden_layers": LAYERS,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "transformers_version": "4.28.1",
    "type_vocab_size": 2,
    "use_cache": True,
    "vocab_size": VOCABULARY,
}
_MIXER = {
    "bidirectional": True,
    "hyena_emb_dim": 5,
    "hyena_filter_order": 8,
    "hyena_lr_pos_emb": 1e-5,
    "hyena_w": 10,
    "hyena_wd": 0.1,
    "long_conv_kernel_learning_rate": 1e-3,
    "monarch_mlp_nblocks": 4,
    "residual_long_conv": True,
    "use_glu_mlp": True,
    "use_monarch_mlp": True,
    "use_positional_encodings": True,
}
_RETRIEVAL = {"hyena_filter_dropout": 0.2, "hyena_w_mod": 1, "pool_all": False}


_STATES: dict[str, "OrderedDict[str, Tensor]"] = {}
"""Every state_dict that has been asked for, by layout and seed."""


@dataclass(frozen=True)
class Layout:
    """A published checkpoint: its width and length made small, its names as they are."""

    name: str
    width: int
    length: int
    head: str = "mlm"
    retrieval: bool = False
    more: dict[str, Any] = field(default_factory=dict)

    def config(self) -> dict[str, Any]:
        """config.json, with the keys of Hugging Face's library in it."""
        what = "BertForSequenceClassification" if self.retrieval else "BertForMaskedLM"
        return {
            **_BERT,
            **_MIXER,
            **(_RETRIEVAL if self.retrieval else {"torch_dtype": "float32"}),
            "_name_or_path": self.name,
            "architectures": [what],
            "auto_map": {"AutoConfig": "configuration_bert.BertConfig"},
            "model_type": "m2_bert" if self.retrieval else "bert",
            "hidden_size": self.width,
            "intermediate_size": 4 * self.width,
            "long_conv_l_max": self.length,
            "max_position_embeddings": self.length,
            **self.more,
        }

    def state(self, seed: int = 0) -> "OrderedDict[str, Tensor]":
        """The published state_dict: the canonical one, and what the GPU path left in it."""
        key = f"{self} {seed}"
        if key not in _STATES:
            _STATES[key] = self._made(seed)
        return copy.deepcopy(_STATES[key])  # tensors that share their memory still do

    def _made(self, seed: int) -> "OrderedDict[str, Tensor]":
        known = {k: v for k, v in self.config().items() if k in reference.M2BertConfig.__dataclass_fields__}
        torch.manual_seed(seed)
        model = reference.HEADS[self.head](reference.M2BertConfig(**known))
        found = OrderedDict(model.state_dict())
        if self.retrieval:
            found = OrderedDict((f"bert.{name}", x) for name, x in found.items())
            for place in ("encoder.flashfft", "encoder.layer.0.attention.flashfft"):
                found[f"bert.{place}.f_16_fft"] = torch.randn(4, 4).to(torch.bfloat16)
        return found


def canonical(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without the tables of the GPU path, which no other path has."""
    return {name: x for name, x in state.items() if "flashfft" not in name}


LAYOUTS = (
    Layout("m2-bert-80M", 16, 8, more={"hyena_training_additions": True}),
    Layout("m2-bert-110M", 20, 8),
    Layout("m2-bert-260M", 24, 8),
    Layout("m2-bert-341M", 28, 8),
    Layout("m2-bert-80M-2k", 16, 16),
    Layout("m2-bert-80M-2k-retrieval", 16, 16, "model", True),
    Layout("m2-bert-80M-8k-retrieval", 16, 32, "model", True),
    Layout("m2-bert-80M-32k-retrieval", 16, 64, "model", True),
    Layout("M2-BERT-8k-Retrieval-Encoder-V1", 16, 32, more={"hyena_training_additions": False}),
)
"""One for each published model, by its name; V1 encoders have the masked-language-model head."""

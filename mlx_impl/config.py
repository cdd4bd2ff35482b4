"""The configuration of M2-BERT, under the canonical keys."""

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

PROBLEM_TYPES = ("regression", "single_label_classification", "multi_label_classification")

_LARGEST_SIZE = 2**31 - 1
"""Indices have 32 bits."""

_LARGEST = 3.4028234663852886e38
"""Of float32."""

_NOT_NEGATIVE = ("layer_norm_eps", "initializer_range")


def _shown(value: object) -> str:
    """A value in an error; an integer may have any number of digits."""
    return "a number of many digits" if isinstance(value, int) and abs(value) > 1 << 64 else repr(value)[:80]


@dataclass(frozen=True, kw_only=True)
class M2BertConfig:
    """Every key of the canonical ``BertConfig`` that shapes an M2-BERT, with its default there.

    Keys that only steer training (learning rates, weight decay, filter dropout, which the canonical
    filter never applies) are accepted and kept, so that a published configuration loads whole.

    Raises: ValueError if a value is out of its range, or asks for a model that is not an M2-BERT.
    Source: canonical ``configuration_bert.py``; BERT's keys as in Hugging Face's ``BertConfig``.
    """

    # BERT
    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.0
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0
    classifier_dropout: float | None = None
    num_labels: int = 2
    problem_type: str | None = None
    alibi_starting_size: int = 512
    # state mixing
    use_glu_mlp: bool = True
    use_monarch_mlp: bool = False
    monarch_mlp_nblocks: int = 4
    # position
    use_positional_encodings: bool = False
    expand_positional_embeddings: bool = False
    # sequence mixing
    monarch_mixer_sequence_mixing: bool = True
    residual_long_conv: bool = False
    bidirectional: bool = True
    long_conv_l_max: int = 128
    long_conv_kernel_learning_rate: float | None = None
    hyena_lr_pos_emb: float = 1e-5
    hyena_w: float = 10
    hyena_w_mod: float = 1
    hyena_wd: float = 0.1
    hyena_emb_dim: int = 3
    hyena_filter_dropout: float = 0.2
    hyena_filter_order: int = 64
    hyena_training_additions: bool = False
    # pooling
    pool_all: bool = False
    attention_pooling: bool = False
    use_cls_token: bool = True
    gather_sentence_embeddings: bool = False
    use_normalized_embeddings: bool = False
    sequence_token_planting: bool = False
    performing_BEIR_evaluation: bool = False
    # the canonical code's GPU paths, which compute the same function
    use_flash_mm: bool = False
    use_flash_fft: bool = False

    def __post_init__(self) -> None:
        for key in (
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "intermediate_size",
            "max_position_embeddings",
            "type_vocab_size",
            "num_labels",
            "monarch_mlp_nblocks",
            "long_conv_l_max",
            "hyena_filter_order",
        ):
            value = getattr(self, key)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _LARGEST_SIZE:
                raise ValueError(f"{key}={_shown(value)}, expected an integer from 1 to {_LARGEST_SIZE}")
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name in _NOT_NEGATIVE else -_LARGEST
            # Not NaN either, which is neither less nor greater.
            if isinstance(value, int | float) and not least <= value <= _LARGEST:
                raise ValueError(
                    f"{field.name}={_shown(value)}, expected a number from {least:g} to {_LARGEST:g}"
                )
        for key in ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"):
            value = getattr(self, key)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{key}={_shown(value)}, expected a probability from 0 to 1")
        if self.hyena_emb_dim < 3 or self.hyena_emb_dim % 2 == 0:
            raise ValueError(
                f"hyena_emb_dim={self.hyena_emb_dim}, expected an odd number of at least 3 "
                "(time, then pairs of cosine and sine)"
            )
        if not 0 <= self.pad_token_id < self.vocab_size:
            raise ValueError(
                f"pad_token_id={self.pad_token_id} is not in the vocabulary of {self.vocab_size}"
            )
        if self.problem_type is not None and self.problem_type not in PROBLEM_TYPES:
            raise ValueError(f"problem_type={self.problem_type!r}, expected None or one of {PROBLEM_TYPES}")
        if not self.monarch_mixer_sequence_mixing:
            raise ValueError(
                "monarch_mixer_sequence_mixing=False is BERT with attention, not M2-BERT; set it to True"
            )
        if self.sequence_token_planting:
            raise ValueError(
                "sequence_token_planting=True is not supported: its pooling sums over the other "
                "sequences of the batch; set it to False"
            )

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any]) -> Self:
        """A configuration from canonical keys.

        Raises: ValueError naming the unknown keys, each with the nearest known one.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = []
        for key in sorted(set(mapping) - known):
            near = difflib.get_close_matches(key, sorted(known), n=1)
            unknown.append(f"{key!r}" + (f" (did you mean {near[0]!r}?)" if near else ""))
        if unknown:
            raise ValueError(f"unknown configuration key {', '.join(unknown)}; remove it")
        return cls(**mapping)

    def to_dict(self) -> dict[str, Any]:
        """The canonical keys and their values."""
        return dataclasses.asdict(self)


M2_BERT_80M = M2BertConfig(
    vocab_size=30528,
    max_position_embeddings=128,
    long_conv_l_max=128,
    hyena_emb_dim=5,
    hyena_filter_order=128,
    residual_long_conv=True,
    use_monarch_mlp=True,
    use_positional_encodings=True,
    use_cls_token=False,
)
"""The published 80M model at 128 tokens: 12 layers, d = 768, four blocks in the MLP."""

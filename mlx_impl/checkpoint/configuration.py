"""The configuration of a checkpoint: read from config.json, or inferred from the shapes of tensors."""

import dataclasses
import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

from mlx_impl.config import M2BertConfig

from . import limits
from .errors import CheckpointError
from .files import read_json

BOOKKEEPING = frozenset(
    """
    _name_or_path architectures auto_map gradient_checkpointing id2label label2id model_type
    position_embedding_type precision pretrained_checkpoint tokenizer_class torch_dtype dtype
    transformers_version use_cache use_learnable_monarch add_cross_attention bad_words_ids
    begin_suppress_tokens bos_token_id chunk_size_feed_forward cross_attention_hidden_size
    decoder_start_token_id diversity_penalty do_sample early_stopping encoder_no_repeat_ngram_size
    eos_token_id exponential_decay_length_penalty finetuning_task forced_bos_token_id
    forced_eos_token_id is_decoder is_encoder_decoder length_penalty max_length min_length
    no_repeat_ngram_size num_beam_groups num_beams num_return_sequences output_attentions
    output_hidden_states output_scores prefix pruned_heads remove_invalid_values repetition_penalty
    return_dict return_dict_in_generate sep_token_id suppress_tokens task_specific_params temperature
    tf_legacy_loss tie_encoder_decoder tie_word_embeddings tokenizer_name top_k top_p torchscript
    typical_p use_bfloat16
    """.split()
)
"""Keys that Hugging Face's library writes, or the authors' scripts, and that change nothing of the model."""

ASSUMED = (
    "hidden_act",
    "layer_norm_eps",
    "pad_token_id",
    "hyena_w_mod",
    "pool_all",
    "use_cls_token",
    "gather_sentence_embeddings",
    "use_normalized_embeddings",
)
"""Keys that change what a model computes and that no shape tells."""


@dataclass(frozen=True)
class Configuration:
    """A configuration, and where each part is from.

    `inferred` are keys told by shapes, `assumed` keys that change the function and that nothing told,
    `ignored` keys of the file that mean nothing to the model.
    """

    config: M2BertConfig
    source: str
    inferred: Mapping[str, Any] = field(default_factory=dict)
    assumed: Mapping[str, Any] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


def read_keys(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The canonical keys of a config.json, and those that are bookkeeping.

    Raises: CheckpointError if it is malformed, too large, or has an unknown key or a value of a wrong type.
    """
    found = read_json(path, limits.CONFIG)
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} is not an object of keys")
    return checked_keys(str(path), found)


def checked_keys(what: str, found: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Canonical keys with values of the right types, and the others.

    Raises: CheckpointError naming what is unknown or of a wrong type.
    """
    known = {f.name for f in dataclasses.fields(M2BertConfig)}
    keys = {k: v for k, v in found.items() if k in known}
    if "num_labels" not in keys and isinstance(found.get("id2label"), dict):
        keys["num_labels"] = len(found["id2label"])
    unknown = sorted(set(found) - known - BOOKKEEPING)
    if unknown:
        near = difflib.get_close_matches(unknown[0][:80], sorted(known), n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        names = ", ".join(repr(k[:80]) for k in unknown[:5])
        raise CheckpointError(f"{what}: unknown key {names}{hint}; remove what is not of an M2-BERT")
    hints = get_type_hints(M2BertConfig)
    for key, value in keys.items():
        wanted = get_args(hints[key]) or (hints[key],)
        if type(value) is int and float in wanted:
            continue
        if type(value) not in wanted:
            names = " or ".join("null" if t is NoneType else t.__name__ for t in wanted)
            raise CheckpointError(f"{what}: {key} is {str(value)[:40]!r}, expected {names}")
    rest = {key: found[key] for key in sorted(set(found) - known)}
    try:
        json.dumps(rest, allow_nan=False)
    except ValueError:
        raise CheckpointError(f"{what}: a number that is infinite, which JSON has not") from None
    return keys, rest


def make(what: str, keys: Mapping[str, Any]) -> M2BertConfig:
    """A configuration of canonical keys.

    Raises: CheckpointError saying which value is out of its range.
    """
    try:
        return M2BertConfig.from_dict(keys)
    except (ValueError, TypeError, OverflowError) as error:
        raise CheckpointError(f"{what}: {error}") from None


def determine(
    what: str, shapes: Mapping[str, tuple[int, ...]], given: Mapping[str, Any] | None, head: str
) -> Configuration:
    """The configuration of tensors of these shapes: as given, else inferred.

    A vocabulary may be given as it is before the canonical code pads it to a multiple of eight.

    Raises: CheckpointError if what is given contradicts the shapes, or they are too few to tell.
    """
    inferred = infer(what, shapes, head)
    rows = inferred["vocab_size"]
    if given is not None and given.get("vocab_size") != rows == _padded(given.get("vocab_size")):
        given = {k: v for k, v in given.items() if k != "vocab_size"}
    if given is None:
        config = make(what, inferred)
        assumed = {k: getattr(config, k) for k in ASSUMED if k not in inferred}
        return Configuration(config, "inferred from the shapes", inferred, assumed)
    config = make(what, {**{k: v for k, v in inferred.items() if k not in given}, **given})
    wrong = [
        f"{k} is {getattr(config, k)!r}, the tensors say {v!r}"
        for k, v in inferred.items()
        if getattr(config, k) != v and not (k == "intermediate_size" and _fits(shapes, config))
    ]
    if wrong:
        raise CheckpointError(
            f"{what}: the configuration is another model's: {'; '.join(wrong)}. "
            "Give the right one with --config"
        )
    told = {k: v for k, v in inferred.items() if k not in given}
    assumed = {k: getattr(config, k) for k in ASSUMED if k not in given and k not in inferred}
    return Configuration(config, "config.json", told, assumed)


def _padded(vocabulary: int | None) -> int | None:
    """The size that the canonical code makes of a vocabulary's: the next multiple of eight."""
    return None if vocabulary is None else -(-vocabulary // 8) * 8


def infer(what: str, shapes: Mapping[str, tuple[int, ...]], head: str) -> dict[str, Any]:
    """The keys that the shapes of canonical tensors tell.

    Raises: CheckpointError if a tensor that is needed to tell is missing or has other axes.
    """
    bert = "" if head == "model" else "bert."

    def shape(name: str, axes: int) -> tuple[int, ...]:
        found = shapes.get(bert + name)
        if found is None or len(found) != axes or 0 in found:
            state = "is missing" if found is None else f"has shape {found}"
            raise CheckpointError(
                f"{what}: {bert}{name} {state}; without it nothing can be told of the model"
            )
        return found

    numbered = re.compile(rf"{re.escape(bert)}encoder\.layer\.(\d{{1,6}})\.")
    layers = {int(match[1]) for name in shapes if (match := numbered.match(name))}
    if not layers or layers != set(range(len(layers))):
        missing = sorted(set(range(max(layers, default=0))) - layers)[:5]
        raise CheckpointError(
            f"{what}: its layers are not numbered from 0 on without a gap"
            + (f"; missing {missing}" if missing else "")
        )
    first = "encoder.layer.0."
    mixer = f"{first}attention."
    filter_fn = f"{mixer}filter_fn."
    vocabulary, d = shape("embeddings.word_embeddings.weight", 2)
    table = shape(f"{filter_fn}pos_emb.z", 3)
    positions = f"{bert}embeddings.position_embeddings.weight" in shapes
    found: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": d,
        "num_hidden_layers": len(layers),
        "type_vocab_size": shape("embeddings.token_type_embeddings.weight", 2)[0],
        "use_positional_encodings": positions,
        "long_conv_l_max": table[1],
        "hyena_emb_dim": table[2],
        "hyena_filter_order": shape(f"{filter_fn}implicit_filter.0.weight", 2)[0],
        "residual_long_conv": f"{bert}{mixer}filter_fn2.bias" in shapes,
        "bidirectional": f"{bert}{filter_fn}implicit_filter_rev.0.weight" in shapes,
        "hyena_training_additions": f"{bert}{mixer}layernorm.weight" in shapes,
        "attention_pooling": f"{bert}pooler.Wqkv.weight" in shapes,
    }
    if positions:
        found["max_position_embeddings"] = shape("embeddings.position_embeddings.weight", 2)[0]
    if head == "cls":
        classifier = shapes.get("classifier.weight", ())
        if classifier:
            found["num_labels"] = classifier[0]
    return found | _infer_mlp(shapes, f"{bert}{first}mlp.", shape, d)


def _infer_mlp(shapes: Mapping[str, tuple[int, ...]], mlp: str, shape: Any, d: int) -> dict[str, Any]:
    """The state mixer's keys, from its two matrices."""
    blocks = len(shapes.get(f"{mlp}wo.weight", ())) == 3
    axes = 3 if blocks else 2
    gated = shape("encoder.layer.0.mlp.gated_layers.weight", axes)
    wo = shape("encoder.layer.0.mlp.wo.weight", axes)
    k = wo[0] if blocks else 1
    into, out = (gated[1], wo[2]) if blocks else (gated[0], wo[1])
    glu = into != out  # twice as many features go in as come out of the gate
    found: dict[str, Any] = {"use_monarch_mlp": blocks, "use_glu_mlp": glu, "intermediate_size": k * out}
    if blocks:
        found["monarch_mlp_nblocks"] = k
        if glu:  # blocks are padded: the largest size that gives both shapes
            sizes = [m for m in range(k * (out - 1) + 1, k * out + 1) if -(-2 * m // k) == into]
            found["intermediate_size"] = sizes[-1] if sizes else k * out
    return found


def _fits(shapes: Mapping[str, tuple[int, ...]], config: M2BertConfig) -> bool:
    """Whether another size of the state mixer gives the same padded blocks."""
    found = next((s for n, s in shapes.items() if n.endswith("encoder.layer.0.mlp.wo.weight")), ())
    gated = next((s for n, s in shapes.items() if n.endswith("encoder.layer.0.mlp.gated_layers.weight")), ())
    if len(found) != 3 or len(gated) != 3:
        return False
    m, k = config.intermediate_size, found[0]
    inner = 2 * m if config.use_glu_mlp else m
    return found[2] == -(-m // k) and gated[1] == -(-inner // k)

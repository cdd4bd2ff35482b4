"""The map of names is a bijection, for every configuration; wrappers come off, nothing else."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the checkpoints are made by PyTorch")

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mlx_impl
import reference
from mlx_impl.checkpoint import CheckpointError
from mlx_impl.checkpoint.names import canonical, unnest
from mlx_impl.checkpoint.pickles import Storage, View
from mlx_impl.weights import key_map

BOOLEANS = (
    "use_glu_mlp",
    "use_monarch_mlp",
    "use_positional_encodings",
    "residual_long_conv",
    "bidirectional",
    "hyena_training_additions",
    "attention_pooling",
)


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    """Any combination of what changes which tensors there are."""
    found: dict[str, Any] = {key: draw(st.booleans()) for key in BOOLEANS}
    width = draw(st.integers(2, 9))
    return found | {
        "hidden_size": width,
        "intermediate_size": draw(st.integers(2, 20)),
        "num_hidden_layers": draw(st.integers(1, 3)),
        "vocab_size": draw(st.integers(2, 12)),
        "max_position_embeddings": 4,
        "long_conv_l_max": 4,
        "hyena_filter_order": draw(st.integers(1, 4)),
        "hyena_emb_dim": draw(st.sampled_from([3, 5])),
        "monarch_mlp_nblocks": draw(st.integers(1, 4)),
        "hyena_lr_pos_emb": draw(st.sampled_from([0.0, 1e-5])),
        "num_labels": draw(st.integers(1, 3)),
    }


@settings(
    max_examples=12, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(configurations(), st.sampled_from(["model", "mlm", "cls"]), st.sampled_from(["", "bert."]))
def test_bijection(keys: dict[str, Any], head: str, outer: str) -> None:
    """Every canonical name is a parameter or a further name of one; back and forth is the identity."""
    port = mlx_impl.HEADS[head](mlx_impl.M2BertConfig(**keys))
    state = reference.HEADS[head](reference.M2BertConfig(**keys)).state_dict()
    found = key_map(port, outer)
    assert found.names == {f"{outer}{name}" for name in state}
    assert len(set(found.places.values())) == len(found.places)
    assert set(found.tied.values()) <= set(found.places)
    assert not set(found.tied) & set(found.places)
    tensors = {f"{outer}{name}": x.data_ptr() for name, x in state.items()}
    parameters = found.to_port(tensors)
    assert found.to_canonical(parameters) == tensors
    assert found.to_port(found.to_canonical(parameters)) == parameters
    # What is tied in the port shares its memory in the reference, and nothing else does.
    for alias, first in found.tied.items():
        assert tensors[alias] == tensors[first]
    assert len({tensors[name] for name in found.places}) == len(found.places)


NAMES = ("bert.embeddings.word_embeddings.weight", "cls.predictions.bias")


@pytest.mark.parametrize(
    ("prefix", "taken"),
    [
        ("", ()),
        ("model.", ("model.",)),
        ("module.", ("module.",)),
        ("_orig_mod.", ("_orig_mod.",)),
        ("module.model.", ("module.", "model.")),
        ("model._orig_mod.module.", ("model.", "_orig_mod.", "module.")),
        ("_fsdp_wrapped_module.model.", ("_fsdp_wrapped_module.", "model.")),
    ],
)
def test_prefixes(prefix: str, taken: tuple[str, ...]) -> None:
    """Each is taken off wherever it stands, and said."""
    found = canonical("x", dict.fromkeys((f"{prefix}{n}" for n in NAMES), 1))
    assert set(found.tensors) == set(NAMES)
    assert sorted(found.prefixes) == sorted(taken)
    assert found.head == "mlm"


def test_wrappers_within() -> None:
    """torch.compile of a part of the model leaves its mark in the middle."""
    found = canonical("x", {"bert._orig_mod.encoder.layer.0.x": 1, "classifier.bias": 2})
    assert set(found.tensors) == {"bert.encoder.layer.0.x", "classifier.bias"}
    assert found.head == "cls"


def test_model_before_some_names_only_stays() -> None:
    """It is a name then, and not M2-BERT's."""
    with pytest.raises(CheckpointError, match="has a name of M2-BERT"):
        canonical("x", {"model.layers.0.weight": 1, "lm_head.weight": 2})


@pytest.mark.parametrize(
    ("names", "head", "outer"),
    [
        (["bert.embeddings.x", "cls.predictions.bias"], "mlm", ""),
        (["bert.embeddings.x", "classifier.bias"], "cls", ""),
        (["bert.embeddings.x", "bert.pooler.dense.bias"], "model", "bert."),
        (["embeddings.x", "pooler.dense.bias"], "model", ""),
    ],
)
def test_heads(names: list[str], head: str, outer: str) -> None:
    """The names tell the head; without one, what stands before them all comes off."""
    found = canonical("x", dict.fromkeys(names, 1))
    assert (found.head, found.outer) == (head, outer)


VIEW = View(Storage("F32", "0", 1), 0, (1,), (1,))


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": VIEW}, ()),
        ({"state": {"model": {"a": VIEW}}, "rng": 1}, ("state", "model")),
        ({"state_dict": {"a": VIEW}, "epoch": 3}, ("state_dict",)),
        ({"model_state_dict": {"a": VIEW}}, ("model_state_dict",)),
        ({"model": {"a": VIEW}, "step": 1}, ("model",)),
        ({"module": {"a": VIEW}, "lr": 0.1, "loss": VIEW}, ("module",)),
    ],
)
def test_nestings(value: dict[str, Any], path: tuple[str, ...]) -> None:
    """Where trainers keep the model."""
    assert unnest("x", value) == ({"a": VIEW}, path)


def test_every_form_of_stride(tmp_path: Path) -> None:
    """Views of a storage are what PyTorch says they are: transposed, stepped, offset, expanded, empty."""
    from mlx_impl.checkpoint import torch_files

    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    tensors = {
        "plain": base,
        "transposed": base.T,
        "stepped": base[::2, 1::3],
        "offset": base[2:, 3:],
        "expanded": base[:1].expand(3, 6),
        "empty": base[:0],
        "scalar": base[1, 1],
        "parameter": torch.nn.Parameter(base + 1),
        **{str(d): torch.ones(3).to(d) for d in (torch.float64, torch.float16, torch.bfloat16, torch.int16)},
        **{
            str(d): torch.ones(3).to(d)
            for d in (torch.int64, torch.int32, torch.int8, torch.uint8, torch.bool)
        },
    }
    for options in ({}, {"_use_new_zipfile_serialization": False}):
        torch.save(tensors, tmp_path / "x.pt", **options)
        value, materialize = torch_files.read(tmp_path / "x.pt")
        for name, x in tensors.items():
            raw = materialize(value[name])
            assert raw.shape == tuple(x.shape), name
            wanted = x.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
            assert bytes(raw.data) == wanted, name

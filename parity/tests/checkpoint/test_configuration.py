"""Configurations: published ones read, and inferred from shapes alone."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the checkpoints are made by PyTorch")

import torch
from hypothesis import HealthCheck, given, settings

import reference
from mlx_impl import checkpoint
from mlx_impl.checkpoint import CheckpointError
from mlx_impl.checkpoint.configuration import ASSUMED, checked_keys, determine, infer

from .published import LAYOUTS, Layout
from .test_names import configurations


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_published_keys(layout: Layout, tmp_path: Path) -> None:
    """Bookkeeping is set aside and said; every key of the model arrives."""
    torch.save(layout.state(), tmp_path / "model.bin")
    (tmp_path / "config.json").write_text(json.dumps(layout.config()))
    found = checkpoint.load(tmp_path)
    for key, value in layout.config().items():
        if key in found.config.to_dict():
            assert getattr(found.config, key) == value, key
        else:
            assert key in found.configuration.ignored
    assert found.configuration.inferred == {
        k: v
        for k, v in infer("x", {n: r.shape for n, r in found.source.tensors.items()}, found.head).items()
        if k not in layout.config()
    }
    assert set(found.configuration.assumed) == set(ASSUMED) - set(layout.config())


@settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(configurations())
def test_shapes_tell(keys: dict[str, Any]) -> None:
    """What is inferred from a model's shapes builds a model of just these shapes."""
    keys |= {"attention_pooling": False}
    config = reference.M2BertConfig(**keys)
    state = reference.BertForSequenceClassification(config).state_dict()
    shapes = {name: tuple(x.shape) for name, x in state.items()}
    found = determine("x", shapes, None, "cls")
    again = reference.BertForSequenceClassification(reference.M2BertConfig(**found.config.to_dict()))
    assert {name: tuple(x.shape) for name, x in again.state_dict().items()} == shapes
    for key in found.inferred:
        if key != "intermediate_size" and (key != "monarch_mlp_nblocks" or keys["use_monarch_mlp"]):
            assert found.inferred[key] == getattr(config, key), key
    # A configuration that says the true size is no contradiction, whatever the blocks' padding hides.
    given_keys = determine("x", shapes, config.to_dict(), "cls")
    assert given_keys.config.to_dict() == config.to_dict()


def test_the_vocabulary_before_its_padding(tmp_path: Path) -> None:
    """The canonical code pads 30,522 words to 30,528 rows; config.json may have either."""
    torch.save(LAYOUTS[1].state(), tmp_path / "model.bin")
    (tmp_path / "config.json").write_text(json.dumps(LAYOUTS[1].config() | {"vocab_size": 35}))
    found = checkpoint.load(tmp_path)
    assert found.config.vocab_size == found.configuration.inferred["vocab_size"] == 40
    (tmp_path / "config.json").write_text(json.dumps(LAYOUTS[1].config() | {"vocab_size": 32}))
    with pytest.raises(CheckpointError, match="vocab_size is 32, the tensors say 40"):
        checkpoint.load(tmp_path)


def test_labels_by_their_names() -> None:
    """Hugging Face's library writes the number of labels as a dictionary of their names."""
    keys, ignored = checked_keys("x", {"id2label": {"0": "a", "1": "b", "2": "c"}})
    assert keys == {"num_labels": 3}
    assert ignored == {"id2label": {"0": "a", "1": "b", "2": "c"}}


def test_another_file_of_configuration(good: Path, tmp_path: Path) -> None:
    """--config goes before the one beside the weights."""
    (tmp_path / "c.json").write_text(json.dumps(LAYOUTS[1].config() | {"hidden_act": "relu"}))
    assert checkpoint.load(good, config=tmp_path / "c.json").config.hidden_act == "relu"
    assert checkpoint.load(good).config.hidden_act == "gelu"


def test_the_encoder_without_pooler(tmp_path: Path) -> None:
    """A bare encoder is a model too."""
    state = {n: x for n, x in LAYOUTS[5].state().items() if "pooler" not in n}
    torch.save(state, tmp_path / "x.pt")
    assert checkpoint.load(tmp_path / "x.pt").model.pooler is None


def test_what_does_not_fit_with_strict_off(tmp_path: Path) -> None:
    """A warning and a value; but a model with parameters at their initial values is never written."""
    state = LAYOUTS[1].state()
    state["bert.extra"] = torch.zeros(2)
    torch.save(state, tmp_path / "more.pt")
    with pytest.warns(UserWarning, match="unexpected bert.extra"):
        done = checkpoint.convert(tmp_path / "more.pt", tmp_path / "more.safetensors", strict=False)
    assert done.assembled.loaded.unexpected == ("bert.extra",)
    assert "unexpected bert.extra" in done.notes
    del state["bert.extra"], state["bert.encoder.layer.0.mlp.wo.bias"]
    torch.save(state, tmp_path / "less.pt")
    with (
        pytest.warns(UserWarning, match="missing bert.encoder.layer.0.mlp.wo.bias"),
        pytest.raises(CheckpointError, match="initial values is not written"),
    ):
        checkpoint.convert(tmp_path / "less.pt", tmp_path / "less.safetensors", strict=False)
    assert not (tmp_path / "less.safetensors").exists()

"""The reference's own way to a checkpoint: PyTorch's loaders, everything that does not fit an error."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the checkpoints are made by PyTorch")

import torch
from safetensors.torch import save_file
from torch import Tensor

import reference
from mlx_impl import checkpoint
from reference.checkpoint import CheckpointError, _restricted, load_canonical, read

from .hostile_more import TOGETHER as CORPUS
from .published import LAYOUTS

State = dict[str, Tensor]
WORD = "bert.embeddings.word_embeddings.weight"
DECODER = "cls.predictions.decoder.weight"
IDS = "bert.embeddings.position_ids"
BIAS = "bert.encoder.layer.1.mlp.wo.bias"


def model() -> reference.BertForMaskedLM:
    """A model for the small checkpoint."""
    keys = reference.M2BertConfig.__dataclass_fields__
    known = {k: v for k, v in LAYOUTS[1].config().items() if k in keys}
    return reference.BertForMaskedLM(reference.M2BertConfig(**known))


def test_everything_is_loaded() -> None:
    """By whichever name a shared tensor comes."""
    state = dict(LAYOUTS[1].state(seed=5))
    del state[WORD]
    found = model()
    assert load_canonical(found, state).problems() == []
    assert torch.equal(found.state_dict()[WORD], state[DECODER])
    for name, x in state.items():
        assert torch.equal(found.state_dict()[name], x), name


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s.pop(BIAS), f"missing {BIAS}"),
        (lambda s: s.update(extra=torch.zeros(3)), "unexpected extra"),
        (lambda s: s.update({BIAS: torch.zeros(3)}), r"has shape \(3,\), expected \(20,\)"),
        (lambda s: s.update({DECODER: s[WORD] + 1}), "to which it is tied"),
        (lambda s: s.update({IDS: s[IDS].float()}), "position_ids has dtype torch.float32"),
        (lambda s: s.update({IDS: s[IDS] * 0}), "position_ids has other values than 0, 1, 2"),
        (lambda s: s.update({BIAS: s[BIAS] * float("nan")}), "has a NaN or an infinity"),
    ],
    ids=["missing", "unexpected", "shape", "tied", "float-ids", "other-ids", "nan"],
)
def test_what_does_not_fit(change: Callable[[State], Any], says: str) -> None:
    """Is an error and nothing is loaded; a warning and a value with strict off."""
    state = dict(LAYOUTS[1].state(seed=5))
    change(state)
    found = model()
    before = {name: x.clone() for name, x in found.state_dict().items()}
    with pytest.raises(CheckpointError, match=says):
        load_canonical(found, state)
    assert all(torch.equal(x, before[name]) for name, x in found.state_dict().items())
    with pytest.warns(UserWarning, match=says):
        assert load_canonical(found, state, strict=False).problems()


def test_one_list_in_many_calls() -> None:
    """Is counted as often as it is given, as by the port's reader."""
    items = b"](" + b"N\x86".join([b"G" + bytes(8)] * 100) + b"N\x86" + b"eq\x000"
    calls = b"ccollections\nOrderedDict\nq\x010h\x00\x85q\x020" + b"h\x01h\x02R0" * 10_001
    with pytest.raises(CheckpointError, match="more than 1,000,000 items"):
        _restricted().load(io.BytesIO(b"\x80\x02" + items + calls + b"}."))


BOMBS = {
    "zip-list-of-60000": "60,000 members",
    "zip-list-of-a-trillion": "at most 20,000",
    "zip-list-of-65535-and-no-wider-end": "65,535 members",
    "zip-list-with-an-end-within-the-end": "1,073,741,824 bytes",
    "zip-with-long-names": "200 members in 12",
    "old-laughing-version": "unfold to more than 10,000,000 values",
    "pickled-list-that-doubles": "unfold to more than 10,000,000 values",
    "pickled-key-that-doubles": "unfold to more than 10,000,000 values",
    "pickle-bomb-of-calls": "unfold to more than 10,000,000 values",
    "pickled-takes-what-is-not-there": "takes value 7 before it is there",
    "one-storage-under-many-names": "more than 4 times the file",
    "strides-of-zero": "more than 4 times the file",
    "tensor-of-petabytes": "cannot be read",
    "weights-that-are-a-pipe": "is not a file",
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_unfolds_is_refused_before_it_does(name: str, tmp_path: Path) -> None:
    """By this reader alone, with nothing before it that has looked at the file."""
    with pytest.raises(CheckpointError, match=BOMBS[name]):
        read(CORPUS[name][0](tmp_path))


@pytest.mark.parametrize("dtype", ["int16", "uint16", "uint64", "float8_e5m2", "complex64", "bool"])
@pytest.mark.parametrize("form", ["zip", "old"])
def test_numbers_beside_the_weights(dtype: str, form: str, tmp_path: Path) -> None:
    """A trainer may keep tensors of any kind beside a model's: both readers leave them out.

    Some PyTorch writes in its old format and cannot read again: of those it is the port's reader alone.
    """
    options = {"_use_new_zipfile_serialization": form == "zip"}
    other = torch.zeros(3, dtype=getattr(torch, dtype))
    state = LAYOUTS[1].state(seed=2)
    kept = {"state": {"model": state, "loader": {"x": other, "dtype": other.dtype}}, "rng": [other]}
    torch.save(kept, tmp_path / "ep1.pt", **options)
    port = checkpoint.read(tmp_path / "ep1.pt").tensors
    assert set(port) <= set(state)
    assert len(port) > 10
    if not (form == "old" and dtype.startswith(("u", "float8"))):
        assert set(port) == set(read(tmp_path / "ep1.pt"))


def test_a_trainers_module_with_other_parts(tmp_path: Path) -> None:
    """Both readers take ``model.`` off, and name what is not the model's."""
    state = {f"model.{name}": x for name, x in LAYOUTS[1].state(seed=2).items()}
    torch.save({"state_dict": {**state, "loss_fn.weight": torch.ones(2)}}, tmp_path / "last.ckpt")
    with pytest.raises(CheckpointError, match=r"unexpected loss_fn\.weight"):
        load_canonical(model(), read(tmp_path / "last.ckpt"))
    with pytest.raises(checkpoint.CheckpointError, match=r"unexpected loss_fn.weight.*--not-strict"):
        checkpoint.load(tmp_path / "last.ckpt")
    with pytest.warns(UserWarning, match="unexpected loss_fn.weight"):
        loaded = checkpoint.load(tmp_path / "last.ckpt", strict=False)
    assert loaded.loaded.unexpected == ("loss_fn.weight",)
    assert loaded.loaded.never_loaded == ()


def test_empty_tensors_are_not_tied() -> None:
    """They share an address, and nothing else."""

    class Two(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = torch.nn.Parameter(torch.zeros(0, 3))
            self.two = torch.nn.Parameter(torch.zeros(0, 3))
            self.three = torch.nn.Parameter(torch.zeros(2))

    full = {"one": torch.zeros(0, 3), "two": torch.zeros(0, 3), "three": torch.ones(2)}
    assert load_canonical(Two(), full).problems() == []
    del full["two"]
    with pytest.raises(CheckpointError, match="missing two"):
        load_canonical(Two(), full)


def test_shards_that_share_a_name(tmp_path: Path) -> None:
    """Are an error: which is meant?"""
    for name in ("a", "b"):
        save_file({"bert.x": torch.zeros(2)}, tmp_path / name)
    with pytest.raises(CheckpointError, match="in another shard too"):
        read([tmp_path / "a", tmp_path / "b"])


def test_nothing_there(tmp_path: Path) -> None:
    """A missing file and a folder are errors of a checkpoint too."""
    for path in (tmp_path / "nowhere.pt", tmp_path):
        with pytest.raises(CheckpointError, match="cannot be read"):
            read(path)


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\x80\x02", b"12345678{", b""])
def test_nonsense(start: bytes, tmp_path: Path) -> None:
    """Whatever PyTorch raises for it is one error."""
    (tmp_path / "x").write_bytes(start + b"nonsense")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read(tmp_path / "x")

"""Canonical → MLX → canonical, bit for bit, for every published layout and form of file."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest

pytest.importorskip("torch", reason="the checkpoints are made by PyTorch")

import torch
from safetensors.torch import load_file, save_file, save_model
from torch import Tensor

import reference
from mlx_impl import checkpoint
from mlx_impl.checkpoint import CheckpointError
from mlx_impl.checkpoint.files import sha256, write_whole
from reference.checkpoint import read as read_by_reference

from .published import LAYOUTS, Layout, canonical


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> None:
    """The same names, dtypes, shapes and bytes."""
    assert set(a) == set(b)
    for name, x in a.items():
        y = b[name]
        assert (x.dtype, x.shape) == (y.dtype, y.shape), name
        assert x.contiguous().view(torch.uint8).equal(y.contiguous().view(torch.uint8)), name


def there_and_back(source: Path, folder: Path, **options: Any) -> dict[str, Tensor]:
    """What a checkpoint is after it has been the port's."""
    checkpoint.convert(source, folder / "port", **options)
    checkpoint.convert(folder / "port", folder / "back.safetensors", target="canonical")
    return load_file(folder / "back.safetensors")


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
@pytest.mark.parametrize("configured", [True, False], ids=["config.json", "inferred"])
def test_published_layouts(layout: Layout, configured: bool, tmp_path: Path) -> None:
    """With the published config.json, and with nothing but shapes."""
    state = layout.state()
    source = tmp_path / "source"
    source.mkdir()
    torch.save(state, source / "pytorch_model.bin")
    if configured:
        (source / "config.json").write_text(json.dumps(layout.config()))
    same(there_and_back(source, tmp_path), canonical(state))


def _shards(state: dict[str, Tensor], folder: Path) -> Path:
    names = sorted(state)
    parts = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, own in parts.items():
        save_file({n: state[n].clone() for n in own}, folder / file)
    index = {
        "metadata": {"total_size": sum(x.nbytes for x in state.values())},
        "weight_map": {n: file for file, own in parts.items() for n in own},
    }
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def _wrapped(prefix: str) -> Any:
    def save(state: dict[str, Tensor], folder: Path) -> Path:
        torch.save({f"{prefix}{name}": x for name, x in state.items()}, folder / "model.ckpt")
        return folder / "model.ckpt"

    return save


def _training(state: dict[str, Tensor], folder: Path) -> Path:
    """As the training framework keeps it: with optimizer, clock, settings and random states beside."""
    import argparse
    import datetime

    import numpy as np

    model: dict[str, Any] = {"state": {"model": {f"model.{n}": x for n, x in state.items()}}}
    moments = {"step": torch.tensor(1.0), "exp_avg": torch.ones(3), "exp_avg_sq": torch.ones(3)}
    optimizer = {"state": {0: moments}, "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.98), "params": [0]}]}
    model["state"] |= {"optimizers": {"AdamW": optimizer}, "elapsed": datetime.timedelta(3)}
    rng = [("numpy", np.random.default_rng(0).bit_generator.state), ("torch", torch.get_rng_state())]
    torch.save(
        model | {"rng": rng, "hparams": argparse.Namespace(lr=1e-3), "seen": {1, 2}}, folder / "ep1.pt"
    )
    return folder / "ep1.pt"


def _saved(**options: Any) -> Any:
    def save(state: dict[str, Tensor], folder: Path) -> Path:
        torch.save(state, folder / "model.pt", **options)
        return folder / "model.pt"

    return save


def _one_file(state: dict[str, Tensor], folder: Path) -> Path:
    save_file({n: x.clone() for n, x in state.items()}, folder / "model.safetensors")
    return folder


FORMS = {
    "safetensors": _one_file,
    "shards": _shards,
    "zip": _saved(),
    "old": _saved(_use_new_zipfile_serialization=False),
    "protocol-4": _saved(pickle_protocol=4),
    "old-protocol-4": _saved(_use_new_zipfile_serialization=False, pickle_protocol=4),
    "model.": _wrapped("model."),
    "module.model.": _wrapped("module.model."),
    "_orig_mod.": _wrapped("_orig_mod."),
    "model._orig_mod.": _wrapped("model._orig_mod."),
    "training": _training,
}


@pytest.mark.parametrize("form", FORMS)
def test_forms(form: str, tmp_path: Path) -> None:
    """Every form of file, with every wrapping; the reference reads the same by its own way."""
    state = LAYOUTS[1].state(seed=3)
    source = FORMS[form](state, tmp_path)
    same(there_and_back(source, tmp_path), state)
    files = [f for f in checkpoint.read(source).files if f.suffix != ".json"]
    same(read_by_reference(files), state)


@pytest.mark.parametrize("out", ["port", "port.safetensors"])
def test_the_rest_of_the_configuration_is_carried_through(out: str, tmp_path: Path) -> None:
    """What makes nothing of the model, labels and names, comes back as it was; but for a changed dtype."""
    layout = LAYOUTS[1]
    torch.save(layout.state(), tmp_path / "model.bin")
    rest = {
        "id2label": {"0": "ja", "1": "ünd \ud800"},
        "label2id": {"ja": 0},
        "task_specific_params": [1, None],
    }
    given = layout.config() | rest | {"torch_dtype": "float32", "num_labels": 2}
    (tmp_path / "config.json").write_text(json.dumps(given))
    checkpoint.convert(tmp_path, tmp_path / out)
    checkpoint.convert(tmp_path / out, tmp_path / "back", target="canonical")
    found = json.loads((tmp_path / "back" / "config.json").read_text())
    assert {key: found[key] for key in given} == given
    checkpoint.convert(tmp_path / "back", tmp_path / "half", dtype="float16")
    half = json.loads((tmp_path / "half" / "config.json").read_text())
    assert half == found | {"torch_dtype": "float16"}


def test_shared_tensors_left_out(tmp_path: Path) -> None:
    """safetensors' own ``save_model`` keeps one name of a shared tensor; all come back."""
    layout = LAYOUTS[1]
    known = {k: v for k, v in layout.config().items() if k in reference.M2BertConfig.__dataclass_fields__}
    model = reference.BertForMaskedLM(reference.M2BertConfig(**known))
    save_model(model, str(tmp_path / "model.safetensors"))
    assert len(load_file(tmp_path / "model.safetensors")) < len(model.state_dict())
    same(there_and_back(tmp_path / "model.safetensors", tmp_path), model.state_dict())


def test_mixed_dtypes_stay(tmp_path: Path) -> None:
    """Tensors keep what they are stored in, unless told otherwise."""
    state = LAYOUTS[1].state()
    for name in list(state)[3:9]:
        if state[name].is_floating_point():
            state[name] = state[name].to(torch.bfloat16)
    torch.save(state, tmp_path / "mixed.bin")
    same(there_and_back(tmp_path / "mixed.bin", tmp_path), state)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_half_precision(dtype: str, good: Path, tmp_path: Path) -> None:
    """Rounded to nearest, as PyTorch rounds; integers stay."""
    state = LAYOUTS[1].state()
    back = there_and_back(good, tmp_path, dtype=dtype)
    wanted = {n: x.to(getattr(torch, dtype)) if x.is_floating_point() else x for n, x in state.items()}
    same(back, wanted)


def test_half_precision_that_overflows(tmp_path: Path) -> None:
    """Names the tensor; nothing is written. bfloat16 reaches as far as float32."""
    state, name = LAYOUTS[1].state(), "bert.encoder.layer.1.mlp.wo.bias"
    state[name][3] = 70000.0
    torch.save(state, tmp_path / "large.pt")
    with pytest.raises(CheckpointError, match=rf"{name} has values beyond the largest of float16"):
        checkpoint.convert(tmp_path / "large.pt", tmp_path / "out", dtype="float16")
    assert not (tmp_path / "out").exists()
    checkpoint.convert(tmp_path / "large.pt", tmp_path / "out", dtype="bfloat16")


def test_doubles(tmp_path: Path) -> None:
    """float64 goes through unharmed, and is rounded once where asked."""
    state = {
        n: x.double() * (1 + 2**-40) if x.is_floating_point() else x for n, x in LAYOUTS[1].state().items()
    }
    torch.save(state, tmp_path / "double.pt")
    same(there_and_back(tmp_path / "double.pt", tmp_path), state)
    other = tmp_path / "single"
    other.mkdir()
    back = there_and_back(tmp_path / "double.pt", other, dtype="float32")
    same(back, {n: x.float() if x.is_floating_point() else x for n, x in state.items()})


def test_what_is_written(good: Path, tmp_path: Path) -> None:
    """Where it is from, by digest, with which versions, and a configuration that loads."""
    done = checkpoint.convert(good, tmp_path / "out")
    written = checkpoint.read(tmp_path / "out")
    about = written.metadata
    assert (
        json.loads(about["sources_sha256"])
        == dict(done.digests)
        == {"pytorch_model.bin": sha256(good / "pytorch_model.bin")}
    )
    assert json.loads(about["versions"])["mlx"] == version("mlx")
    assert json.loads(about["config"]) == done.assembled.config.to_dict()
    assert checkpoint.load(tmp_path / "out").config == done.assembled.config
    assert set(mx.load(str(tmp_path / "out" / "model.safetensors"))) == set(written.tensors)


def test_nothing_is_replaced(good: Path, tmp_path: Path) -> None:
    """Neither a file nor a folder nor a link, unless forced; and then whole."""
    for name in ("out", "out.safetensors"):
        out = tmp_path / name
        checkpoint.convert(good, out)
        before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
        with pytest.raises(CheckpointError, match="exists; give another name"):
            checkpoint.convert(good, out, dtype="float16")
        assert before == {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
        checkpoint.convert(good, out, dtype="float16", force=True)
        assert checkpoint.read(out).tensors["bert.embeddings.LayerNorm.bias"].dtype == "F16"
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(CheckpointError, match=r"has 'notes\.txt' in it"):
        checkpoint.convert(good, tmp_path / "out", force=True)
    (tmp_path / "out" / "notes.txt").rename(tmp_path / "out" / "vocab.txt")
    with pytest.raises(CheckpointError, match=r"has 'vocab\.txt' in it.* this conversion does not write"):
        checkpoint.convert(good, tmp_path / "out", force=True)
    assert (tmp_path / "out" / "vocab.txt").read_text() == "mine"
    (tmp_path / "out" / "vocab.txt").unlink()
    for source in (tmp_path / "out", tmp_path / "out" / "model.safetensors"):
        with pytest.raises(CheckpointError, match="where the checkpoint itself is"):
            checkpoint.convert(source, tmp_path / "out", force=True)
    folder = tmp_path / "folder.safetensors"
    folder.mkdir()
    with pytest.raises(CheckpointError, match="is a folder, which is not replaced"):
        checkpoint.convert(good, folder, force=True)
    folder.rmdir()
    link = tmp_path / "link.safetensors"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="exists"):
        checkpoint.convert(good, link)
    with pytest.raises(CheckpointError, match="is a link, which is not replaced"):
        checkpoint.convert(good, link, force=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.safetensors", "out", "out.safetensors"]


@pytest.mark.parity_slow
def test_the_true_size(tmp_path: Path) -> None:
    """The published 80M model, whole."""
    torch.manual_seed(0)
    model = reference.BertForMaskedLM(reference.M2_BERT_80M)
    torch.save({f"model.{n}": x for n, x in model.state_dict().items()}, tmp_path / "pytorch_model.bin")
    same(there_and_back(tmp_path / "pytorch_model.bin", tmp_path), model.state_dict())


@pytest.mark.parametrize("folder", [(), ("model.safetensors",)], ids=["file", "folder"])
def test_what_comes_meanwhile_is_not_replaced(folder: tuple[str, ...], tmp_path: Path) -> None:
    """Somebody else writes the same name while we write beside it."""
    out = tmp_path / "out"

    def write(part: Path) -> None:
        (part / "model.safetensors" if folder else part).write_text("ours")
        if folder:
            out.mkdir()
        (out / "theirs" if folder else out).write_text("theirs")

    with pytest.raises(CheckpointError, match="cannot be written"):
        write_whole(out, write, folder=folder, force=False)
    assert [p.read_text() for p in tmp_path.rglob("*") if p.is_file()] == ["theirs"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]

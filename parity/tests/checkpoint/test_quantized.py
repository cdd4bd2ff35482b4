"""Packed weights: what they are, what stays, and what a model of them computes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

pytest.importorskip("torch", reason="the checkpoints are made by PyTorch")

import torch
from mlx.utils import tree_flatten

import mlx_impl
import reference
from mlx_impl import checkpoint
from mlx_impl.checkpoint import CheckpointError, quantize, safetensors
from mlx_impl.weights import key_map, load_canonical
from parity.specs.checkpoints import narrow, trained

KEYS: dict[str, Any] = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 1,
    "vocab_size": 50,
    "max_position_embeddings": 16,
    "long_conv_l_max": 16,
    "hyena_filter_order": 64,
    "hyena_emb_dim": 5,
    "residual_long_conv": True,
    "use_positional_encodings": True,
    "monarch_mlp_nblocks": 2,
}


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Checkpoints wide enough to be packed, one for each head and state mixer."""
    folder = tmp_path_factory.mktemp("wide")
    found = {}
    for name, head, more in (
        ("mlm", "mlm", {"use_monarch_mlp": True}),
        ("dense", "mlm", {"use_monarch_mlp": False}),
        ("cls", "cls", {"attention_pooling": True}),
    ):
        torch.manual_seed(1)
        model = reference.HEADS[head](reference.M2BertConfig(**(KEYS | more)))
        torch.save(model.state_dict(), folder / f"{name}.pt")
        found[name] = folder / f"{name}.pt"
    return found


@pytest.mark.parametrize("dtype", ["int32", "uint8", "uint64", "bool_", "float32"])
def test_packed_numbers_of_another_dtype(dtype: str, wide: dict[str, Path]) -> None:
    """Mean nothing: eight numbers of four bits lie in a uint32, and in nothing else."""
    model = checkpoint.load(wide["mlm"]).model
    first = quantize(model, 4).layers[0]
    parameters: Any = model.parameters()  # type: ignore[no-untyped-call]  # MLX has none
    tensors = key_map(model).to_canonical(dict(tree_flatten(parameters)))
    name = next(n for n in tensors if n.endswith(f"{first}.weight"))
    assert load_canonical(model, tensors).problems() == []
    tensors[name] = mx.astype(tensors[name], getattr(mx, dtype))
    with pytest.raises(
        ValueError, match=f"{first}.weight has dtype .*{dtype.rstrip('_')}, expected .*uint32"
    ):
        load_canonical(model, tensors)


@pytest.mark.parametrize(
    ("key", "value"),
    [("bits", 3), ("bits", "4"), ("group_size", 0), ("group_size", -64), ("group_size", "64"),
     ("layers", ["bert.embeddings.word_embeddings"] * 2), ("layers", [1]), ("layers", None)],
)  # fmt: skip
def test_metadata_that_cannot_be(key: str, value: Any, wide: dict[str, Path], tmp_path: Path) -> None:
    """How a file says that it is packed is read as strictly as its tensors."""
    checkpoint.convert(wide["mlm"], tmp_path / "packed", bits=4)
    path = tmp_path / "packed" / "model.safetensors"
    tensors, metadata = safetensors.read(path)
    said = json.loads(metadata["quantization"])
    copies = {name: replace(raw, data=memoryview(bytes(raw.data))) for name, raw in tensors.items()}
    safetensors.write(path, copies, metadata | {"quantization": json.dumps(said | {key: value})})
    with pytest.raises(checkpoint.CheckpointError, match="a quantization that cannot be"):
        checkpoint.load(tmp_path / "packed")


def dense_twin(packed: Any, original: Any) -> None:
    """Put what packed matrices stand for into a plain model."""
    leaves = dict(tree_flatten(packed.model.parameters()))
    values = {}
    for name, x in dict(tree_flatten(original.model.parameters())).items():
        stem = name.rpartition(".")[0]
        values[name] = x
        if f"{stem}.scales" in leaves and name.endswith(".weight"):
            scales, biases = leaves[f"{stem}.scales"], leaves[f"{stem}.biases"]
            values[name] = mx.dequantize(leaves[name], scales, biases, group_size=64, bits=packed.bits)
    mlx_impl.weights.load_canonical(original.model, values)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("name", ["mlm", "dense", "cls"])
def test_computes_with_what_the_weights_stand_for(
    name: str, bits: int, wide: dict[str, Path], tmp_path: Path
) -> None:
    """A model of packed matrices is the plain model with the unpacked ones, but for rounding."""
    checkpoint.convert(wide[name], tmp_path / "packed", bits=bits)
    packed, plain = checkpoint.load(tmp_path / "packed"), checkpoint.load(wide[name])
    assert packed.bits == bits
    dense_twin(packed, plain)
    ids = mx.array([[1, 2, 3, 4, 5, 49], [7, 0, 9, 0, 0, 0]], dtype=mx.int32)
    for key, wanted in plain.model(ids).items():
        found = packed.model(ids)[key]
        error = np.abs(np.array(found) - np.array(wanted)).max()
        assert error < 1e-4 * np.abs(np.array(wanted)).max(), key


def test_what_stays_and_why(wide: dict[str, Path], tmp_path: Path) -> None:
    """Filters, small tables and rows that groups do not divide, each with its reason."""
    done = checkpoint.convert(wide["mlm"], tmp_path / "packed", bits=4, group_size=128)
    found = done.quantization
    assert found is not None
    assert "bert.embeddings.word_embeddings" in found.layers
    assert "bert.encoder.layer.0.attention.in_linear" in found.layers
    assert (
        "every position depends" in found.kept["bert.encoder.layer.0.attention.filter_fn.implicit_filter.2"]
    )
    assert found.kept["bert.embeddings.token_type_embeddings"] == "only 2 rows"
    assert "rows of 64" in found.kept["bert.encoder.layer.0.mlp.gated_layers"]
    kept = {n.rpartition(".")[0] for n in done.written if n.endswith(".weight")} - set(found.layers)
    assert set(found.kept) <= kept
    assert done.written["bert.embeddings.word_embeddings.weight"].dtype == "U32"


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("dtype", [None, "float16", "bfloat16"])
def test_every_weight_is_at_its_nearest_level(
    bits: int, dtype: str | None, wide: dict[str, Path], tmp_path: Path
) -> None:
    """Half a step away at most, or beyond the last level; a weight moved by a level is found."""
    checkpoint.convert(wide["mlm"], tmp_path / "packed", bits=bits, dtype=dtype)
    original = trained(wide["mlm"])
    checks = narrow(tmp_path / "packed", original).checks
    assert [c.problem for c in checks if c.problem] == []
    packed = [c for c in checks if c.figures]
    assert len(packed) == 7
    assert sum(c.n for c in checks) >= sum(c.n for c in packed) > 60_000
    name = packed[0].name
    moved = {n: x.copy() for n, x in original.parameters.items()}
    moved[name].reshape(-1)[5] += np.float32(0.1)
    found = narrow(tmp_path / "packed", _with(original, moved)).checks
    assert [c.name for c in found if c.problem] == [name]
    assert "1 of" in next(c.problem for c in found if c.problem)


def test_half_precision_is_the_original_rounded(wide: dict[str, Path], tmp_path: Path) -> None:
    """Bit for bit; a weight that is not is found."""
    checkpoint.convert(wide["mlm"], tmp_path / "half", dtype="bfloat16")
    original = trained(wide["mlm"])
    assert not any(c.problem for c in narrow(tmp_path / "half", original).checks)
    moved = {n: x.copy() for n, x in original.parameters.items()}
    moved["cls.predictions.transform.dense.bias"][3] *= np.float32(1.02)
    found = [c for c in narrow(tmp_path / "half", _with(original, moved)).checks if c.problem]
    assert [c.name for c in found] == ["cls.predictions.transform.dense.bias"]


def _with(original: Any, parameters: Any) -> Any:
    from dataclasses import replace

    return replace(original, parameters=parameters)


def test_packed_is_not_packed_again(wide: dict[str, Path], tmp_path: Path) -> None:
    """Nor unpacked, nor extended."""
    checkpoint.convert(wide["mlm"], tmp_path / "packed", bits=8)
    for options in ({}, {"bits": 4}, {"target": "canonical"}, {"length": 32}):
        with pytest.raises(CheckpointError, match="quantized already"):
            checkpoint.convert(tmp_path / "packed", tmp_path / "again", **options)
    with pytest.raises(CheckpointError, match="extend the original"):
        checkpoint.load(tmp_path / "packed", length=32)


def test_nothing_to_pack(good: Path, tmp_path: Path) -> None:
    """Is an error with the reasons, not a conversion that changed nothing."""
    with pytest.raises(CheckpointError, match=r"no layer can be packed: .*groups of 64 do not divide"):
        checkpoint.convert(good, tmp_path / "packed", bits=4)
    assert not (tmp_path / "packed").exists()


def test_what_was_inferred_is_noted(good: Path, wide: dict[str, Path]) -> None:
    """Keys that shapes told or nothing told are in the notes; a whole config.json leaves few."""
    notes = trained(wide["mlm"]).notes
    assert any("hidden_size=128" in note and note.endswith("inferred from the shapes") for note in notes)
    assert any("layer_norm_eps=1e-12" in note and "assumed" in note for note in notes)
    assert not any("hidden_size" in note for note in trained(good).notes)


@pytest.mark.parametrize("key", ["num_hidden_layers", "long_conv_l_max", "hidden_size", "vocab_size"])
def test_a_configuration_that_lies(key: str, wide: dict[str, Path], tmp_path: Path) -> None:
    """Is held against the packed tensors before anything of its size is built."""
    checkpoint.convert(wide["mlm"], tmp_path / "packed.safetensors", bits=4)
    data = (tmp_path / "packed.safetensors").read_bytes()
    n = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + n])
    about = header["__metadata__"]
    about["config"] = json.dumps(json.loads(about["config"]) | {key: 10**6})
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (tmp_path / "lies.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data[8 + n :])
    with pytest.raises(CheckpointError, match=rf"{key} is 1000000, the tensors say"):
        checkpoint.load(tmp_path / "lies.safetensors")


@pytest.mark.parametrize(("bits", "group_size"), [(3, 64), (8, 48)])
def test_what_mlx_does_not_have(bits: int, group_size: int, wide: dict[str, Path]) -> None:
    """Is refused before anything is replaced."""
    model = checkpoint.load(wide["mlm"]).model
    with pytest.raises(CheckpointError, match="bits may be"):
        quantize(model, bits, group_size=group_size)


def test_ids_beyond_the_vocabulary(wide: dict[str, Path], tmp_path: Path) -> None:
    """Are refused of a packed table as of a plain one; MLX itself would read what lies behind it."""
    checkpoint.convert(wide["mlm"], tmp_path / "packed", bits=4)
    for model in (checkpoint.load(wide["mlm"]).model, checkpoint.load(tmp_path / "packed").model):
        with pytest.raises(ValueError, match="vocabulary"):
            model(mx.array([[1, 1000]], dtype=mx.int32))

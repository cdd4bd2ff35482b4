"""Good files with bytes flipped, cut or doubled: refused or read, never anything else, never written over."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the checkpoints are made by PyTorch")

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from mlx_impl import checkpoint
from mlx_impl.checkpoint import CheckpointError

from .published import LAYOUTS


def _safetensors(folder: Path) -> Path:
    save_file({n: x.clone() for n, x in LAYOUTS[1].state().items()}, folder / "f")
    return folder / "f"


def _zip(folder: Path) -> Path:
    torch.save(LAYOUTS[1].state(), folder / "f")
    return folder / "f"


def _old(folder: Path) -> Path:
    torch.save(LAYOUTS[1].state(), folder / "f", _use_new_zipfile_serialization=False)
    return folder / "f"


def _config(folder: Path) -> Path:
    torch.save(LAYOUTS[1].state(), folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(LAYOUTS[1].config()))
    return folder / "config.json"


def _index(folder: Path) -> Path:
    state = LAYOUTS[1].state()
    save_file({n: x.clone() for n, x in state.items()}, folder / "a.safetensors")
    index = {"weight_map": dict.fromkeys(state, "a.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder / "model.safetensors.index.json"


MAKERS: dict[str, Callable[[Path], Path]] = {
    "safetensors": _safetensors,
    "zip": _zip,
    "old": _old,
    "config": _config,
    "index": _index,
}


@st.composite
def damages(draw: st.DrawFn) -> list[tuple[str, float, int]]:
    """What is done to a file, each at a place between its beginning (0) and its end (1).

    Half of the places lie where the structure is: in the first or last hundredth.
    """
    place = st.one_of(
        st.floats(0, 1, exclude_max=True), st.floats(0, 0.01), st.floats(0.99, 1, exclude_max=True)
    )
    kind = st.sampled_from(["flip", "flip", "set", "cut", "insert", "remove", "double"])
    return draw(st.lists(st.tuples(kind, place, st.integers(0, 255)), min_size=1, max_size=4))


def damaged(data: bytes, changes: list[tuple[str, float, int]]) -> bytes:
    """Some bytes with the changes made."""
    found = bytearray(data)
    for kind, place, value in changes:
        at = int(place * len(found))
        if kind == "cut":
            del found[at:]
        elif kind == "insert":
            found[at:at] = bytes([value]) * (value % 9 + 1)
        elif kind == "remove":
            del found[at : at + value % 9 + 1]
        elif kind == "double":
            found[at:at] = found[at : at + 4 * value]
        elif at < len(found):
            found[at] = value if kind == "set" else found[at] ^ (1 << value % 8)
    return bytes(found)


@pytest.mark.parametrize("form", MAKERS)
def test_damaged_files(form: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Whatever was done to a file, it is refused with our error, or is a whole checkpoint still."""
    path = MAKERS[form](tmp_path)
    data = path.read_bytes()
    out = tmp_path / "out.safetensors"
    others = sorted(p.name for p in tmp_path.iterdir())
    whole = set(checkpoint.read(tmp_path if form in ("config", "index") else path).tensors)
    examples = {"quick": 15, "default": 60, "deep": 2000}[request.config.getoption("--profile") or "default"]

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(damages())
    def check(changes: list[tuple[str, float, int]]) -> None:
        path.write_bytes(damaged(data, changes))
        try:
            done = checkpoint.convert(tmp_path if form in ("config", "index") else path, out)
        except CheckpointError:
            pass
        else:
            assert set(done.source.tensors) == whole
            out.unlink()
        assert sorted(p.name for p in tmp_path.iterdir()) == others

    check()

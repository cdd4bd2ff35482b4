"""Fetching by name, with something in the place of the network."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the checkpoints are made by PyTorch")

from mlx_impl.checkpoint import CheckpointError, download, hub, load
from parity import errors
from parity.cli import main


def fake(folder: Path, good: Path, asked: list[dict[str, Any]]) -> Any:
    """What ``snapshot_download`` does: files in blobs, links to them in a snapshot."""

    def fetch(**arguments: Any) -> str:
        asked.append(arguments)
        snapshot = folder / "models--a--b" / "snapshots" / "1234"
        blobs = folder / "models--a--b" / "blobs"
        snapshot.mkdir(parents=True)
        blobs.mkdir()
        for file in good.iterdir():
            shutil.copy(file, blobs / f"blob-{file.name}")
            (snapshot / file.name).symlink_to(f"../../blobs/blob-{file.name}")
        return str(snapshot)

    return fetch


def test_a_snapshot_is_read(good: Path, tmp_path: Path) -> None:
    """Its links lead to blobs beside it, which is allowed there, and out of it they may not lead."""
    asked: list[dict[str, Any]] = []
    path, root = download("hf:a/b@v1", fetch=fake(tmp_path, good, asked))
    assert asked == [{"repo_id": "a/b", "allow_patterns": list(hub.PATTERNS), "revision": "v1"}]
    assert load(path, root=root).head == "mlm"
    with pytest.raises(CheckpointError, match="link out of the folder"):
        load(path)
    weights = path / "pytorch_model.bin"
    weights.unlink()
    weights.symlink_to(good / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="link out of the folder"):
        load(path, root=root)


def test_from_the_command(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``hf:`` names are fetched, others are paths."""
    monkeypatch.setattr(hub, "_fetch", lambda: fake(tmp_path / "cache", good, []))
    assert main(["convert", "hf:a/b", str(tmp_path / "out")]) == errors.EXIT_OK
    assert "snapshots/1234" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["hf:", "hf:a", "hf:a/", "hf:a/b/c", "hf:../b", "hf:@v1"])
def test_what_is_no_name(name: str) -> None:
    """Is refused before anything is asked."""
    with pytest.raises(CheckpointError, match="no name of a model"):
        download(name, fetch=lambda **_: pytest.fail("was asked"))


def test_failures_say_which(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network's error, and a package that is not there."""

    def no_network(**_: Any) -> str:
        raise ConnectionError("no route to host")

    with pytest.raises(CheckpointError, match=r"a/b cannot be fetched: ConnectionError: no route"):
        download("hf:a/b", fetch=no_network)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(CheckpointError, match=r"m2bert-parity\[hub\]"):
        download("hf:a/b")


def test_nothing_is_imported_before() -> None:
    """Neither the network's package nor the tokenizers', nor torch, when checkpoints are read."""
    code = (
        "import sys, mlx_impl.checkpoint\n"
        "print(*{'huggingface_hub', 'tokenizers', 'torch', 'numpy', 'safetensors'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""

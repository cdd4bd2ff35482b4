"""A folder of hostile checkpoints is refused file by file, with exit code 1 and nothing written."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the checkpoints are made by PyTorch")

import torch

from parity import errors
from parity.cli import main
from reference.checkpoint import CheckpointError
from reference.checkpoint import read as read_by_reference

from .hostile import CANARY
from .hostile_more import TOGETHER as CORPUS

LARGE = ("safetensors-100000-tensors", "zip-of-30000-members", "zip-bomb", "pickle-of-ever", "pickle-laughs")
BOMBS = (
    *("100000-tensors", "bomb", "memo", "laughing", "many", "exabytes", "laughs", "zero", "deep"),
    *("billion", "digits"),
)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.parity_slow) if n in LARGE else n for n in CORPUS]
)
def test_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One message that says what is wrong; not a file more than before, none changed."""
    make, says = CORPUS[name]
    source = make(tmp_path)
    before = _files(tmp_path)
    assert main(["convert", str(source), str(tmp_path / "out")]) == errors.EXIT_MISMATCH
    message = capsys.readouterr().err
    assert says in message
    assert len(message) < 2000
    assert message.replace("\n", "").isprintable()
    assert "Traceback" not in message
    assert _files(tmp_path) == before
    assert not (tmp_path / CANARY).exists()


@pytest.mark.parametrize("name", [n for n in CORPUS if "calls" in n])
def test_the_reference_runs_nothing_either(name: str, tmp_path: Path) -> None:
    """PyTorch's loader, with what it may find cut down."""
    source = CORPUS[name][0](tmp_path)
    with pytest.raises(CheckpointError):
        read_by_reference(source)
    assert not (tmp_path / CANARY).exists()


@pytest.mark.parity_slow
def test_bombs_in_little_memory(tmp_path: Path) -> None:
    """A minute of processor time and two gigabytes of address space suffice to refuse all of them."""
    paths = []
    for name, (make, _) in CORPUS.items():
        if any(bomb in name for bomb in BOMBS):
            folder = tmp_path / name
            folder.mkdir()
            paths.append(str(make(folder)))
    assert len(paths) >= len(BOMBS)
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from mlx_impl.checkpoint import CheckpointError, convert\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        convert(Path(path), Path(path + '.out'))\n"
        "    except CheckpointError:\n"
        "        continue\n"
        "    sys.exit(f'{path} was taken')\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules\n"
    )

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))

    done = subprocess.run(
        [sys.executable, "-c", code, *paths], capture_output=True, text=True, preexec_fn=limit, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("name", ["n" * 300, "zero\0byte"])
def test_names_that_cannot_be(
    name: str, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of what is read and of what is written."""
    for words in ([str(tmp_path / name), str(tmp_path / "x")], [str(good), str(tmp_path / name)]):
        assert main(["convert", *words]) == errors.EXIT_MISMATCH
        assert "cannot be looked up" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_length_that_cannot_be(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Is refused before a table of it is made."""
    words = ["convert", str(good), str(tmp_path / "x"), "--length", "1000000000008"]
    assert main(words) == errors.EXIT_MISMATCH
    assert "at most 1,048,576 positions" in capsys.readouterr().err


def test_a_disk_that_is_full_leaves_nothing(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was begun is gone again, and what was there is still there."""
    from mlx_impl.checkpoint import safetensors

    out = tmp_path / "out"
    assert main(["convert", str(good), str(out)]) == errors.EXIT_OK
    before = _files(tmp_path)

    def fails(path: Path, *_: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(safetensors, "write", fails)
    capsys.readouterr()
    assert main(["convert", str(good), str(out), "--force"]) == errors.EXIT_MISMATCH
    assert "No space left" in capsys.readouterr().err
    assert main(["convert", str(good), str(tmp_path / "x.safetensors")]) == errors.EXIT_MISMATCH
    assert _files(tmp_path) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]
    assert torch.load(good / "pytorch_model.bin", weights_only=True)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_conversion_that_is_ended_leaves_nothing(
    name: str, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the middle of writing, by Ctrl-C or as CI ends a job; what was there is still there."""
    from mlx_impl.checkpoint import safetensors

    out = tmp_path / "out"
    assert main(["convert", str(good), str(out)]) == errors.EXIT_OK
    before = _files(tmp_path)

    def ended(path: Path, *_: object) -> None:
        path.write_bytes(b"half")
        signal.raise_signal(signal.Signals[name])

    monkeypatch.setattr(safetensors, "write", ended)
    for words in ([str(out), "--force"], [str(tmp_path / "other")], [str(tmp_path / "x.safetensors")]):
        assert main(["convert", str(good), *words]) == errors.EXIT_INTERRUPTED
        assert "interrupted" in capsys.readouterr().err
    assert _files(tmp_path) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL

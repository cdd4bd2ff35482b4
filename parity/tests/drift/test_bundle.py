"""Bundles run by themselves, in any folder, and say 1 while the bug is there and 0 when it is mended."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from parity.cli import main
from parity.drift.carry import carried
from parity.swap import swapped

pytestmark = [pytest.mark.parity_live, pytest.mark.parity_slow, pytest.mark.usefixtures("frameworks")]

SMALL = "BertModel;l=8;d=16;arg.residual_long_conv=False;arg.bidirectional=False"
CULPRITS = Path(__file__).with_name("culprits.py")


def bisected(tmp_path: Path, case: str, *swaps: str) -> list[Path]:
    """The folders that ``parity bisect`` writes, moved to an empty place."""
    words = ["bisect", "--case", case, "--out", str(tmp_path / "out")]
    for swap in swaps:
        what, _, name = swap.partition("=")
        words += ["--swap", f"{what}={CULPRITS}:{name}"]
    assert main(words) == 1
    found = [p for p in sorted((tmp_path / "out" / "bisect").iterdir()) if p.is_dir()]
    shutil.move(tmp_path / "out" / "bisect", tmp_path / "elsewhere")
    return [tmp_path / "elsewhere" / p.name for p in found]


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    """The bundle's script, from another folder."""
    return subprocess.run(
        [sys.executable, str(folder / "repro.py")],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_word(tmp_path: Path) -> None:
    """A script of under forty lines that needs no harness; mended, it ends with 0."""
    (folder,) = bisected(tmp_path, f"{SMALL};dtype=f32", "encoder.layer.1.mlp.act/gelu=gelu_tanh")
    script = (folder / "repro.py").read_text()
    assert len(script.splitlines()) < 40
    assert "parity" not in script.replace("parity.drift", "")
    done = run(folder)
    assert done.returncode == 1, done.stderr
    assert "limit" in done.stdout
    mended = (folder / "culprits.py").read_text().replace("return _gelu_tanh(x)", "return _gelu(x)")
    (folder / "culprits.py").write_text(mended)
    assert run(folder).returncode == 0


@pytest.mark.parity_slow
def test_a_gradient(tmp_path: Path) -> None:
    """The script asks for the vector-Jacobian product."""
    swap = "encoder.layer.1.attention.out_linear/linear=linear_without_gradient_of_bias"
    (folder,) = bisected(tmp_path, f"{SMALL};dtype=f32;vjp", swap)
    script = (folder / "repro.py").read_text()
    assert "vjp" in script
    assert len(script.splitlines()) < 40
    done = run(folder)
    assert done.returncode == 1, done.stderr
    assert "gradient" in done.stdout
    mended = (folder / "culprits.py").read_text().replace("mx.stop_gradient(bias)", "bias")
    (folder / "culprits.py").write_text(mended)
    assert run(folder).returncode == 0


def test_what_differs_from_call_to_call(tmp_path: Path) -> None:
    """The script repeats the call and looks at its bits: no limit is exceeded."""
    swap = "encoder.layer.1.mlp.act/gelu=gelu_with_noise"
    (folder,) = bisected(tmp_path, f"{SMALL};dtype=f32", swap)
    done = run(folder)
    assert done.returncode == 1, done.stderr
    assert "20 different results in 20 calls" in done.stdout


def test_it_is_mended_bit_for_bit(tmp_path: Path) -> None:
    """A word that has to be exact: the limit is none, and the right word keeps it."""
    (folder,) = bisected(tmp_path, f"{SMALL};dtype=f32", "encoder.layer.1.mlp/gate=gate_exchanged")
    assert run(folder).returncode == 1
    mended = (folder / "culprits.py").read_text().replace("return _gate(x, x)", "return _gate(x, y)")
    (folder / "culprits.py").write_text(mended)
    assert run(folder).returncode == 0


def test_what_a_swap_imports_goes_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files of one name, one that Python could not import by it, and a file that they import."""
    for i, function in enumerate(("gelu_tanh", "layer_norm_without_bias")):
        (tmp_path / str(i)).mkdir()
        (tmp_path / str(i) / "my-bug.py").write_text(f"from beside_{i} import {function} as wrong\n")
        source = f"from parity.tests.drift.culprits import {function} as found\n\n\n"
        source += f"def {function}(*args):\n    return found(*args)\n"
        (tmp_path / str(i) / f"beside_{i}.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path / str(i))
    places = "encoder.layer.1.mlp.act/gelu", "encoder.layer.0.mlp.layernorm/layer_norm"
    swaps = [f"{place}={tmp_path / str(i) / 'my-bug.py'}:wrong" for i, place in enumerate(places)]
    (tmp_path / "bundle").mkdir()
    with swapped(swaps):
        found = carried(tmp_path / "bundle", swaps)
    assert [f.partition("=")[2] for f in found] == ["swap_0.py:wrong", "swap_1.py:wrong"]
    assert {f.name for f in (tmp_path / "bundle").iterdir()} == {
        "swap_0.py",
        "swap_1.py",
        "beside_0.py",
        "beside_1.py",
    }


@pytest.mark.parametrize(
    ("swap", "says"),
    [
        ("encoder.layer.1.mlp=mlp_exchanged", "limit"),
        ("weights:encoder.layer.1.mlp.wo.bias=zeros", "not as given"),
    ],
)
def test_a_module_and_a_parameter(tmp_path: Path, swap: str, says: str) -> None:
    """With the harness; without the swap they end with 0."""
    (folder,) = bisected(tmp_path, f"{SMALL};dtype=f32", swap)
    done = run(folder)
    assert done.returncode == 1, done.stderr
    assert says in done.stdout
    bundle = folder / "bundle.json"
    bundle.write_text(
        bundle.read_text().replace(f'"{swap.partition("=")[0]}=culprits.py', '"weights:none=culprits.py')
    )
    assert run(folder).returncode == 0


def test_a_right_port_leaves_none(tmp_path: Path) -> None:
    """And the command ends with 0."""
    assert main(["bisect", "--case", "BertMLP", "--out", str(tmp_path)]) == 0
    assert not [p for p in (tmp_path / "bisect").iterdir() if p.is_dir()]

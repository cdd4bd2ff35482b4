"""Golden cases: nothing is missing, changed, stale or unused without a word, and wrong numbers are red."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parity import errors, sides
from parity.case import Case
from parity.cli import main
from parity.errors import GoldenError
from parity.golden.capture import capture, prunable, prune, recapture, stale
from parity.golden.format import read, write
from parity.golden.index import check, read_floors, read_index
from parity.golden.verify import verify
from parity.session import KEY

pytestmark = pytest.mark.parity_live

PORTS = [("mlx", sides.get("mlx").devices()[0])] if sides.why_not("mlx") is None else []


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of two captured cases."""
    for name, text in (
        ("gelu-f32", "gelu;b=2;l=5;seed=3"),
        ("linear-f16", "linear;b=2;l=3;i=8;o=4;dtype=f16"),
    ):
        capture(tmp_path, tmp_path / "own", name, Case.parse(text + ";vjp"))
    return tmp_path


def test_a_captured_case_holds(root: Path) -> None:
    """On the reference and on the port, live and from the files alone."""
    assert check(root) == []
    assert stale(root) == []
    for live in (True, False):
        for name in ("gelu-f32", "linear-f16"):
            floors = read_floors(root)[f"own/{name}"]
            outcomes = list(verify(root / "own", name, PORTS, floors=floors, live=live))
            statuses = {o.side: o.status for o in outcomes}
            assert statuses["mlx"] == "pass"
            assert set(statuses.values()) <= {"pass", "not run"}
            assert ("reference" in statuses) == (not live)


def test_findings(root: Path) -> None:
    """Missing, changed and unused, each with what to do."""
    own = root / "own"
    shutil.copy(own / "gelu-f32.json", own / "other.json")
    shutil.copy(own / "gelu-f32.safetensors", own / "other.safetensors")
    (own / "gelu-f32.safetensors").unlink()
    text = (own / "linear-f16.json").read_text()
    (own / "linear-f16.json").write_text(text.replace('"seed": 0', '"seed": 1'))
    found = {f.what: f for f in check(root)}
    assert set(found) == {"missing", "changed", "unused"}
    assert "restore" in found["missing"].detail
    assert "capture" in found["changed"].detail
    assert "prune" in found["unused"].detail


def test_prune_removes_what_nobody_vouches_for(root: Path) -> None:
    """Files without an entry, entries without a file, and nothing else."""
    own = root / "own"
    (own / "left.json").write_text("{}")
    (own / "gelu-f32.safetensors").unlink()
    extra, gone = prunable(root)
    assert [p.name for p in extra] == ["left.json"]
    assert gone == ["own/gelu-f32"]
    prune(root)
    assert list(read_index(root)) == ["own/linear-f16"]
    assert not (own / "left.json").exists()
    assert (own / "linear-f16.json").exists()


def test_stale_when_the_spec_makes_other_inputs(root: Path) -> None:
    """A case whose seed no longer makes its numbers, or whose spec is gone, is stale until captured again."""
    own = root / "own"
    file = read(own, "gelu-f32")
    meta: dict[str, Any] = dict(file.meta) | {"seed": 4}
    write(own, "gelu-f32", meta, file.tensors)
    assert [f.what for f in stale(root)] == ["stale"]
    recapture(root, "own/gelu-f32")
    assert stale(root) == []
    meta |= {"op": "gellu"}
    write(own, "gelu-f32", meta, file.tensors)
    assert "gelu" in stale(root)[0].detail


@pytest.mark.parametrize("key", ["output/output", "output64/output", "grad_input/x", "grad_input64/x"])
def test_a_wrong_number_is_red(root: Path, key: str) -> None:
    """In any result of either precision."""
    own = root / "own"
    file = read(own, "gelu-f32")
    tensors = {k: v.copy() for k, v in file.tensors.items()}
    tensors[key][0, 0] += 1e-3
    write(own, "gelu-f32", file.meta, tensors)
    floors = read_floors(root)["own/gelu-f32"]
    statuses = {o.side: o.status for o in verify(own, "gelu-f32", PORTS, floors=floors)}
    assert "fail" in statuses.values()


def test_an_unreadable_case_fails_on_every_side(root: Path) -> None:
    """Cut files, unknown groups and unknown ops are failures with a reason, not exceptions."""
    own = root / "own"
    (own / "gelu-f32.safetensors").write_bytes(b"\x08\x00")
    file = read(own, "linear-f16")
    write(own, "linear-f16", dict(file.meta) | {"op": "liner"}, file.tensors)
    for name, says in (("gelu-f32", "capture the case again"), ("linear-f16", "linear")):
        outcomes = list(verify(own, name, PORTS))
        assert [o.status for o in outcomes] == ["fail"] * (1 + len(PORTS))
        assert says in outcomes[0].reason
    write(own, "strange", {}, {"thing/x": np.zeros(3)})
    with pytest.raises(GoldenError, match="groups are"):
        read(own, "strange")


def test_verify_runs_all_and_exits_with_the_first(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line a case and side, JSON for machines, exit code 1 for numbers and 11 for files."""
    own = str(root / "own")
    assert main(["golden", "verify", own]) == errors.EXIT_OK
    lines = capsys.readouterr().out.splitlines()
    assert sum("gelu-f32" in line for line in lines) == 3
    with pytest.MonkeyPatch.context() as patch:
        from mlx_impl import ops

        patch.setattr(ops, "gelu", ops.gelu_tanh)
        assert main(["golden", "verify", own, "--json"]) == errors.EXIT_MISMATCH
    data = json.loads(capsys.readouterr().out)
    assert data["exit_code"] == errors.EXIT_MISMATCH
    status = {(r["case"], r["side"]): r["status"] for r in data["rows"]}
    assert status["gelu-f32", "mlx"] == "fail"
    assert status["linear-f16", "mlx"] == "pass"
    (root / "own" / "gelu-f32.json").unlink()
    assert main(["golden", "verify", own]) == errors.EXIT_STALE_GOLDEN
    capsys.readouterr()
    assert main(["golden", "verify", str(root)]) == errors.EXIT_STALE_GOLDEN
    assert "missing golden case" in capsys.readouterr().out


def test_one_bad_case_does_not_stop_the_others(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is wrong with its files or numbers is its own failure."""
    own = root / "own"
    file = read(own, "gelu-f32")
    good = dict(file.tensors)
    broken = {
        "no-result": {k: v for k, v in good.items() if k.startswith("input")},
        "only-float64": {k: v for k, v in good.items() if k != "output/output"},
        "other-shape": good | {"output64/output": np.zeros((1, 2))},
        "no-input": {k: v for k, v in good.items() if not k.startswith("input")},
        "extra-input": good | {"input/y": np.zeros(3, dtype=np.float32)},
    }
    for name, tensors in broken.items():
        write(own, name, file.meta, tensors)
    write(own, "no-dtype", dict(file.meta) | {"dtype": "float33"}, good)
    assert main(["golden", "verify", str(own)]) == errors.EXIT_STALE_GOLDEN
    lines = capsys.readouterr().out.splitlines()
    for name in (*broken, "no-dtype"):
        assert any(name in line and line.startswith("fail") for line in lines), name
    assert any("linear-f16" in line and line.startswith("pass") for line in lines)


def test_verify_needs_a_port(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reference against its own files says nothing of a port; a required side is required here too."""
    own = str(root / "own")
    assert main(["golden", "verify", own, "--sides", "metal"]) == errors.EXIT_NOTHING_COMPARED
    assert main(["golden", "verify", own, "--require-side", "metal"]) == errors.EXIT_SIDE_UNAVAILABLE
    assert "metal did not run" in capsys.readouterr().out


def test_floors_are_vouched_for(root: Path) -> None:
    """A floor that somebody raised is a finding; one that cannot be read says so."""
    path = root / "floors.json"
    text = path.read_text()
    floors = json.loads(text)
    floors["own/gelu-f32"]["output"] = [1e9] * 5
    path.write_text(json.dumps(floors))
    assert [f.what for f in check(root)] == ["changed"]
    for bad in ("{", "[]", '{"own/gelu-f32": {"output": [1]}}'):
        path.write_text(bad)
        with pytest.raises(GoldenError, match="floors"):
            check(root)
    path.write_text(text)
    (root / "index.json").write_text('{"schema": 1, "cases": {"a": {}}}')
    with pytest.raises(GoldenError, match="index"):
        check(root)


def test_verify_of_nothing_is_not_a_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty folder, one that is not there, a case that is not there."""
    assert main(["golden", "verify", str(tmp_path)]) == errors.EXIT_STALE_GOLDEN
    assert main(["golden", "verify", str(tmp_path / "no")]) == errors.EXIT_STALE_GOLDEN
    capture(tmp_path, tmp_path, "gelu-f32", Case.parse("gelu;b=1;l=2"))
    assert main(["golden", "verify", str(tmp_path), "--case", "gleu-f32"]) == errors.EXIT_USAGE
    assert "'gelu-f32'" in capsys.readouterr().err


def test_the_fixtures_are_the_projects(request: pytest.FixtureRequest) -> None:
    """The canonical cases are all there: fourteen of models, twenty of layers and ops."""
    index = read_index(request.config.stash[KEY].settings.fixtures)
    canonical = [n for n in index if n.startswith("canonical/")]
    assert len(canonical) == 34
    assert sum("canonical/op-" in n for n in canonical) == 20

"""The report says what the rows say."""

import json
from pathlib import Path
from typing import Any

from parity import errors
from parity.margins import update
from parity.record import Row
from parity.report import Report
from parity.report.markdown import markdown
from parity.settings import Settings


def _row(id: str, status: str = "pass", gate: float = 0.5, **fields: Any) -> Row:
    given: dict[str, Any] = {
        "kind": "word",
        "spec": id.partition("-")[0],
        "side": "mlx",
        "device": "cpu",
        "dtype": "float32",
        "n": 10,
        "figures": {"gate": gate, "port": {"rms": 1e-7}},
        "repeat": f"pytest x[{id}]",
    }
    return Row(id=id, status=status, **(given | fields))


ABSENT = Row(kind="side", id="side-metal", status="not run", side="metal", reasons=("no Apple GPU",))


def _report(rows: list[Row], tmp_path: Path) -> Report:
    return Report.make(rows, Settings(out=tmp_path), tmp_path)


def test_what_fails_comes_first(tmp_path: Path) -> None:
    """With its reason, its case and the command that repeats it, in every format."""
    bad = _row("gelu-f32", "fail", 30.0, reasons=("too far",), case="gelu;b=1")
    report = _report([_row("add-f32"), bad, ABSENT], tmp_path)
    report.write(tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "does NOT hold" in text
    for part in ("too far", "gelu;b=1", "pytest x[gelu-f32]", "no Apple GPU", "✗ 30"):
        assert part in text
    assert text.index("too far") < text.index("no Apple GPU")
    terminal = "\n".join(report.terminal())
    assert "pytest x[gelu-f32]" in terminal
    assert "report.md" in terminal
    data = json.loads((tmp_path / "report.json").read_text())
    assert data["counts"] == {"pass": 1, "fail": 1, "undecided": 0, "not run": 1}
    assert len(data["rows"]) == 3


def test_the_worst_ten_are_the_worst(tmp_path: Path) -> None:
    """By ratio, ten of them."""
    rows = [_row(f"w{i}-f32", gate=i / 20) for i in range(20)]
    assert [r.id for r in _report(rows, tmp_path).worst()] == [f"w{i}-f32" for i in range(19, 9, -1)]


def test_the_matrix_shows_the_worst_of_each_cell(tmp_path: Path) -> None:
    """A failure hides no pass and no pass a failure."""
    rows = [_row("gelu-a", gate=0.9), _row("gelu-b", "fail", 0.1), _row("gelu-c", gate=0.2)]
    line = _report(rows, tmp_path).matrix()["gelu"]
    assert line["mlx", "cpu", "float32"].id == "gelu-b"


def test_exit_codes(tmp_path: Path) -> None:
    """0, 1, 10, 11 and 12."""
    stale = _row("golden-index", "fail", kind="golden", rule="files")
    assert _report([_row("a-f32")], tmp_path).exit_code() == errors.EXIT_OK
    assert _report([_row("a-f32", "fail")], tmp_path).exit_code() == errors.EXIT_MISMATCH
    assert _report([_row("a-f32", "undecided")], tmp_path).exit_code() == errors.EXIT_MISMATCH
    assert _report([ABSENT], tmp_path).exit_code() == errors.EXIT_NOTHING_COMPARED
    assert _report([], tmp_path).exit_code() == errors.EXIT_NOTHING_COMPARED
    assert _report([stale], tmp_path).exit_code() == errors.EXIT_STALE_GOLDEN
    assert _report([stale, _row("a-f32", "fail")], tmp_path).exit_code() == errors.EXIT_MISMATCH
    assert _report([_row("a-f32")], tmp_path).exit_code(["metal"]) == errors.EXIT_SIDE_UNAVAILABLE


def test_the_reference_alone_is_not_parity(tmp_path: Path) -> None:
    """Golden cases on the reference say nothing of a port that never ran."""
    own = _row("golden-x", kind="golden", side="reference f32")
    assert _report([own, ABSENT], tmp_path).exit_code() == errors.EXIT_NOTHING_COMPARED


def test_a_probe_compares_nothing(tmp_path: Path) -> None:
    """Measuring precision is not parity."""
    probe = _row("probe-matmul", kind="probe")
    assert _report([probe], tmp_path).exit_code() == errors.EXIT_NOTHING_COMPARED


def test_what_bisect_found_stands_with_the_failure(tmp_path: Path) -> None:
    """Notes of a row that fails are told."""
    bad = _row("BertModel-f32", "fail", 30.0, notes=("bisect: gelu in encoder.layer.1.mlp.act",))
    report = _report([bad], tmp_path)
    report.write(tmp_path)
    assert "bisect: gelu in encoder.layer.1.mlp.act" in (tmp_path / "report.md").read_text()


def test_both_sides_of_a_gate(tmp_path: Path) -> None:
    """Noise of this run, the smallest known bug of the ledger; a bug under the gate is marked."""
    update(tmp_path / "margins.json", {"gelu": (3.0, "tanh"), "sine": (0.5, "half an angle")})
    settings = Settings(out=tmp_path, baseline=tmp_path / "baseline.json")
    report = Report.make([_row("gelu-f32", gate=0.25), _row("sine-f32", gate=0.4)], settings, tmp_path)
    assert [(s, n) for s, n, _ in report.two_sided()] == [("sine", 0.4), ("gelu", 0.25)]
    text = markdown(report)
    assert "| `sine` | 0.4 | 0.5 ✗ | `half an angle` |" in text
    assert "| `gelu` | 0.25 | 3 | `tanh` |" in text
    swapped = Settings(out=tmp_path, baseline=tmp_path / "baseline.json", swap=("a=b",))
    assert not Report.make([_row("gelu-f32")], swapped, tmp_path).two_sided()


def test_a_large_folder_of_goldens_is_not_listed(tmp_path: Path) -> None:
    """Those nearest to their gates are, and what does not hold, wherever it stands."""
    rows = [_row(f"golden-own/c{i}-mlx", kind="golden", side="mlx", gate=i / 100) for i in range(60)]
    rows[3] = _row("golden-own/c3-mlx", "fail", kind="golden", side="mlx", gate=2.0)
    few = [_row(f"golden-canonical/c{i}-mlx", kind="golden", side="mlx", gate=0.1) for i in range(30)]
    text = markdown(_report([*rows, *few], tmp_path))
    assert text.count("| `own/c") == 10
    assert "`own/c3` | ✗" in text
    assert "`own/c59`" in text
    assert "`own/c40`" not in text
    assert "Of 60 cases in `own` the 10 nearest" in text
    assert text.count("| `canonical/c") == 30

"""A side of kernels vouches only for what ran on one: the rest is not run, with its reason."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import parity.specs
from mlx_impl.kernels.dispatch import Decision, Support
from parity import errors
from parity.case import Case
from parity.cli import main
from parity.dtypes import FLOAT32
from parity.errors import NotOnKernelError
from parity.golden.verify import verify
from parity.judge import judge, task_of
from parity.kernel_spec import OBSERVERS
from parity.nodes import Target
from parity.record import Row, read_rows
from parity.report import Report
from parity.report.markdown import markdown
from parity.search import search
from parity.settings import Settings
from parity.sides import kernel_use
from parity.sides.kernel_use import KernelUse
from parity.spec import REGISTRY

from .running import needs_compiler

assert parity.specs
MSL = Target("msl", "cpu", "msl")
TWO_TAPS = "gated_short_conv;b=1;d=1;l=4;k=2"


def fell(word: str, kernel: str, reason: str = "too odd") -> Decision:
    return Decision(word, kernel, ran=False, reason=reason)


@needs_compiler
def test_a_word_that_falls_back_has_no_verdict() -> None:
    """The message names the word, its kernel and why, though the numbers would hold."""
    with pytest.raises(NotOnKernelError, match=r"gated_short_conv ran on MLX's own .* gated_conv3 .* 2 taps"):
        judge(Case.parse(TWO_TAPS), "msl", "cpu", seeds=1)
    assert judge(Case.parse(TWO_TAPS), "mlx", "cpu", seeds=1).status == "pass"


def test_what_is_heard() -> None:
    """A word's own kernel ends the run; words within a layer are notes, unless nothing ran on a kernel."""
    linear, mlp = REGISTRY.get("linear"), REGISTRY.get("BertMLP")
    with pytest.raises(NotOnKernelError, match="too odd"):
        KernelUse(linear).hear(fell("linear", "gemm_av"))
    use = KernelUse(mlp)
    use.hear(fell("linear", "gemm_av"))
    use.hear(fell("linear", "gemm_av"))
    with pytest.raises(NotOnKernelError, match=r"BertMLP .* alone: linear .*: too odd"):
        use.conclude()
    use.hear(Decision("blockdiag_multiply", "blockdiag_gemm", ran=True, reason=""))
    assert use.conclude() == ("linear ran on MLX's own operations: too odd",)
    with pytest.raises(NotOnKernelError, match="none of its words has a kernel"):
        KernelUse(mlp).conclude()


def test_a_word_that_asks_for_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The port's own did not run on one; of a function in its place nobody knows, and it is compared."""
    use = KernelUse(REGISTRY.get("linear"))
    with pytest.raises(NotOnKernelError, match="asked for no kernel"):
        use.conclude()
    monkeypatch.setattr("mlx_impl.ops.linear", lambda x, weight, bias=None: x)
    assert use.conclude() == ()
    assert KernelUse(REGISTRY.get("gelu")).conclude() == ()


def test_a_port_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken at its word, whatever other ports say: what its sides run is compared."""
    task = task_of(Case.parse("gelu;b=1;l=3"), 0)
    for observers, hears in (([], False), (["another.kernels:observing"], False), (OBSERVERS, True)):
        monkeypatch.setattr(kernel_use, "OBSERVERS", observers)
        with kernel_use.listening(task) as use:
            assert (use is not None) == hears


@pytest.mark.parity_slow
@needs_compiler
def test_a_layer_says_what_ran_natively(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is compared, and the word and the reason stand in its row and in the report."""
    module = sys.modules["mlx_impl.ops.linear"]  # the package has the function under this name
    monkeypatch.setattr(module, "supports_linear", lambda *_: Support("it is Monday"))
    judgement = judge(Case.parse("MonarchMixerSequenceMixing;b=1;l=8;d=4"), "msl", "cpu", seeds=1, most=1)
    row = judgement.row("layer", "mixer-f32-msl", "again")
    assert row.status == "pass"
    assert "linear ran on MLX's own operations: it is Monday" in row.notes
    report = Report.make([row], Settings(out=tmp_path), tmp_path)
    assert "it is Monday: in `mixer-f32-msl`" in markdown(report)
    assert any("it is Monday" in line for line in report.terminal())


@dataclass
class Judged:
    """Stands in for a verdict."""

    case: Case
    status: str = "pass"
    worst: Any = ("output", type("Verdict", (), {"ratio": 0.5})())


def judging(on_kernel: Callable[[Case], bool]) -> Callable[..., Any]:
    def judge(case: Case, *_: Any, **__: Any) -> Any:
        if not on_kernel(case):
            raise NotOnKernelError(f"{case.sizes['k']} taps")
        return Judged(case)

    return judge


def test_a_search_draws_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many cases as asked for run on the kernel; if none can, the search says why and has no verdict."""
    spec = REGISTRY.get("gated_short_conv")
    monkeypatch.setattr("parity.search.judge", judging(lambda c: c.sizes["k"] == 3))
    found = search(spec, FLOAT32, MSL, vjp=False, examples=8, seed=0)
    assert found.worst is not None
    assert found.examples >= 8
    assert set(found.not_run) <= {"1 taps", "2 taps"}
    assert found.not_run
    monkeypatch.setattr("parity.search.judge", judging(lambda _: False))
    found = search(spec, FLOAT32, MSL, vjp=False, examples=3, seed=0)
    assert found.worst is None
    assert found.not_run


@needs_compiler
def test_a_golden_case(request: pytest.FixtureRequest) -> None:
    """A layer without a word that has a kernel is one outcome without a verdict."""
    folder = request.config.rootpath / "fixtures" / "own"
    outcomes = [o for o in verify(folder, "LayerNorm-f32", [("msl", "cpu")]) if o.side == "msl"]
    (outcome,) = outcomes
    row = outcome.row("again")
    assert (row.status, row.compared) == ("not run", False)
    assert "none of its words has a kernel" in row.reasons[0]


@pytest.mark.parity_slow
@needs_compiler
@pytest.mark.parametrize(
    ("case", "says"),
    [
        (TWO_TAPS, "2 taps"),
        ("gelu;b=1;l=3", "gelu has no kernel"),
        ("LayerNorm;b=1;l=2;d=4", "none of its words has a kernel"),
    ],
)
def test_nothing_compared(case: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run in which all of it is not run ends with 10, and says why; with another side beside it, with 0."""
    words = ["run", "--case", case, "--seeds", "1", "--out", str(tmp_path), "--sides"]
    assert main([*words, "msl"]) == errors.EXIT_NOTHING_COMPARED
    (row,) = [r for r in read_rows(tmp_path / "rows.jsonl") if r.side == "msl" and r.kind != "probe"]
    assert row.status == "not run"
    assert says in row.reasons[0]
    assert says in capsys.readouterr().out
    assert main([*words, "mlx,msl"]) == errors.EXIT_OK
    assert main([*words, "mlx,msl", "--require-side", "msl", "--json"]) == errors.EXIT_NOTHING_COMPARED
    said = capsys.readouterr().out
    assert "Nothing was compared on msl" in json.loads(said[said.index("{") :])["verdict"]


@pytest.mark.parity_slow
@needs_compiler
def test_a_trace_of_what_has_no_kernel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One row, that says why; the run is not cut short."""
    words = ["run", "--case", "LayerNorm;b=1;l=2;d=4", "--trace", "--seeds", "1", "--out", str(tmp_path)]
    assert main([*words, "--sides", "msl,mlx"]) == errors.EXIT_OK
    rows = [r for r in read_rows(tmp_path / "rows.jsonl") if r.kind == "trace"]
    assert [r.status for r in rows if r.side == "msl"] == ["not run"]
    assert any(r.compared for r in rows if r.side == "mlx")
    assert "none of its words has a kernel" in capsys.readouterr().out


def test_a_required_side_that_compared_nothing(tmp_path: Path) -> None:
    """It counts as nothing, though others did; a failure stays a failure."""
    own = Row(kind="word", id="a", status="pass", spec="a", side="mlx", n=3, figures={"gate": 0.1})
    idle = Row(kind="word", id="b", status="not run", spec="a", side="msl", reasons=("no kernel",))
    report = Report.make([own, idle], Settings(out=tmp_path), tmp_path)
    assert report.exit_code() == errors.EXIT_OK
    assert report.exit_code(("mlx",)) == errors.EXIT_OK
    if not needs_compiler.args[0]:
        assert report.exit_code(("msl",)) == errors.EXIT_NOTHING_COMPARED

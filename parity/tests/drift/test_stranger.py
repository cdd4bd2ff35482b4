"""A model whose parts are not all modules on both sides: what only one has is named, and is no culprit."""

from pathlib import Path
from types import ModuleType

import pytest

from parity.case import named
from parity.drift.bisect import bisect
from parity.drift.finding import CULPRITS, HOLDS
from parity.drift.investigate import code_of
from parity.drift.prober import Prober
from parity.dtypes import FLOAT32
from parity.errors import NotOnKernelError
from parity.judge import judge
from parity.mainjob import trace
from parity.nodes import Target
from parity.sides.points import words_in
from parity.spec import OpSpec
from parity.tests.kernels.running import needs_compiler

from .stranger import Port, WrongPort, spec


def test_a_right_port_has_no_culprit(target: Target) -> None:
    finding = bisect(Prober(named(spec(Port), "", FLOAT32), target))
    assert finding.kind == HOLDS


def test_a_wrong_module(target: Target) -> None:
    """It is named alone, though the port has no head to compare."""
    finding = bisect(Prober(named(spec(WrongPort), "", FLOAT32), target))
    assert finding.kind == CULPRITS
    assert [c.name for c in finding.culprits] == ["act"]


def test_what_one_side_has_is_a_row(target: Target) -> None:
    """Not a failure: what is around it is compared."""
    rows = list(trace(named(spec(Port), "", FLOAT32), target, title="", repeat="", seeds=1, most=1))
    (apart,) = (r for r in rows if r.status == "not run")
    says = "makes these calls, so they are not compared by themselves"
    assert apart.reasons == (f"only the port {says}: same", f"only the reference {says}: head")
    assert {r.result: r.status for r in rows if r is not apart} == dict.fromkeys(
        ("embed", "mix", "act", "output"), "pass"
    )


@needs_compiler
def test_a_port_without_kernels_is_not_run_on_them(target: Target) -> None:
    """The executor launched none, so its side vouches for nothing."""
    with pytest.raises(NotOnKernelError, match="Stranger ran on MLX's own operations alone"):
        judge(named(spec(Port), "", FLOAT32), "msl", "cpu", seeds=1)


def test_kept_answers_know_a_module_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are about the code: another text of the file, or of one beside it, is another question."""
    monkeypatch.syspath_prepend(tmp_path)
    port, beside = tmp_path / "a_port_of_one_file.py", tmp_path / "beside.py"
    case = named(
        OpSpec("f", reference="math:sin", port=f"{port.stem}:f", inputs={"x": "b"}, register=False),
        "",
        FLOAT32,
    )
    seen: set[str] = set()
    for file in (port, port, beside):
        file.write_text(f"TEXT = {len(seen)}\n", encoding="utf-8")
        seen.add(code_of(case))
    assert len(seen) == 3


def test_a_namespace_that_exports_nothing() -> None:
    """Its public functions are its words; what it imports from elsewhere as a class or module is none."""
    ours = ModuleType("ours")
    exec("import math\nfrom pathlib import Path\ndef gelu(x): pass\ndef _own(x): pass", vars(ours))
    assert words_in(ours) == ["gelu"]
    ours.__all__ = ["softmax"]  # type: ignore[attr-defined]
    assert words_in(ours) == ["softmax"]

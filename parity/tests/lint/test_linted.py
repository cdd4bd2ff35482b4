"""What the lint stage of `parity mutants` sees of the catalogue's bugs."""

from pathlib import Path

import pytest

from parity.lint import lint_text
from parity.mutants import Bug, load
from parity.mutants.linted import linted
from parity.mutants.stages import LINT, Place, ask
from parity.nodes import Target
from parity.session import KEY

BUGS = {b.name: b for b in load()}
CODE = [b for b in BUGS.values() if not b.is_kernel and not b.target.startswith("weights")]

SEEN = {
    "gelu-with-constants-of-float32": {"MXP402"},
    "mse-loss-through-the-host": {"MXP201"},
}
"""Bugs that break a rule, and which. All the others are written as the rules want it, so that what lint sees
of one is the bug, and not how it was jotted down."""


def test_lint_sees_the_bugs_that_break_a_rule_and_no_other() -> None:
    found = {b.name: {f.code for f in linted(b).findings} for b in CODE}
    assert {name: codes for name, codes in found.items() if codes} == SEEN


def test_every_bug_of_code_is_read() -> None:
    assert {b.name: linted(b).why_not for b in CODE[::10] if linted(b).why_not} == {}


def test_the_stage(request: pytest.FixtureRequest) -> None:
    """Killed with code and place, missed, or not run with the reason."""
    place = Place(Target("mlx", "cpu", "mlx"), request.config.stash[KEY].settings)
    seen = ask(LINT, BUGS["mse-loss-through-the-host"], place)
    assert (seen.status, seen.how) == ("killed", "finding")
    assert seen.by == "MXP201 .item() in 'mean.item()'"
    assert ask(LINT, BUGS["gelu-tanh"], place).status == "missed"
    weights = next(b for b in BUGS.values() if b.target.startswith("weights"))
    assert "weights" in ask(LINT, weights, place).by
    kernel = next(b for b in BUGS.values() if b.is_kernel)
    assert ask(LINT, kernel, place).status == "not run"


def own(folder: Path, text: str) -> Bug:
    """A bug of somebody's own in gelu's place."""
    file = folder / "ours.py"
    file.write_text(f"import mlx.core as mx\n\n\n{text}")
    return Bug("ours", f"mlx_impl.ops.gelu={file}:ours", "a port of our own, last week")


def test_parameters_are_those_of_the_word(tmp_path: Path) -> None:
    """Five lines without annotations are read as the word would be."""
    text = "def ours(x):\n    return x * x\n"
    assert [f.code for f in linted(own(tmp_path, text)).findings] == ["MXP301"]
    assert lint_text(f"import mlx.core as mx\n\n\n{text}").findings == ()


def test_what_it_calls_of_its_file_is_read_and_nothing_else(tmp_path: Path) -> None:
    text = (
        "def ours(x):\n    return _one(x)\n\n\n"
        "def _one(x: mx.array):\n    return _two(x)\n\n\n"
        "def _two(x: mx.array):\n    return -x\n\n\n"
        "def _other(x: mx.array):\n    return x + x\n"
    )
    assert [f.code for f in linted(own(tmp_path, text)).findings] == ["MXP302"]


def test_what_is_not_written_as_a_function_is_not_read(tmp_path: Path) -> None:
    assert "made by a function" in linted(own(tmp_path, "ours = mx.compile(mx.exp)\n")).why_not

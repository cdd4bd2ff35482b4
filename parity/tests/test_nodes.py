"""What of the suite the executor of kernels runs: enough in the default profile, everything when asked."""

from dataclasses import replace

import pytest

import parity.specs
from parity.dtypes import WORKING
from parity.msl import compiler
from parity.nodes import EXECUTOR, ONE_IN, Node, nodes, not_run, targets
from parity.settings import Settings
from parity.spec import REGISTRY

assert parity.specs
pytestmark = pytest.mark.skipif(compiler.why_not() is not None, reason=str(compiler.why_not()))

DEFAULT = Settings()
DEEP, QUICK = replace(DEFAULT, profile="deep"), replace(DEFAULT, profile="quick")
WORDS = {s.name for s in REGISTRY if s.family == "word" and s.kernels}


def executed(settings: Settings, *families: str, **selection: object) -> list[Node]:
    """The nodes that are the executor's."""
    found = nodes(settings, families or ("word",), **selection)  # type: ignore[arg-type]
    return [n for n in found if n.target.side == EXECUTOR]


def test_every_word_with_kernels_in_every_dtype() -> None:
    """In its first named case; the others, and gradients, in the first dtype."""
    found = executed(DEFAULT, kernels="all")
    first = {(n.spec.name, n.dtype.name) for n in found if n.case_name == n.spec.cases[0]}
    assert first == {(w, d) for w in WORDS for d in WORKING}
    assert {n.dtype.name for n in found if n.case_name != n.spec.cases[0]} == {"float32"}
    gradients = executed(DEFAULT, vjp=True, named_cases="first", kernels="all")
    assert sorted(n.spec.name for n in gradients) == sorted(WORDS)


@pytest.mark.parametrize("family", ["word", "layer", "model"])
def test_every_spec_has_its_turn(family: str) -> None:
    """Once in so many seeds; all at once if deep, or if the side is named."""
    selection = {"named_cases": "none", "kernels": "first", "turn": True}
    turns = [
        {n.spec.name for n in executed(replace(DEFAULT, seed=i), family, **selection)} for i in range(ONE_IN)
    ]
    everything = {n.spec.name for n in executed(DEEP, family, **selection)}
    assert turns[0]
    assert sum(map(len, turns)) == len(everything)
    assert set().union(*turns) == everything
    assert {
        n.spec.name for n in executed(replace(DEFAULT, sides=(EXECUTOR,)), family, **selection)
    } == everything


def test_quick_compiles_nothing_and_says_so() -> None:
    """Unless the side is named."""
    assert executed(QUICK, kernels="all") == []
    (row,) = [r for r in not_run(QUICK, executor=True) if r.side == EXECUTOR]
    assert "quick profile" in row.reasons[0]
    named = replace(QUICK, sides=(EXECUTOR,))
    assert [t.side for t in targets(named)] == [EXECUTOR]
    assert executed(named, kernels="all")
    assert executed(replace(QUICK, require_side=(EXECUTOR,)), kernels="all")

"""A culprit word by itself: in which dtypes it is wrong, and at which sizes it begins to be."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from parity import swap
from parity.case import Case
from parity.dtypes import WORKING, WorkingDtype
from parity.errors import ParityError
from parity.judge import judge
from parity.nodes import Target
from parity.sides.points import Point
from parity.spec import REGISTRY, LayerSpec, OpSpec

from .like import cases_of
from .local import Made

MOST_SIZES = 12
"""How many sizes of an axis are tried, from the smallest on."""


@dataclass(frozen=True)
class Narrowed:
    """What is known of a word by its own spec.

    Args:
        dtypes: dtype → ``fail`` or ``pass`` on the spec's first case.
        smallest: the smallest case that fails, as `Case` writes it; empty if none does.
        gate: how many times its gate the smallest case is off.
        depends: an axis whose size decides, at which sizes it fails, at which it holds; empty if none does.
    """

    dtypes: dict[str, str]
    smallest: str
    gate: float
    depends: str = ""

    def lines(self) -> list[str]:
        """In words."""
        bad = [d for d, status in self.dtypes.items() if status == "fail"]
        good = [d for d in self.dtypes if d not in bad]
        if not bad:
            return ["its own cases pass: it is wrong only on the inputs that it has in the model"]
        text = f"fails in {', '.join(bad)}" + (f", not in {', '.join(good)}" if good else "")
        smallest = f"smallest failing case: {self.smallest} ({self.gate:.3g} times its gate)"
        return [text, *([self.depends] if self.depends else []), smallest]


def narrow(
    spec: LayerSpec,
    point: Point,
    dtype: WorkingDtype,
    target: Target,
    *,
    vjp: bool,
    made: Made | None = None,
) -> Narrowed | None:
    """Judge the word at a point by its own spec; None if it has none.

    `spec` is the model's: the port's word is what the model says there, swaps included. With `made`, a call
    of it, the word is asked with the sizes that it has there too.
    """
    word = word_spec(point.word)
    if word is None:
        return None
    with as_said(spec, point):
        return _narrow(word, dtype, target, made, vjp=vjp and bool(word.grads))


def word_spec(name: str) -> OpSpec | None:
    """The spec of a word, if there is one."""
    return next((s for s in REGISTRY if s.family == "word" and s.port.endswith(f":{name}")), None)


def _narrow(word: OpSpec, dtype: WorkingDtype, target: Target, made: Made | None, *, vjp: bool) -> Narrowed:
    def fails(case: Case) -> float:
        """How many times its gate a case is off, 0 if it passes."""
        try:
            judgement = judge(case, target.side, target.device, seeds=2, most=2)
        except ParityError:  # a size that the word does not take
            return 0.0
        return judgement.worst[1].ratio if judgement.status == "fail" else 0.0

    cases = list(cases_of(word, made, dtype, vjp=vjp))
    dtypes = {
        d.name: "fail" if any(fails(replace(c, dtype=d)) for c in cases) else "pass"
        for d in (dtype, *(d for d in WORKING.values() if d is not dtype))
    }
    start = next((c for c in cases if fails(c)), None)
    if start is None:
        return Narrowed(dtypes, "", 0.0)
    smallest, gate = start, fails(start)
    for axis in word.axis_names():
        for size in sorted(set(word.size_choices(axis, smallest.sizes)))[:MOST_SIZES]:
            if size >= smallest.sizes[axis]:
                break
            smaller = _resized(smallest, axis, size)
            if found := fails(smaller):
                smallest, gate = smaller, found
                break
    depends = "" if start is cases[0] else _depends(word, cases[0], start, fails)
    return Narrowed(dtypes, str(smallest), gate, depends)


def _depends(word: OpSpec, holds: Case, fails_at: Case, fails: Callable[[Case], float]) -> str:
    """The axis whose size is the difference between two cases, with the sizes that are; empty if none is."""
    for axis, size in fails_at.sizes.items():
        usual = holds.sizes[axis]
        if size == usual or fails(_resized(fails_at, axis, usual)):
            continue
        sizes = sorted({size, usual, *list(word.size_choices(axis, fails_at.sizes))[:MOST_SIZES]})
        bad = [n for n in sizes if fails(_resized(fails_at, axis, n))]
        good = [n for n in sizes if n not in bad]
        return f"depends on {axis}: fails at {_listed(bad)}, holds at {_listed(good)}"
    return ""


def _resized(case: Case, axis: str, size: int) -> Case:
    return replace(case, sizes=dict(case.sizes) | {axis: size})


def _listed(sizes: list[int]) -> str:
    return ", ".join(map(str, sizes))


@contextmanager
def as_said(spec: LayerSpec, point: Point) -> Iterator[None]:
    """Within the context the port's word is what the module at a point says."""
    replacement = swap.at_paths().word(point.path, point.word)
    if replacement is None or spec.words is None:
        yield
        return
    namespace: Any = importlib.import_module(spec.words[1])
    before = getattr(namespace, point.word)
    setattr(namespace, point.word, replacement)
    try:
        yield
    finally:
        setattr(namespace, point.word, before)

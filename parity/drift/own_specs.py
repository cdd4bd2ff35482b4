"""A case that holds: how near to their gates its words are by their own specs, as a place to look next."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from parity import swap
from parity.errors import ParityError
from parity.expect import Say, silent
from parity.judge import judge
from parity.sides.points import Point
from parity.spec import LayerSpec

from .like import cases_of
from .local import Made
from .narrow import as_said, word_spec
from .prober import Prober

SEEDS = 2
SHOWN = 3


@dataclass(frozen=True)
class Near:
    """One word by its own spec, in the dtype of the case.

    Args:
        word: what is said.
        path: the module that says it first, if what it says there was swapped in.
        gate: the worst result's error over its limit.
        fails: whether that is too much.
        command: the question again, in full.
    """

    word: str
    path: str
    gate: float
    fails: bool
    command: str

    def __str__(self) -> str:
        return f"{self.word} in {self.path}" if self.path else self.word


def by_own_specs(prober: Prober, swaps: Sequence[str] = (), say: Say = silent) -> list[Near]:
    """Every word that the port says, by cases of its own spec (`cases_of`); the nearest to its gate first."""
    spec, target = prober.case.spec, prober.target
    assert isinstance(spec, LayerSpec)
    said = _said(prober)
    say(f"{len(said)} words by their own specs")
    found = []
    for (name, replacement), made in said.items():
        word, point = word_spec(name), made.point
        if word is None:
            continue
        asked = []
        for case in cases_of(word, made, prober.case.dtype, vjp=prober.case.vjp and bool(word.grads)):
            try:
                with as_said(spec, point):
                    asked.append(judge(case, target.side, target.device, seeds=SEEDS, most=SEEDS))
            except ParityError:  # the side does not run it by itself
                continue
        if not asked:
            continue
        worst = max(asked, key=lambda j: (j.status == "fail", j.worst[1].ratio))
        path = point.path if replacement is not None else ""
        command = ["parity", "run", "--case", str(worst.case), *_swapped(spec, point, swaps)]
        gate, fails = worst.worst[1].ratio, worst.status == "fail"
        found.append(Near(name, path, gate, fails, shlex.join(command)))
    return sorted(found, key=lambda near: (not near.fails, -near.gate))


def _said(prober: Prober) -> dict[tuple[str, Callable[..., Any] | None], Made]:
    """The first call of every word that the port says, and of every replacement of it."""
    port = prober.pair()[1].port
    said: dict[tuple[str, Callable[..., Any] | None], Made] = {}

    def around(at: Point, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        key = at.word, swap.at_paths().word(at.path, at.word)
        if at.word and key not in said:
            said[key] = Made(at, (port.portable(args), port.portable(dict(kwargs))))
        return call(*args, **kwargs)

    port.run(around)
    prober.runs += 1
    return said


def _swapped(spec: LayerSpec, point: Point, swaps: Sequence[str]) -> list[str]:
    """The swap that makes a word what is said at a point, for the word alone."""
    for text in reversed(swaps):
        what, _, by = text.partition("=")
        at = swap.parse(text)
        here = isinstance(at, swap.AtPath) and at.word == point.word and at.takes(point.path, point.word)
        if spec.words is not None and (here or what == f"{spec.words[1]}.{point.word}"):
            return ["--swap", f"{spec.words[1]}.{point.word}={by}"]
    return []


def lines_of(near: Sequence[Near]) -> list[str]:
    """In words: what fails, with the command that shows it; else the nearest."""
    failing = [n for n in near if n.fails]
    if failing:
        return [
            line
            for n in failing
            for line in (f"{n} FAILS by its own spec, {n.gate:.3g} times its gate:", f"  {n.command}")
        ]
    if not near:
        return []
    nearest = ", ".join(f"{n} {n.gate:.2g}" for n in near[:SHOWN])
    text = f"its {len(near)} words hold by their own specs; nearest to the gate, which is 1: {nearest}"
    return [text, f"  {near[0].command}"]

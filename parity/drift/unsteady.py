"""Determinism first: the same input twice, the same bits? What differs is a race, not drift."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.expect import Say, named_results
from parity.sides.live import Live, leaves
from parity.sides.points import Around, Point

from .hybrid import Pair
from .prober import Prober

CALLS, FEW = 20, 3
"""How often a suspected call is repeated on the same numbers, and how often every other call is."""

Heard = list[tuple[Point, str, str]]
Kept = dict[str, tuple[Point, tuple[Any, ...], Mapping[str, Any]]]
"""One call of each word, with its arguments."""


@dataclass(frozen=True)
class Unsteady:
    """A model that gives other bits for the same input, and the first call that does."""

    runs: int
    point: Point | None
    different: int
    calls: int

    @property
    def confirmed(self) -> bool:
        """The call itself gave several answers to one question."""
        return self.different > 1

    @property
    def note(self) -> str:
        """What repeating the call showed."""
        if self.confirmed:
            return f"{self.different} different results in {self.calls} calls on the same numbers: a race?"
        return f"one result in {self.calls} calls on the same numbers: it depends on what ran before"

    def __str__(self) -> str:
        text = f"not reproducible: the port gave other bits for the same input within {self.runs} runs"
        if self.point is None:
            return f"{text}, but never while it was listened to"
        kind = f"{self.point.word} in {self.point.path}" if self.point.word else self.point.path
        return f"{text}; the first call to do so is {kind}"


def unsteady(prober: Prober, repeats: int, say: Say) -> Unsteady | None:
    """Run the port `repeats` times on one input; None if all bits are the same.

    Between two runs each word is called once more, by itself: what counts its calls, or keeps something
    from the last one, would otherwise do the same in every run.
    """
    port = prober.pair()[1].port
    try:
        kept: Kept = {}
        first = _digest(named_results(port.run(_keeping(port, kept))))
        for i in range(1, repeats):
            prober.runs += 1
            _disturb(port, kept)
            if _digest(named_results(port.run())) != first:
                say(f"run {i + 1} of the port has other bits than the first")
                return _locate(port, kept, repeats)
    except Exception:  # raising is a failure of its own, and a steady one
        return None
    say(f"{repeats} runs of the port have the same bits")
    return None


def fickle(pair: Pair, say: Say) -> list[Point]:
    """The words that give several results for the same numbers, those that the reference hands them."""
    found: list[Point] = []
    portable = pair.reference.portable

    def around(at: Point, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        if at.word:
            given = portable(args), portable(dict(kwargs))
            try:
                results = {_digest(pair.port.call(at, *given)) for _ in range(FEW)}
            except Exception:  # raising is a failure of its own
                results = set()
            if len(results) > 1:
                found.append(at)
        return call(*args, **kwargs)

    pair.reference.run(around)
    say(f"each word {FEW} times on the same numbers: {len(found)} calls with several results")
    return found


def _keeping(port: Live, kept: Kept) -> Around:
    def around(at: Point, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        if at.word and at.word not in kept:
            kept[at.word] = (at, port.portable(args), port.portable(dict(kwargs)))
        return call(*args, **kwargs)

    return around


def _disturb(port: Live, kept: Kept) -> None:
    for point, args, kwargs in kept.values():
        port.call(point, args, kwargs)


def _locate(port: Live, kept: Kept, repeats: int) -> Unsteady:
    """The first call whose result differs between runs while its arguments do not."""
    before = _hear(port)
    for _ in range(max(repeats, CALLS)):
        _disturb(port, kept)
        after = _hear(port)
        for (point, given, result), (_, given2, result2) in zip(before, after, strict=False):
            if given == given2 and result != result2:  # what it calls ended before it, and was asked first
                return _repeated(port, point, repeats)
    return Unsteady(repeats, None, 0, 0)


def _repeated(port: Live, point: Point, repeats: int) -> Unsteady:
    kept: list[tuple[tuple[Any, ...], Mapping[str, Any]]] = []

    def around(at: Point, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        if at == point:
            kept.append((port.portable(args), port.portable(dict(kwargs))))
        return call(*args, **kwargs)

    port.run(around)
    args, kwargs = kept[0]
    results = {_digest(port.call(point, args, kwargs)) for _ in range(CALLS)}
    return Unsteady(repeats, point, len(results), CALLS)


def _hear(port: Live) -> Heard:
    heard: Heard = []

    def around(at: Point, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        given = _digest(port.portable((args, dict(kwargs))))
        result = call(*args, **kwargs)
        heard.append((at, given, _digest(port.portable(result))))
        return result

    listening: Around = around
    port.run(listening)
    return heard


def _digest(value: Any) -> str:
    found = hashlib.blake2b(digest_size=16)
    for x in leaves(value):
        found.update(x.tobytes() if isinstance(x, np.ndarray) else repr(x).encode())
    return found.hexdigest()

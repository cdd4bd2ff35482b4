"""Determinism first: the same input twice, the same bits? What differs is a race, not drift."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.expect import Say, named_results
from parity.sides.live import Live, leaves
from parity.sides.points import Around, Point

from .prober import Prober

CALLS = 20
"""How often a suspected call is repeated on the same numbers."""

Heard = list[tuple[Point, str, str]]


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
    """Run the port `repeats` times on one input; None if all bits are the same."""
    _, pair = prober.pair()
    try:
        first = _digest(named_results(pair.port.run()))
        for i in range(1, repeats):
            prober.runs += 1
            if _digest(named_results(pair.port.run())) != first:
                say(f"run {i + 1} of the port has other bits than the first")
                return _locate(pair.port, repeats)
    except Exception:  # raising is a failure of its own, and a steady one
        return None
    say(f"{repeats} runs of the port have the same bits")
    return None


def _locate(port: Live, repeats: int) -> Unsteady:
    """The first call whose result differs between runs while its arguments do not."""
    before = _hear(port)
    for _ in range(max(repeats, CALLS)):
        after = _hear(port)
        for (point, given, result), (_, given2, result2) in zip(before, after, strict=False):
            if given == given2 and result != result2 and _innermost(point, before):
                return _repeated(port, point, repeats)
    return Unsteady(repeats, None, 0, 0)


def _innermost(point: Point, heard: Heard) -> bool:
    """Words, and modules that call nothing: what is around them only passes it on."""
    return bool(point.word) or not any(
        p.within(point.path) and p != point and (p.word or p.path != point.path) for p, _, _ in heard
    )


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

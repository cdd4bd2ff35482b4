"""Several models on one input in lock step: they meet at the end of every call, and nothing is kept.

Each model stops at the end of each call until it is told to go on, so what is compared lives no longer than
its call.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from parity.sides.base import Outcome
from parity.sides.live import Live, leaves
from parity.sides.points import Call, Point

from .stepping import Ended, Stepper, ending


@dataclass(frozen=True)
class Stop:
    """A model at the end of a call: its point, and what went in and came out, portable.

    A module that hands its arguments and its parameters to one call and its result on is a `wrapper`:
    whatever is true of that call is true of it.
    """

    point: Point
    arguments: tuple[tuple[Any, ...], Mapping[str, Any]]
    result: Any
    wrapper: bool = False


class Walker(Stepper[Stop]):
    """One model, stopped at each call."""

    def __init__(self, live: Live) -> None:
        super().__init__(live)
        self._within = [0]
        self._last: tuple[Any, Any] = (None, None)
        self._held = {id(x): x for x in live.held().values()}

    def work(self) -> Outcome:
        """The run."""
        return self.live.run(self._around)

    def _around(self, point: Point, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        self._within.append(0)
        result = call(*args, **kwargs)
        wrapper = self._within.pop() == 1 and self._handed_on((args, kwargs), result)
        self._within[-1] += 1
        if not point.word and not point.path:
            return result  # the whole: its results are the run's own
        self._last = ((args, kwargs), result)
        portable = self.live.portable
        arguments = (portable(args), portable(dict(kwargs)))
        self.stop(Stop(point, arguments, portable(result), wrapper))
        return result

    def _handed_on(self, given: Any, result: Any) -> bool:
        """Whether the call before was given what this one is, besides parameters, and gave what it gives."""
        before, its_result = self._last
        own, its = leaves(given), leaves(before)
        handed = {id(x) for x in its}
        extra = [x for x in its if not any(x is y for y in own)]
        return (
            result is its_result
            and all(id(x) in handed for x in own)
            and not any(self.live.is_array(x) and id(x) not in self._held for x in extra)
        )


@dataclass(frozen=True)
class Meeting:
    """All models at the same call; `stray` are calls since the last meeting that not all of them made."""

    stops: tuple[Stop, ...]
    stray: tuple[tuple[str, Point], ...] = ()


@contextmanager
def walking(lives: Sequence[Live]) -> Iterator[list[Walker]]:
    """Walkers of some models, all ended afterwards."""
    with ending([Walker(live) for live in lives]) as walkers:
        yield list(walkers)


def meetings(walkers: Sequence[Walker]) -> Iterator[Meeting | tuple[Ended, ...]]:
    """Each call that all models make, in order, and at last their ends.

    Models that part within a module (one says a word that another does not) meet again at the end of a
    module that both call.
    """
    while True:
        now = [w.advance() for w in walkers]
        stray: list[tuple[str, Point]] = []
        if not _same(now):
            now = _rejoin(walkers, now, stray)
        if any(isinstance(n, Ended) for n in now):
            ends = []
            for walker, n in zip(walkers, now, strict=True):
                last: Stop | Ended = n
                while isinstance(last, Stop):
                    stray.append((walker.live.name, last.point))
                    last = walker.advance()
                ends.append(last)
            if stray:
                yield Meeting((), tuple(stray))
            yield tuple(ends)
            return
        yield Meeting(tuple(n for n in now if isinstance(n, Stop)), tuple(stray))


def _same(now: Sequence[Stop | Ended]) -> bool:
    return len({n.point if isinstance(n, Stop) else None for n in now}) == 1


def _rejoin(
    walkers: Sequence[Walker], now: list[Stop | Ended], stray: list[tuple[str, Point]]
) -> list[Stop | Ended]:
    """Let each model run until all end the call of one module."""
    while not _same(now):
        # The one whose call is inner, or that is furthest behind, goes on to the end of its next module.
        depth = [_depth(n) for n in now]
        i = depth.index(max(depth))
        here = now[i]
        if isinstance(here, Ended):
            return now
        stray.append((walkers[i].live.name, here.point))
        now[i] = walkers[i].advance()
    return now


def _depth(now: Stop | Ended) -> int:
    if isinstance(now, Ended):
        return -1
    return 2 * now.point.path.count(".") + (3 if now.point.word else 2) if now.point.path else 1

"""A model on its way back, part by part: it stops wherever a gradient passes, and nothing is kept but of the
part that it is in."""

from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity.dtypes import AnyArray
from parity.errors import ParityError
from parity.sides.base import Outcome
from parity.sides.live import Live
from parity.sides.points import Call, Point

from .stepping import Stepper


@dataclass(frozen=True)
class Heard:
    """A model at a call on its way back, and the part that the call is in: the cotangents of its result, and
    what a word was given, as the framework has it."""

    point: Point
    part: Point | None
    arguments: tuple[tuple[Any, ...], Mapping[str, Any]] | None
    cotangents: list[AnyArray]


@dataclass(frozen=True)
class Done:
    """A model behind a part on its way back: the gradients of the parameters that the part reaches."""

    part: Point
    gradients: dict[str, AnyArray]


class Sweeper(Stepper[Heard | Done]):
    """One model; calls of modules at some paths are severed.

    Args:
        live: the model, with cotangents in its task.
        paths: where to sever it; none of them is within another.
        folder: where a temporary file may lie.
    """

    def __init__(self, live: Live, paths: Collection[str], folder: Path | None = None) -> None:
        super().__init__(live)
        self.sweep = live.sweep(folder)
        self.made: dict[Point, None] = {}
        self.parts: dict[Point, None] = {}
        self._paths = paths
        self._part: _Part | None = None

    def work(self) -> Outcome:
        """The run."""
        return self.sweep.run(self._around)

    def _around(self, point: Point, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        self.made[point] = None
        if self._part is not None:
            self._part.saw(point)
            return call(*args, **kwargs)
        if point.word or point.path not in self._paths:
            return self.hear(point, None, call, args, kwargs)
        self.parts[point] = None
        self._part = _Part(point, self)
        self._part.saw(point)
        try:
            return self.sweep.severed(call, args, kwargs, self._part)
        finally:
            self._part = None

    def hear(
        self,
        point: Point,
        part: Point | None,
        call: Call,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """Make a call, to stop when gradients pass through its result."""
        kept = [(args, dict(kwargs)) if point.word else None]
        result = call(*args, **kwargs)
        if not point.word and not point.path:
            return result  # the whole: its results are the run's own

        def heard(cotangents: list[AnyArray]) -> None:
            self.stop(Heard(point, part, kept.pop() if kept else None, cotangents))

        return self.live.overheard(result, heard)


class _Part:
    """One severed call. When it is made again its calls have the numbers that they had at first."""

    def __init__(self, point: Point, sweeper: Sweeper) -> None:
        self.point = point
        self._sweeper = sweeper
        self._first: dict[tuple[str, str], int] = {}

    @property
    def paths(self) -> Set[str]:
        return {path for path, word in self._first if not word}

    def saw(self, point: Point) -> None:
        self._first.setdefault((point.path, point.word), point.index)

    def around(
        self, point: Point, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        first = self._first.get((point.path, point.word), 0)
        here = Point(point.path, point.word, first + point.index)
        return self._sweeper.hear(here, self.point, call, args, kwargs)

    def done(self, gradients: dict[str, AnyArray]) -> None:
        self._sweeper.stop(Done(self.point, gradients))


class Box:
    """A sweeper, run forward, and what it has shown and nobody has asked for yet."""

    def __init__(self, sweeper: Sweeper, name: str) -> None:
        self.sweeper = sweeper
        self._name = name
        self._heard: dict[Point, Heard] = {}
        self._done: dict[Point, dict[str, AnyArray]] = {}
        self._behind: set[Point] = set()
        self.outcome: Outcome | None = None
        self._advance()

    def _advance(self) -> None:
        """Let the model go on to its next stop.

        Raises: ParityError if it raises.
        """
        seen = self.sweeper.advance()
        if isinstance(seen, Heard):
            self._heard[seen.point] = seen
        elif isinstance(seen, Done):
            self._done[seen.part] = seen.gradients
            self._behind.add(seen.part)
        elif seen.error is not None:
            what = f"{type(seen.error).__name__}: {seen.error}"
            raise ParityError(f"{self._name} raised {what}") from seen.error
        else:
            self.outcome = seen.outcome

    def next(self) -> Heard | Done | None:
        """What the model shows next, in its own order; None when it has ended."""
        while not (self._heard or self._done or self.outcome is not None):
            self._advance()
        for place in list(self._heard):
            return self._heard.pop(place)
        for part in list(self._done):
            return Done(part, self._done.pop(part))
        return None

    def heard(self, point: Point, part: Point | None) -> Heard | None:
        """What comes back through a call of a part, if anything does; the model goes on until it is known."""
        while point not in self._heard:
            if self.outcome is not None or point not in self.sweeper.made or part in self._behind:
                return None
            self._advance()
        return self._heard.pop(point)

    def done(self, part: Point) -> dict[str, AnyArray]:
        """The gradients of the parameters that a part reaches; nothing of the part is kept any more."""
        while part not in self._behind and self.outcome is None and part in self.sweeper.parts:
            self._advance()
        for point in [p for p, heard in self._heard.items() if heard.part == part]:
            del self._heard[point]
        return self._done.pop(part, {})

    def end(self) -> tuple[Outcome, list[dict[str, AnyArray]]]:
        """What the model gives, and the gradients of parts that nobody asked for."""
        while self.outcome is None:
            self._advance()
        rest = list(self._done.values())
        self._done.clear()
        return self.outcome, rest

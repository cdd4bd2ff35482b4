"""Where the gradient drifts: the same three numbers for what each word hands back.

The models go back in lock step, part by part (a layer, the embeddings, a head). Each has kept of its way
there only what its parts were given; a part is run again, its words are asked for their gradients on each
other's numbers as the cotangents reach them, and then it is dropped, with the gradients of its parameters.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from parity.dtypes import AnyArray
from parity.errors import UsageError
from parity.expect import Say, draw_cotangents, named_results, silent
from parity.sides import Task
from parity.sides.base import Outcome
from parity.sides.live import Live
from parity.sides.points import Point

from .gradients import Gradients
from .measure import Drift, arrays, combined, grid_of, mismatch, relative
from .stepping import ending
from .sweep import Box, Done, Heard, Sweeper
from .trace import Place, opened
from .tree import parts


def trace_backward(
    task: Task,
    reference: Place,
    port: Place,
    seed: int,
    say: Say = silent,
    *,
    severed: bool = True,
    folder: Path | None = None,
) -> Iterator[Drift]:
    """The gradients of words and the cotangents of modules, from the last to the first, and the results.

    Args:
        task: a layer's or a model's.
        reference: the side that is the reference.
        port: the side beside it.
        seed: for the cotangents, if the task has none.
        say: told of what begins.
        severed: by parts; else the models keep all that they have for the way back.
        folder: where temporary files may lie; by default where the system has them, which may be memory.

    Raises: ParityError if a model raises; UsageError if nothing of the task has a gradient.
    """
    from parity.sides.widened import widened  # it needs PyTorch, and the command line has to start without

    if task.cotangents is None:
        plain = replace(task, cotangents=None)
        outputs = widened(plain, opened(plain, reference)).run().outputs
        task = replace(task, cotangents=draw_cotangents(outputs, task.dtype, seed))
    own = opened(task, reference)
    lives = (widened(task, own), own, opened(task, port))
    names = ("exact", ".".join(reference), ".".join(port))
    say(f"{task.spec.name} back in lock step: {', '.join(names)}")
    paths = parts(n.rpartition(".")[0] for n in own.trainable(Point(""))) if severed else []
    way = _Way(task, lives, names, paths, folder)
    yield from way.drifts()
    results = way.results
    late = way.gradients.late
    if late:
        say(f"once more: {len(late)} parameters have gradients from where none were expected")
        again = _Way(task, lives, names, paths, folder, shared=late)
        for _ in again.drifts(measure=False):
            pass
        results |= {n: d for n, d in again.results.items() if n.removeprefix("grad param.") in late}
    yield from results.values()


class _Way:
    """The way back of three models: the exact one, the reference and the port.

    Args:
        task: with cotangents.
        lives: the models.
        names: theirs, for messages.
        paths: where they are severed.
        folder: where temporary files may lie.
        shared: parameters, besides those with several names, that several parts may have gradients for.
    """

    def __init__(
        self,
        task: Task,
        lives: Sequence[Live],
        names: Sequence[str],
        paths: Collection[str],
        folder: Path | None,
        shared: Collection[str] = (),
    ) -> None:
        self._task = task
        self._lives = lives
        self._names = names
        self._paths = paths
        self._folder = folder
        self._shared = shared
        self.gradients = Gradients([], (), folder)
        self.results: dict[str, Drift] = {}

    def drifts(self, *, measure: bool = True) -> Iterator[Drift]:
        """The drift of each call that a gradient comes back through; `results` has those of results then.

        Raises: ParityError if a model raises; UsageError if nothing has a gradient.
        """
        with ending([Sweeper(live, self._paths, self._folder) for live in self._lives]) as sweepers:
            boxes = [Box(sweeper, name) for sweeper, name in zip(sweepers, self._names, strict=True)]
            oracle, *others = boxes
            zeros = [sweeper.sweep.zeros() for sweeper in sweepers]
            self.gradients = Gradients(zeros, self._several(oracle.sweeper.parts), self._folder)
            nothing = True
            while (seen := oracle.next()) is not None:
                if isinstance(seen, Done):
                    found = [seen.gradients, *(box.done(seen.part) for box in others)]
                    self._compare(self.gradients.of(found))
                    del found
                    continue
                nothing = False
                heard = [seen, *(box.heard(seen.point, seen.part) for box in others)]
                del seen
                if measure:
                    yield self._drift(boxes, heard)
                del heard
            if nothing:
                raise UsageError(f"{self._task.spec.name} has no gradient: nothing comes back through it")
            self._end(boxes)

    def _several(self, made: Collection[Point]) -> set[str]:
        """The parameters that more than one part may have a gradient for."""
        given = self._task.parameters or {}
        names: dict[int, list[str]] = {}
        for name, x in given.items():
            names.setdefault(id(x), []).append(name)
        tied = [name for several in names.values() if len(several) > 1 for name in several]
        paths = Counter(point.path for point in made)
        twice = tuple(f"{path}." for path, times in paths.items() if times > 1)
        return {*self._shared, *tied, *(name for name in given if name.startswith(twice))}

    def _compare(self, found: Iterator[tuple[str, list[AnyArray]]]) -> None:
        for name, values in found:
            self.results[f"grad param.{name}"] = self._result(f"grad param.{name}", values)

    def _result(self, name: str, values: Sequence[AnyArray]) -> Drift:
        exact, own, have = ([x] for x in values)
        return replace(_observed(self._task, Point("", name), exact, own, have), result=True)

    def _end(self, boxes: Sequence[Box]) -> None:
        """The results of the whole, and the gradients that did not come from parts, or from several."""
        ends = [box.end() for box in boxes]
        self.gradients.add([_of_parameters(outcome) for outcome, _ in ends])
        for i, (_, rest) in enumerate(ends):
            for gradients in rest:
                self.gradients.add([gradients if i == j else {} for j in range(len(ends))])
        self._compare(self.gradients.rest())
        every = [named_results(outcome) for outcome, _ in ends]
        whole = {
            name: self._result(name, [results[name] for results in every])
            for name, value in every[0].items()
            if not name.startswith("grad param.") and arrays(value) and all(name in r for r in every)
        }
        named = [f"grad param.{name}" for name in self.gradients.names]
        self.results = whole | {name: self.results[name] for name in named if name in self.results}

    def _drift(self, boxes: Sequence[Box], heard: Sequence[Heard | None]) -> Drift:
        o, r, p = heard
        assert o is not None
        if r is None or p is None:
            missing = "torch" if r is None else "mlx"
            return Drift(o.point, problem=f"nothing comes back through it on side {missing}")
        if not o.point.word:
            return _observed(self._task, o.point, o.cotangents, r.cotangents, p.cotangents)
        return _measured(self._task, [box.sweeper for box in boxes], [o, r, p])


def _of_parameters(outcome: Outcome) -> dict[str, AnyArray]:
    found = outcome.gradients.items()
    return {n.removeprefix("param."): g for n, g in found if n.startswith("param.")}


def _portable(heard: Heard, live: Live) -> Any:
    return live.portable(heard.arguments)


def _observed(
    task: Task, point: Point, exact: list[AnyArray], own: list[AnyArray], have: list[AnyArray]
) -> Drift:
    problem = mismatch(have, exact)
    if problem:
        return Drift(point, problem=problem)
    return Drift(
        point,
        shape=exact[0].shape,
        observed=relative(have, exact),
        reference=relative(own, exact),
        grid=grid_of(exact, own, task.dtype),
    )


def _measured(task: Task, sweepers: Sequence[Sweeper], heard: Sequence[Heard]) -> Drift:
    """A word's gradients: asked of each side on its own numbers, and on the others'."""
    point = heard[0].point
    given = [s.ask(partial(_portable, h)) for s, h in zip(sweepers, heard, strict=True)]

    def ask(side: int, numbers: int) -> list[AnyArray]:
        args, kwargs = given[numbers]
        found: list[AnyArray] = sweepers[side].ask(
            lambda live: live.vjp(point, args, kwargs, heard[numbers].cotangents)[0]
        )
        return found

    exact, own, have = ask(0, 0), ask(1, 1), ask(2, 2)
    problem = mismatch(have, exact)
    if problem or not exact:
        return Drift(point, problem=problem)
    at_reference, at_port, by_port = ask(0, 1), ask(0, 2), ask(2, 1)
    its = [[*arrays(value), *h.cotangents] for value, h in zip(given, heard, strict=True)]
    inherited = combined(its[2], its[0])
    passed_on = relative(at_port, exact)
    return Drift(
        point,
        shape=exact[0].shape,
        observed=relative(have, exact),
        reference=relative(own, exact),
        inherited=inherited,
        gain=passed_on / inherited if inherited > 0 else 0.0,
        local=relative(by_port, at_reference),
        local_reference=relative(own, at_reference),
        grid=grid_of(exact, own, task.dtype),
    )

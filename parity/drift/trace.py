"""One pass of the exact model, the reference and the port: where error comes in, and what grows it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from parity import sides
from parity.errors import ParityError
from parity.expect import Say, named_results, silent
from parity.sides import Task
from parity.sides.live import Live
from parity.sides.points import Point

from .lockstep import Meeting, Stop, Walker, meetings, walking
from .measure import Drift, arrays, combined, grid_of, identical, mismatch, relative
from .stepping import Ended
from .tree import unit

Place = tuple[str, str]
"""A side and a device."""


def opened(task: Task, place: Place) -> Live:
    """The model of a task on a side, which may be the reference's or the port's.

    Raises: SideUnavailableError or UsageError if the side cannot run there.
    """
    side, device = place
    return sides.get(side).open(replace(task, device=device))


def trace(task: Task, reference: Place, port: Place, say: Say = silent) -> Iterator[Drift]:
    """Every call of both models, as it is made; at last the results of the whole, under their names.

    Raises: ParityError if the exact model or the reference raises.
    """
    from parity.sides.widened import widened  # it needs PyTorch, and the command line has to start without

    task = replace(task, cotangents=None)
    own = opened(task, reference)
    lives = (widened(task, own), own, opened(task, port))
    say(f"{task.spec.name} in lock step: exact, {'.'.join(reference)}, {'.'.join(port)}")
    before: Drift | None = None
    seen: set[str] = set()
    with walking(lives) as walkers:
        for meeting in meetings(walkers):
            if isinstance(meeting, Meeting):
                for name, point in meeting.stray:
                    yield Drift(point, problem=f"side {name} makes this call out of step with the others")
                if meeting.stops:
                    before = _measured(task, walkers, meeting.stops, before, seen)
                    seen.add(unit(before.point.path))
                    yield before
            else:
                yield from _ends(task, *meeting)


def _measured(
    task: Task, walkers: list[Walker], stops: Sequence[Stop], before: Drift | None, seen: Collection[str]
) -> Drift:
    """The numbers of one call that all three make.

    A wrapper's are those of the call before. What holds numbered layers (`seen`) is only observed: to feed
    it the reference's inputs is to run the model again, and its layers say where error comes in.
    """
    o, r, p = stops
    point = o.point
    if before is not None and all(stop.wrapper for stop in stops):
        return replace(before, point=point)
    problem = mismatch(p.result, o.result) or mismatch(p.arguments, o.arguments)
    if problem:
        return Drift(point, problem=problem)
    exact, given = arrays(o.result), arrays(o.arguments)
    drift = Drift(
        point,
        shape=exact[0].shape if exact else (),
        observed=relative(arrays(p.result), exact),
        reference=relative(arrays(r.result), exact),
        inherited=combined(arrays(p.arguments), given),
        grid=grid_of(exact, arrays(r.result), task.dtype),
    )
    if not exact or (not point.word and any(_numbered_in(point.path, name) for name in seen)):
        return drift
    oracle, _, port = walkers

    def asked(walker: Walker, stop: Stop, other: Stop) -> Any:
        """The call of one on the arguments of another, which may be the same numbers."""
        if identical(stop.arguments, other.arguments):
            return stop.result
        return walker.ask(lambda live: live.call(point, *other.arguments))

    try:
        at_reference = arrays(asked(oracle, o, r))
        at_port = arrays(asked(oracle, o, p))
        by_port = asked(port, p, r)
    except Exception as error:  # a call on other numbers may be refused: it is then only observed
        return replace(drift, problem=f"called with the reference's inputs it raised {error}")
    problem = mismatch(by_port, at_reference)
    if problem:
        return replace(drift, problem=problem)
    passed_on = relative(at_port, exact)
    return replace(
        drift,
        local=relative(arrays(by_port), at_reference),
        local_reference=relative(arrays(r.result), at_reference),
        gain=passed_on / drift.inherited if drift.inherited > 0 else 0.0,
    )


def _numbered_in(path: str, name: str) -> bool:
    """Whether a part is a numbered one of a module."""
    return name.rpartition(".")[2].isdigit() and name.startswith(f"{path}.")


def _ends(task: Task, oracle: Ended, reference: Ended, port: Ended) -> Iterator[Drift]:
    for name, end in (("the exact model", oracle), ("the reference", reference)):
        if end.error is not None:
            raise ParityError(f"{name} raised {type(end.error).__name__}: {end.error}") from end.error
    assert oracle.outcome is not None
    assert reference.outcome is not None
    exact, own = named_results(oracle.outcome), named_results(reference.outcome)
    if port.outcome is None:
        error = port.error
        yield Drift(Point("", "output"), problem=f"the port raised {type(error).__name__}: {error}")
        return
    have: dict[str, Any] = named_results(port.outcome)
    for name, value in exact.items():
        point = Point("", name)
        if name not in have:
            yield Drift(point, problem="the port does not return it", result=True)
            continue
        problem = mismatch(have[name], value)
        if problem or not arrays(value):
            yield Drift(point, problem=problem, result=True)
            continue
        yield Drift(
            point,
            shape=value.shape,
            observed=relative([have[name]], [value]),
            reference=relative([own[name]], [value]),
            grid=grid_of([value], [own[name]], task.dtype),
            result=True,
        )

"""Where the gradient drifts: the same three numbers for what each word hands back.

A backward pass holds every activation anyway, so the three models run one after the other, and then each
word is asked for its gradients on each other's numbers, from the last to the first.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from parity.dtypes import AnyArray
from parity.errors import ParityError, UsageError
from parity.expect import Say, draw_cotangents, named_results, silent
from parity.sides import Task
from parity.sides.live import Live, mapped
from parity.sides.points import Point

from .measure import Drift, arrays, combined, grid_of, mismatch, relative
from .trace import Place, opened

Arguments = tuple[tuple[Any, ...], Mapping[str, Any]]


@dataclass
class _Heard:
    """What a model did: the arguments of its words, and the cotangents that came back to each call."""

    arguments: dict[Point, Arguments] = field(default_factory=dict)
    cotangents: dict[Point, list[AnyArray]] = field(default_factory=dict)
    results: Mapping[str, AnyArray] = field(default_factory=dict)


def trace_backward(
    task: Task, reference: Place, port: Place, seed: int, say: Say = silent
) -> Iterator[Drift]:
    """The gradients of every word from the last to the first, the cotangent of every module, and the results.

    Raises: ParityError if a model raises; UsageError if nothing of the task has a gradient.
    """
    from parity.sides.widened import widened  # it needs PyTorch, and the command line has to start without

    if task.cotangents is None:
        plain = replace(task, cotangents=None)
        outputs = widened(plain, opened(plain, reference)).run().outputs
        task = replace(task, cotangents=draw_cotangents(outputs, task.dtype, seed))
    own = opened(task, reference)
    lives = (widened(task, own), own, opened(task, port))
    heard = []
    for name, live in zip(("exact", ".".join(reference), ".".join(port)), lives, strict=True):
        say(f"{task.spec.name} forward and backward: {name}")
        heard.append(_run(live, name))
    o, r, p = heard
    if not o.cotangents:
        raise UsageError(f"{task.spec.name} has no gradient: nothing comes back through it")
    for point in reversed(list(o.arguments) + [q for q in o.cotangents if q not in o.arguments]):
        if point not in o.cotangents:
            continue  # its result has no part in the gradient
        missing = [n for n, h in (("torch", r), ("mlx", p)) if point not in h.cotangents]
        if missing:
            yield Drift(point, problem=f"nothing comes back through it on side {missing[0]}")
        elif point.word:
            yield _measured(task, lives, point, o, r, p)
        else:
            yield _observed(task, point, o.cotangents[point], r.cotangents[point], p.cotangents[point])
    for name, value in o.results.items():
        if name in p.results and name in r.results and arrays(value):
            drift = _observed(task, Point("", name), [value], [r.results[name]], [p.results[name]])
            yield replace(drift, result=True)


def _run(live: Live, name: str) -> _Heard:
    heard = _Heard()

    def around(
        point: Point, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        if point.word:
            heard.arguments[point] = _kept(live, (args, dict(kwargs)))
        result = call(*args, **kwargs)
        if not point.word and not point.path:
            return result

        def back(cotangents: list[AnyArray]) -> None:
            known = heard.cotangents.get(point)
            heard.cotangents[point] = (
                cotangents if known is None else [a + b for a, b in zip(known, cotangents, strict=True)]
            )

        return live.overheard(result, back)

    try:
        heard.results = named_results(live.run(around))
    except ParityError:
        raise
    except Exception as error:
        raise ParityError(f"{name} raised {type(error).__name__}: {error}") from error
    return heard


@dataclass(frozen=True)
class _Parameter:
    """A parameter among a word's arguments, looked up when it is wanted: the model has it anyway."""

    live: Live
    name: str


def _kept(live: Live, value: Any) -> Any:
    """A value, portable, with parameters by their names."""
    names = {id(x): name for name, x in live.held().items()}

    def leaf(x: Any) -> Any:
        return _Parameter(live, names[id(x)]) if id(x) in names else live.portable(x)

    return mapped(leaf, value)


def _looked_up(value: Any) -> Any:
    return mapped(lambda x: x.live.parameter(x.name) if isinstance(x, _Parameter) else x, value)


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


def _measured(
    task: Task, lives: tuple[Live, Live, Live], point: Point, o: _Heard, r: _Heard, p: _Heard
) -> Drift:
    """A word's gradients: asked of each side on its own numbers, and on the others'."""
    oracle, reference, port = lives

    def ask(live: Live, h: _Heard) -> list[AnyArray]:
        args, kwargs = _looked_up(h.arguments[point])
        return live.vjp(point, args, kwargs, h.cotangents[point])[0]

    exact, own, have = ask(oracle, o), ask(reference, r), ask(port, p)
    problem = mismatch(have, exact)
    if problem or not exact:
        return Drift(point, problem=problem)
    at_reference, at_port, by_port = ask(oracle, r), ask(oracle, p), ask(port, r)
    given = [*arrays(_looked_up(o.arguments[point])), *o.cotangents[point]]
    inherited = combined([*arrays(_looked_up(p.arguments[point])), *p.cotangents[point]], given)
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

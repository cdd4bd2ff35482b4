"""What the reference says a task should give, and how closely anybody could.

One task of the reference becomes several runs: float64 (the oracle), the working dtype, and float32 runs
with inputs moved and roundings changed, which measure the floor of every result. An `Expected` is a plain
value: it is made where PyTorch is, and any side can be compared with it, anywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from . import sides
from .compare import Expected, lost_in
from .dtypes import FLOAT32, FLOAT64, AnyArray, Float64, WorkingDtype, cast, is_floating
from .errors import SideUnavailableError
from .floor import FloorMeter, norms
from .inputs import flushed, generator, has_subnormals, moved
from .sides import Outcome, Task
from .spec import LayerSpec

COHERENT_MOVES = ("up", "away")

DRAWS = 2
DRAWS_FOR_FEW = 6
FEW_ELEMENTS = 8
"""How often inputs are moved and results rounded anew to measure a floor. A result of few elements says
little about it in one draw; for a layer, where a draw costs most, more inputs make up for that."""

NEARBY = 4
"""On how many neighbours of an input the reference runs, where its luck on that input is in question."""

TINY = FLOAT32.smallest_normal * 2.0**24
"""Below this a result has a factor, a term or a cause of its own near the smallest normal number, likely."""

Arrays = Mapping[str, AnyArray]
Sink = Callable[[str, AnyArray], None]
Say = Callable[[str], None]


def silent(_: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Expectation:
    """A task with its numbers, and what every result should be.

    Results are named as in `named_results`, activations ``act <path>``.
    """

    task: Task
    results: Mapping[str, Expected]


def named_results(outcome: Outcome) -> dict[str, AnyArray]:
    """Outputs, and gradients as ``grad <name>``, in one dictionary."""
    return dict(outcome.outputs) | {f"grad {n}": g for n, g in outcome.gradients.items()}


def run_into(side: Any, task: Task, sink: Sink, *, taps: bool, **roundings: Any) -> tuple[str, ...]:
    """Run a task and hand every result to `sink`, with `taps` activations too, as they come; its notes."""
    if taps:
        task = replace(task, tap=lambda path, value: sink(f"act {path}", value))
    outcome: Outcome = side.run(task, **roundings)
    for name, value in named_results(outcome).items():
        sink(name, value)
    return outcome.notes


def require_torch() -> Any:
    """The side that runs the reference.

    Raises: SideUnavailableError if PyTorch is not here.
    """
    reason = sides.why_not("torch")
    if reason is not None:
        raise SideUnavailableError(f"the reference cannot run: {reason}; use --oracle golden")
    return sides.get("torch")


def draw_cotangents(outputs: Arrays, dtype: WorkingDtype, seed: int) -> dict[str, AnyArray]:
    """A standard-normal cotangent for each floating output."""
    return {
        name: cast(generator("cotangent", name, seed).standard_normal(x.shape), dtype)
        for name, x in outputs.items()
        if is_floating(x)
    }


def expect(
    task: Task,
    *,
    seed: int,
    vjp: bool = False,
    floors: bool = True,
    taps: bool = False,
    draws: int | None = None,
    near: bool = False,
    say: Say = silent,
) -> Expectation:
    """Run the reference as often as it takes to know what `task` should give, and how closely.

    Args:
        task: the reference's task in the working dtype; with `vjp` and no cotangents, they are drawn.
        seed: draws cotangents, moves and roundings.
        floors: whether to measure floors at all (data movement needs none).
        taps: whether activations are results too.
        draws: how often inputs are moved and results rounded anew; none means as often as a word or a
            layer needs.
        near: whether to run the reference on inputs next to these as well (`Expected.nearby`).
        say: hears what is being run, for tasks that take long.

    Raises: SideUnavailableError if PyTorch is not here.
    """
    torch = require_torch()
    exact = replace(task, dtype=FLOAT64, device="cpu")
    oracle: dict[str, AnyArray] = {}
    module = torch.loaded(exact)
    if vjp and task.cotangents is None:
        outputs = torch.run(replace(exact, cotangents=None), module=module).outputs
        cotangents = draw_cotangents(outputs, task.dtype, seed)
        task, exact = replace(task, cotangents=cotangents), replace(exact, cotangents=cotangents)
    say("the reference in float64")
    run_into(torch, exact, oracle.__setitem__, taps=taps, module=module)
    say(f"the reference in {task.dtype.name}")
    del module  # not kept beside the next
    module = torch.loaded(task)
    reference: dict[str, AnyArray] = {}
    run_into(torch, task, reference.__setitem__, taps=taps, module=module)

    meters: dict[str, FloorMeter] = {}
    if floors:
        measured = partial(_measure, torch, task, oracle, reference, module)
        meters = measured(seed=seed, taps=taps, draws=draws, say=say)
    alternate = _alternate(torch, exact, task, taps)
    bounds = _bounds(task)
    errors = _nearby(torch, task, seed=seed, taps=taps) if near else {}
    rounded = _unbounded(torch, exact, task, oracle, reference, seed=seed, taps=taps)
    results = {
        name: Expected(
            oracle=value,
            dtype=task.dtype if is_floating(value) else None,
            reference=reference.get(name),
            floor=meters[name].floor() if name in meters else None,
            bound=bounds.get(name),
            alternate=None if alternate is None else alternate[name].astype(np.float64),
            nearby=errors.get(name),
            unbounded=rounded.get(name),
        )
        for name, value in oracle.items()
    }
    return Expectation(task, results)


def _measure(
    torch: Any,
    task: Task,
    oracle: Arrays,
    reference: Arrays,
    module: Any,
    *,
    seed: int,
    taps: bool,
    draws: int | None,
    say: Say,
) -> dict[str, FloorMeter]:
    """Fill a meter for every floating result from moved and otherwise rounded runs in float32.

    `module` is the layer's that gave `reference`; parameters that do not move need no other in float32.
    """
    single = replace(task, dtype=FLOAT32, device="cpu")
    base: dict[str, AnyArray] = {}
    if task.dtype is FLOAT32 and task.device == "cpu":
        base = dict(reference)
    else:
        module = torch.loaded(single)
        run_into(torch, single, base.__setitem__, taps=taps, module=module)
    meters = {
        name: FloorMeter(value.astype(np.float64), base[name].astype(np.float64), task.dtype)
        for name, value in oracle.items()
        if is_floating(value)
    }

    def meter(kind: str) -> Sink:
        def sink(name: str, value: AnyArray) -> None:
            if name in meters:
                meters[name].add(kind, value.astype(np.float64))

        return sink

    if draws is None:
        few = min((x.size for x in base.values()), default=0) < FEW_ELEMENTS
        draws = DRAWS_FOR_FEW if few and not isinstance(task.spec, LayerSpec) else DRAWS
    for i in range(draws):
        say("the floor: inputs moved")
        run_into(torch, shifted(single, "random", seed, i), meter("random"), taps=taps)
    for direction in COHERENT_MOVES:
        run_into(torch, shifted(single, direction, seed, 0), meter("coherent"), taps=taps)
    say("the floor: other roundings")
    # Of packed arrays: it depends on how arguments lie in memory where PyTorch adds a bias, first or last.
    packed = replace(single, layout="contiguous")
    run_into(torch, packed, meter("away"), taps=taps, module=module, reorder=True, away=True)
    if any(map(_tiny, base.values())):
        say("the floor: subnormal numbers as zero")
        run_into(torch, packed, meter("other"), taps=taps, module=module, flush=True)
    for i in range(draws):
        run_into(
            torch,
            packed,
            meter("other"),
            taps=taps,
            module=module,
            reorder=True,
            rounding_seed=None if i == 0 else seed * DRAWS_FOR_FEW + i,
        )
    return meters


def _tiny(x: AnyArray) -> bool:
    """Has it numbers so small that something on the way to them may be subnormal?"""
    if not is_floating(x):
        return False
    magnitude = np.abs(x.astype(np.float64))
    return bool(((magnitude > 0) & (magnitude < TINY)).any())


def _nearby(torch: Any, task: Task, *, seed: int, taps: bool) -> dict[str, tuple[float, float]]:
    """The reference's errors in the working dtype on inputs one unit in its last place away, each against the
    exact results of those inputs: the root mean squares, over a few draws, of both norms.

    Half precision rounds wherever it stores, which the floor, all in float32, does not count; and the few
    numbers of a small result may all happen to be rounded well for one input.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for i in range(NEARBY):
        moved_task = shifted(task, "random", seed, i, grid=task.dtype)
        exact: dict[str, AnyArray] = {}
        run_into(torch, replace(moved_task, dtype=FLOAT64, device="cpu"), exact.__setitem__, taps=taps)

        def measure(name: str, value: AnyArray, exact: Arrays = exact) -> None:
            if is_floating(value):
                with np.errstate(invalid="ignore"):
                    error = value.astype(np.float64) - exact[name]
                found.setdefault(name, []).append(norms(error))

        run_into(torch, moved_task, measure, taps=taps)
    return {name: _over_draws(pairs) for name, pairs in found.items()}


def _unbounded(
    torch: Any, exact: Task, task: Task, oracle: Arrays, reference: Arrays, *, seed: int, taps: bool
) -> dict[str, tuple[float, float]]:
    """How well the reference does where it overflows in half precision, had that the range of float64: with
    every intermediate result rounded to the precision of the dtype, its errors over draws as in `_nearby`."""
    if task.dtype.precision >= FLOAT32.precision:
        return {}
    without = {n: lost for n, x in reference.items() if (lost := lost_in(task.dtype, oracle[n], x)).any()}
    found: dict[str, list[tuple[float, float]]] = {}
    for i in range(NEARBY if without else 0):

        def measure(name: str, value: AnyArray) -> None:
            if name in without:
                found.setdefault(name, []).append(norms((value - oracle[name])[without[name]]))

        run_into(
            torch, exact, measure, taps=taps, reorder=True, rounding_seed=seed * NEARBY + i + 1,
            precision=task.dtype.precision,
        )  # fmt: skip
    return {n: _over_draws(pairs) for n, pairs in found.items()}


def _over_draws(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return float(np.sqrt(np.mean([e[0] ** 2 for e in pairs]))), max(e[1] for e in pairs)


def shifted(task: Task, direction: str, seed: int, draw: int, *, grid: WorkingDtype = FLOAT32) -> Task:
    """The task with every floating number (inputs, parameters, cotangents) one ulp of `grid` away."""
    rng = generator("move", direction, draw, seed)

    def move(arrays: Arrays | None) -> dict[str, AnyArray] | None:
        if arrays is None:
            return None
        done: dict[int, AnyArray] = {}  # names that share one array still share one
        for x in arrays.values():
            if id(x) not in done:
                floating = is_floating(x)
                done[id(x)] = moved(cast(x, grid), rng, direction) if floating else x
        return {name: done[id(x)] for name, x in arrays.items()}

    return replace(
        task,
        inputs=move(task.inputs) or {},
        parameters=move(task.parameters),
        cotangents=move(task.cotangents),
    )


def _alternate(torch: Any, exact: Task, task: Task, taps: bool) -> dict[str, AnyArray] | None:
    """The oracle for inputs whose subnormals are read as zero, if there are any."""
    floats = [x for x in task.inputs.values() if is_floating(x)]
    if not any(has_subnormals(x, task.dtype) for x in floats):
        return None
    flat = {n: flushed(x, task.dtype) if is_floating(x) else x for n, x in task.inputs.items()}
    results: dict[str, AnyArray] = {}
    run_into(torch, replace(exact, inputs=flat), results.__setitem__, taps=taps)
    return results


def _bounds(task: Task) -> dict[str, Float64]:
    """Theory's bounds on the outputs, where the spec has them."""
    exact: dict[str, Any] = {n: x.astype(np.float64) if is_floating(x) else x for n, x in task.inputs.items()}
    arguments = exact | dict(task.options)
    return {name: bound(arguments, task.dtype) for name, bound in task.spec.bound.items()}

"""The main job: one model on both sides, every layer and every word in it judged where it is made."""

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from . import sides
from .case import Case
from .compare import Comparison, compare
from .dtypes import AnyArray, WorkingDtype
from .errors import NotOnKernelError, ParityError, UsageError
from .expect import Say, expect, run_into, silent
from .judge import collect, noted, rule_for, task_of
from .nodes import Target, not_on_kernel
from .record import Row, row_of
from .rules import Ratio, Rule
from .sides.base import resolve_target
from .spec import REGISTRY, Job

Heard = Callable[[int, Mapping[str, Comparison]], None]

DRAWS = 2
SEEDS = 3
MOST_SEEDS = 12


def main_job(modules: Iterable[str]) -> Job:
    """The job that the spec modules declare, the last one if several do.

    Raises: UsageError if none does.
    """
    found = None
    for name in modules:
        for module in (importlib.import_module(name), *_submodules(name)):
            found = getattr(module, "MAIN_JOB", found)
    if not isinstance(found, Job):
        raise UsageError(
            "no module of specs declares MAIN_JOB = parity.spec.Job(...): say what to run with --case"
        )
    return found


def _submodules(name: str) -> list[object]:
    module = importlib.import_module(name)
    return [getattr(module, n) for n in getattr(module, "__all__", ())]


def case_of(job: Job, dtype: WorkingDtype, seed: int) -> Case:
    """The case of a job: its configuration as constructor arguments, no optional inputs."""
    spec = REGISTRY.get(job.spec)
    sizes = spec.case_sizes("") | dict(job.sizes)
    arguments = resolve_target(job.arguments).to_dict()
    optional = tuple(n for n, a in spec.arrays().items() if a.optional)
    return Case(spec, sizes, dtype, arguments=arguments, left_out=optional, seed=seed)


def trace(
    case: Case,
    target: Target,
    *,
    title: str,
    repeat: str,
    seeds: int = SEEDS,
    most: int = MOST_SEEDS,
    say: Say = silent,
    heard: Heard | None = None,
) -> Iterator[Row]:
    """Run a case with every module and word listened to; a row for each result by path.

    `title` and `repeat`, the command that does it again, stand in the rows. `heard` is called with each
    input's seed and comparisons.

    Activations of the port are compared as they come and dropped. Calls that only one side makes (a port may
    make one of what are several) are a row that names them: what is around them is compared.

    On a side of kernels where nothing ran on one there is one row, that says why.

    Raises: SideUnavailableError if PyTorch is not here.
    """

    apart = Apart()

    def sample(i: int) -> dict[str, Comparison]:
        found = _sample(case, target, case.seed + i, apart, lambda what: say(f"input {i + 1}: {what}"))
        if heard is not None:
            heard(case.seed + i, found)
        return found

    def rule(name: str) -> Rule:
        return Ratio() if name.startswith("act ") else rule_for(case, name)

    try:
        verdicts = collect(sample, rule, seeds, max(seeds, most))
    except NotOnKernelError as error:
        id = f"{case.spec.name}-{case.dtype.short}-{target.label}"
        yield not_on_kernel(error, "trace", id, case, target, repeat)
        return
    known: dict[str, Any] = {
        "kind": "trace",
        "spec": case.spec.name,
        "side": target.side,
        "device": target.device,
        "dtype": case.dtype.name,
        "case": title,
        "repeat": repeat,
    }
    if apart.reasons():
        id = f"{case.spec.name}-apart-{case.dtype.short}-{target.label}"
        yield Row(id=id, status="not run", reasons=apart.reasons(), **known)
    for name, verdict in verdicts.items():
        path = name.removeprefix("act ")
        id = f"{case.spec.name}-{path}-{case.dtype.short}-{target.label}"
        yield row_of({path: verdict}, id=id, **known)


class Apart:
    """The calls that only one side makes, each side's in order."""

    def __init__(self) -> None:
        self._calls: dict[str, dict[str, None]] = {}

    def add(self, side: str, name: str) -> None:
        """Remember the activation of such a call."""
        self._calls.setdefault(side, {})[name.removeprefix("act ")] = None

    def reasons(self) -> tuple[str, ...]:
        """A sentence for each side, if it makes any."""
        return tuple(
            f"only the {side} makes these calls, so they are not compared by themselves: {', '.join(calls)}"
            for side, calls in self._calls.items()
        )


def _sample(case: Case, target: Target, seed: int, apart: Apart, say: Say) -> dict[str, Comparison]:
    """One input: what the reference expects of every result, and the port against it."""
    task = replace(task_of(case, seed), words=True)
    expectation = expect(task, seed=seed, vjp=case.vjp, taps=True, draws=DRAWS, say=say)
    say(f"{target.label} in {case.dtype.name}")
    found: dict[str, Comparison] = {}

    def sink(name: str, value: AnyArray) -> None:
        expected = expectation.results.get(name)
        if expected is None and _is_call(name):
            apart.add("port", name)
        elif expected is None:
            found[name] = Comparison(n=0, problems=("only the port has it",))
        else:
            found[name] = compare(expected, value, nonfinite=case.spec.nonfinite, composed=True)

    try:
        there = replace(expectation.task, device=target.device)
        notes = run_into(sides.get(target.side), there, sink, taps=True)
    except ParityError:
        raise
    except Exception as error:  # whatever a side raises on good input is its answer: failing rows
        problem = f"the side raised {type(error).__name__}: {error}"
        return {n: Comparison(n=0, problems=(problem,)) for n in expectation.results}
    for name in [n for n in expectation.results if n not in found]:
        if _is_call(name):
            apart.add("reference", name)
        else:
            found[name] = Comparison(n=0, problems=("the port does not have it",))
    outputs = {n: c for n, c in found.items() if not _is_call(n)}  # the notes are on the whole
    return found | noted(outputs, notes)


def _is_call(name: str) -> bool:
    """Whether a result is what a call within gave, not one of the whole."""
    return name.startswith("act ")

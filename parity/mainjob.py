"""The main job: one model on both sides, every layer and every word in it judged where it is made."""

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

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

    Activations of the port are compared as they come and dropped.

    On a side of kernels where nothing ran on one there is one row, that says why.

    Raises: SideUnavailableError if PyTorch is not here.
    """

    def sample(i: int) -> dict[str, Comparison]:
        found = _sample(case, target, case.seed + i, lambda what: say(f"input {i + 1}: {what}"))
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
    for name, verdict in verdicts.items():
        path = name.removeprefix("act ")
        yield row_of(
            {path: verdict},
            kind="trace",
            id=f"{case.spec.name}-{path}-{case.dtype.short}-{target.label}",
            spec=case.spec.name,
            side=target.side,
            device=target.device,
            dtype=case.dtype.name,
            case=title,
            repeat=repeat,
        )


def _sample(case: Case, target: Target, seed: int, say: Say) -> dict[str, Comparison]:
    """One input: what the reference expects of every result, and the port against it."""
    task = replace(task_of(case, seed), words=True)
    expectation = expect(task, seed=seed, vjp=case.vjp, taps=True, draws=DRAWS, say=say)
    say(f"{target.label} in {case.dtype.name}")
    found: dict[str, Comparison] = {}

    def sink(name: str, value: AnyArray) -> None:
        expected = expectation.results.get(name)
        if expected is None:
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
    for name in expectation.results:
        found.setdefault(name, Comparison(n=0, problems=("the port does not have it",)))
    outputs = {n: c for n, c in found.items() if not n.startswith("act ")}  # the notes are on the whole
    return found | noted(outputs, notes)

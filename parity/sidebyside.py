"""Every numerical profile of a word against the oracle, on the same inputs: errors, verdicts and times."""

import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from . import numerics, sides
from .case import Case, named
from .compare import Comparison
from .dtypes import WorkingDtype
from .expect import Expectation
from .judge import expectation, rule_for, samples
from .nodes import Target
from .record import Row, row_of
from .spec import OpSpec
from .verdict import Verdict, decide

SEEDS = 3
MOST_SEEDS = 12
ROUNDS = 9
"""How often each profile is timed, in turn with the others."""


@dataclass(frozen=True)
class Profiled:
    """One profile of one word: the verdicts by result, and the first output's errors over the inputs."""

    name: str
    verdicts: Mapping[str, Verdict]
    figures: Mapping[str, float]


def case_of(spec: OpSpec, dtype: WorkingDtype, seed: int, *, typical: bool = True) -> Case:
    """The case in which profiles are compared: with gradients, in the sizes that the spec calls typical, or
    in those of its first named case."""
    sizes = (typical and spec.typical) or spec.cases[0]
    return named(spec, sizes, dtype, seed=seed, vjp=bool(spec.grads))


def compare_profiles(
    case: Case, target: Target, *, seeds: int = SEEDS, most: int = MOST_SEEDS
) -> list[Profiled]:
    """Judge a case in every profile; more inputs, up to `most`, are drawn while any verdict is undecided."""
    collected: dict[str, dict[str, list[Comparison]]] = {name: {} for name in numerics.NAMES}
    for i in range(most):
        made: Expectation = expectation(case, case.seed + i)
        for name in numerics.NAMES:
            with numerics.chosen(name):
                for result, found in samples(made, target.side, target.device).items():
                    collected[name].setdefault(result, []).append(found)
        if i + 1 < seeds:
            continue
        verdicts = {
            name: {r: decide(c, rule_for(case, r), more=i + 1 < most) for r, c in results.items()}
            for name, results in collected.items()
        }
        if not any(v.status == "undecided" for found in verdicts.values() for v in found.values()):
            break
    first = case.spec.outputs[0]
    return [Profiled(n, v, _errors(collected[n].get(first, []))) for n, v in verdicts.items()]


def _errors(found: list[Comparison]) -> dict[str, float]:
    """Root mean square over inputs of the error over the result's size, the largest likewise, and the former
    over the reference's."""
    used = [c for c in found if c.error is not None and c.reference is not None and c.scale > 0]
    if not used:
        return {}
    port = statistics.fmean((c.error.rms / c.scale) ** 2 for c in used if c.error) ** 0.5
    reference = statistics.fmean((c.reference.rms / c.scale) ** 2 for c in used if c.reference) ** 0.5
    errors = {"rms_over_oracle": port, "max_over_oracle": max(c.error.max / c.scale for c in used if c.error)}
    return errors | ({"over_reference": port / reference} if reference > 0 else {})


def time_profiles(case: Case, target: Target) -> dict[str, float]:
    """The time of a forward pass in each profile, over that of the first one in the same round."""
    made = expectation(case, case.seed)
    task = replace(made.task, cotangents=None, device=target.device)
    side = sides.get(target.side)
    rounds: dict[str, list[float]] = {name: [] for name in numerics.NAMES}
    for i in range(ROUNDS + 1):
        for name in numerics.NAMES:
            with numerics.chosen(name):
                start = time.perf_counter()
                side.call_raw(task)
                if i:  # the first round warms up
                    rounds[name].append(time.perf_counter() - start)
    base = rounds[numerics.NAMES[0]]
    return {
        name: statistics.median(t / b for t, b in zip(times, base, strict=True))
        for name, times in rounds.items()
    }


def rows(
    case: Case, target: Target, repeat: str, *, seeds: int = SEEDS, timed: bool = False
) -> Iterator[Row]:
    """A row for each profile of one word."""
    times = time_profiles(case, target) if timed else {}
    for found in compare_profiles(case, target, seeds=seeds):
        row = row_of(
            found.verdicts,
            kind="profile",
            id=f"{case.spec.name}-{found.name}-{case.dtype.short}-{target.label}",
            spec=case.spec.name,
            side=target.side,
            device=target.device,
            dtype=case.dtype.name,
            case=str(case),
            repeat=repeat,
        )
        extra = {"profile": found.name, **found.figures}
        if found.name in times:
            extra["time"] = times[found.name]
        yield replace(row, figures={**row.figures, **extra})

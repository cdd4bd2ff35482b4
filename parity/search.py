"""The search for the worst case of a spec: Hypothesis draws, the verdict's ratio is what it climbs."""

from dataclasses import dataclass, field
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given
from hypothesis.errors import Unsatisfiable

from .case import Case
from .dtypes import WorkingDtype
from .errors import NotOnKernelError
from .judge import Judgement, judge
from .nodes import Target
from .spec import OpSpec
from .strategies import cases

EXAMPLES = {
    "word": {"quick": 1, "default": 4, "deep": 100},
    "layer": {"quick": 0, "default": 1, "deep": 40},
    "model": {"quick": 0, "default": 0, "deep": 20},
}
"""How many cases of a spec are drawn."""

SEEDS = 3
SHRINKS = 60
"""How many cases are judged to make a counter-example smaller."""


@dataclass
class Found:
    """What a search found: the worst judgement, how many cases it saw, and the smallest failure.

    `not_run` has, on a side of kernels, why cases ran on none: reason → the first such case.
    """

    worst: Judgement | None = None
    examples: int = 0
    failure: Judgement | None = None
    not_run: dict[str, str] = field(default_factory=dict)


class _CaseFailsError(AssertionError):
    pass


def search(
    spec: OpSpec,
    dtype: WorkingDtype,
    target: Target,
    *,
    vjp: bool,
    examples: int,
    seed: int,
) -> Found:
    """Judge `examples` cases of a spec; if one does not hold, look for a smaller one that does not.

    The search is the same for the same seed: nothing is remembered between runs. A case for which a side of
    kernels has none is not one of them: another is drawn.
    """
    found = Found()
    judged: dict[str, Judgement] = {}
    left = [SHRINKS]

    def verdict_on(case: Case) -> Judgement | None:
        key = str(case)
        if key not in judged:
            if found.failure is not None:
                if left[0] == 0:
                    return None
                left[0] -= 1
            judged[key] = judge(case, target.side, target.device, seeds=SEEDS)
        return judged[key]

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=False,
        print_blob=False,
        phases=(Phase.generate, Phase.target, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
        report_multiple_bugs=False,
    )
    @given(cases(spec, dtype, vjp=vjp))
    def holds(case: Case) -> None:
        try:
            judgement = verdict_on(case)
        except NotOnKernelError as error:
            found.not_run.setdefault(str(error), str(case))
            hypothesis.reject()
        if judgement is None:
            return  # no more shrinking: keep the smallest so far
        _, verdict = judgement.worst
        if found.failure is None:
            found.examples += 1
            hypothesis.target(min(verdict.ratio, 1e6), label="error over the gate")
            if found.worst is None or verdict.ratio >= found.worst.worst[1].ratio:
                found.worst = judgement
        if judgement.status != "pass":
            found.failure = judgement
            raise _CaseFailsError(str(case))

    run: Any = holds
    try:
        run()
    except _CaseFailsError:
        pass
    except Unsatisfiable:
        if not found.not_run:
            raise
    except BaseExceptionGroup as group:  # hypothesis may wrap what it re-raises
        if group.split(_CaseFailsError)[1] is not None:
            raise
    return found

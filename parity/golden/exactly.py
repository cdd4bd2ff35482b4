"""Whether the reference in float64 reproduces golden float64 results, as exactly as anybody could."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from parity import sides
from parity.compare import Comparison
from parity.dtypes import FLOAT64, AnyArray, is_floating
from parity.expect import named_results
from parity.floor import norms
from parity.inputs import generator, moved
from parity.sides import Task
from parity.verdict import Interval, Verdict

RELATIVE = 1e-12
"""How closely the reference must reproduce a float64 golden, relative to its RMS, where one unit in the
last place of the inputs does not move it further."""

DRAWS = 6
"""How often inputs are moved, and results rounded anew."""


class Exactly:
    """Judges the float64 results of one task."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def verdict(self, name: str, golden: AnyArray, own: AnyArray) -> Verdict:
        """Whether a result, the reference's `own`, is the golden one."""
        rule = f"{RELATIVE:g} relative"
        if golden.shape != own.shape:
            return missing(f"shape {own.shape}, expected {golden.shape}")
        if not np.array_equal(np.isfinite(golden), np.isfinite(own)):
            return missing("not finite in other places")
        scale = norms(golden)[0]
        error = norms(own - golden)[0]
        relative = error / scale if scale > 0 else error
        limit = RELATIVE
        if not relative <= limit:  # ill-conditioned: measure what one float64 ulp does
            rule = f"twice what one ulp or another order moves, above {RELATIVE:g} relative"
            limit = max(limit, 2 * self._movement(name, own) / (scale or 1.0))
        ok = relative <= limit
        reasons = () if ok else (f"float64 results differ by {relative:.3g} relative, limit {limit:.3g}",)
        sample = Comparison(n=int(golden.size), finite=int(golden.size), scale=scale)
        return Verdict(
            "pass" if ok else "fail",
            rule=rule,
            reasons=reasons,
            n=int(golden.size),
            seeds=1,
            rms=Interval(relative / limit, relative / limit, relative / limit, 1.0),
            worst=sample,
        )

    def _movement(self, name: str, own: AnyArray) -> float:
        """How far a result moves, at most, in any of the runs."""
        return max((norms(r[name] - own)[0] for r in self._runs if name in r), default=0.0)

    @cached_property
    def _runs(self) -> list[dict[str, AnyArray]]:
        """What the reference gives when every float64 input moves by one ulp, when its sums run in sequence,
        and when its intermediate results are rounded anew: other machines do as much.
        """
        torch: Any = sides.get("torch")
        exact = _float64(self._task, lambda x: x)
        module = torch.loaded(exact)
        runs = [
            torch.run(exact, module=module, reorder=True, rounding_seed=seed)
            for seed in (None, *range(1, DRAWS))
        ]
        for i in range(DRAWS):
            rng = generator("float64", i)
            runs.append(torch.run(_float64(self._task, partial(moved, rng=rng, direction="random"))))
        return [named_results(run) for run in runs]


def missing(problem: str) -> Verdict:
    """The verdict on a result that cannot be compared."""
    return Verdict("fail", rule="present", reasons=(problem,))


def _float64(task: Task, change: Callable[[AnyArray], AnyArray]) -> Task:
    """The task in float64, its floating inputs and parameters changed."""

    def each(arrays: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
        return {n: change(x.astype(np.float64)) if is_floating(x) else x for n, x in arrays.items()}

    parameters = task.parameters if task.parameters is None else each(task.parameters)
    return replace(task, dtype=FLOAT64, inputs=each(task.inputs), parameters=parameters)

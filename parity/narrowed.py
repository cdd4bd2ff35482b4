"""What narrower weights cost: a port of half precision or packed weights beside the whole one.

Such a port is not held to the gate of the whole: it computes another function. Its drift is information. What
is checked is that its weights are what they claim to be.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from . import sides
from .case import Case
from .dtypes import FLOAT64, AnyArray, is_floating
from .expect import Arrays, Say, require_torch, run_into, silent
from .given import Narrow
from .judge import task_of
from .nodes import Target
from .record import Row
from .sides import Task

RULE = "information"
SIDES = ("reference", "port", "narrow")


def weight_rows(narrow: Narrow, spec: str, target: Target, repeat: str) -> Iterator[Row]:
    """A row for each tensor: passes if it is the nearest that its format has to the original's."""
    for check in narrow.checks:
        yield Row(
            kind="drift",
            id=f"{spec}-weights-{check.name}",
            status="fail" if check.problem else "pass",
            spec=spec,
            result=check.name,
            side=target.side,
            device=target.device,
            rule=check.claim,
            reasons=(check.problem,) if check.problem else (),
            n=check.n,
            seeds=1,
            figures=dict(check.figures or {}),
            repeat=repeat,
        )


def drift_rows(
    case: Case, target: Target, narrow: Narrow, *, samples: int, repeat: str, say: Say = silent
) -> Iterator[Row]:
    """A row for each module and output: how far from the exact result, relative to its size (RMS).

    Three of them: the narrower port, the port with the whole weights, and the reference, both in the
    case's dtype.
    """
    squares: dict[str, dict[str, list[float]]] = {}
    sizes: dict[str, int] = {}
    module = narrow.build()
    for i in range(samples):
        task = task_of(case, case.seed + i)
        exact: dict[str, AnyArray] = {}
        say(f"input {i + 1}: the reference in float64")
        run_into(require_torch(), replace(task, dtype=FLOAT64), exact.__setitem__, taps=True)
        there = replace(task, device=target.device)
        port = sides.get(target.side)
        runs: tuple[tuple[Any, Task, dict[str, Any]], ...] = (
            (require_torch(), task, {}),
            (port, there, {}),
            (port, there, {"module": module}),
        )
        for who, (side, own, options) in zip(SIDES, runs, strict=True):
            say(f"input {i + 1}: {who}")

            def sink(name: str, value: AnyArray, who: str = who, exact: Arrays = exact) -> None:
                if name in exact and is_floating(value):
                    squares.setdefault(name, {}).setdefault(who, []).append(_relative(value, exact[name]))
                    sizes[name] = value.size

            run_into(side, own, sink, taps=True, **options)
    for name, found in squares.items():
        figures = {who: math.sqrt(sum(values) / len(values)) for who, values in found.items()}
        reasons = [f"{who} does not have it" for who in SIDES if who not in figures]
        reasons += [f"{who} is not finite" for who, error in figures.items() if not math.isfinite(error)]
        yield Row(
            kind="drift",
            id=f"{case.spec.name}-narrow-{name.removeprefix('act ')}",
            status="fail" if reasons else "pass",
            spec=case.spec.name,
            result=name.removeprefix("act "),
            side=target.side,
            device=target.device,
            dtype=case.dtype.name,
            rule=RULE,
            reasons=tuple(reasons),
            notes=(f"not gated: {narrow.title} computes another function",),
            n=sizes[name] * samples,
            seeds=samples,
            figures=figures,
            repeat=repeat,
        )


def _relative(value: AnyArray, exact: AnyArray) -> float:
    """Mean square of the error over that of the exact result; zero over zero is zero."""
    error = float(np.mean((value.astype(np.float64) - exact) ** 2)) if value.size else 0.0
    size = float(np.mean(exact.astype(np.float64) ** 2)) if value.size else 0.0
    if error == 0:
        return 0.0
    return error / size if size else math.inf

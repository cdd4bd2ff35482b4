"""How often the gate of a model is wrong: about correct variants, over many seeds, and about known bugs.

The same inputs serve both: a gate moved up alarms less and kills less, and the curve shows where it stands.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from parity import sides
from parity.case import Case
from parity.errors import ParityError
from parity.expect import Say, named_results, silent
from parity.files import write_text
from parity.judge import expectation, measure, rule_for
from parity.margins import SCHEMA
from parity.mutants import Bug
from parity.nodes import Target
from parity.sides import Task
from parity.swap import swapped
from parity.verdict import decide

from .corpus import Variant

GATES = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0, 100.0, 1000.0)
"""Multiples of the gate for the table; the curve itself has every measured value."""


@dataclass
class Rates:
    """Gate figures (1 is the gate) of correct ports, by variant, and of known bugs.

    `plain` is the port as it is. One figure is the worst result of one input.
    """

    case: str
    seeds: int = 0
    correct: dict[str, list[float]] = field(default_factory=dict)
    bugs: dict[str, list[float]] = field(default_factory=dict)

    @property
    def figures(self) -> list[float]:
        """Every figure of a correct port."""
        return [v for values in self.correct.values() for v in values]

    def alarms(self, gate: float = 1.0) -> float:
        """The share of correct figures over a gate."""
        return sum(not v <= gate for v in self.figures) / max(len(self.figures), 1)

    def kills(self, gate: float = 1.0) -> float:
        """The share of bugs whose typical figure is over a gate."""
        return sum(not _typical(v) <= gate for v in self.bugs.values()) / max(len(self.bugs), 1)

    @property
    def upper(self) -> float:
        """The upper end of the 95 % interval of the alarm rate, by input: 3/n when there was none.

        Figures of one input are not independent of each other: an input counts once.
        """
        bad = sum(
            any(not values[i] <= 1 for values in self.correct.values() if i < len(values))
            for i in range(self.seeds)
        )
        n = max(self.seeds, 1)
        return 3 / n if bad == 0 else min(1.0, bad / n + 1.96 * math.sqrt(bad) / n)

    def table(self) -> list[tuple[float, float, float]]:
        """Gate, share of alarms, share of kills."""
        return [(g, self.alarms(g), self.kills(g)) for g in GATES]

    def worst(self) -> list[tuple[str, float]]:
        """Each variant's largest figure, the largest first."""
        return sorted(((n, max(v)) for n, v in self.correct.items() if v), key=lambda kv: -kv[1])


def _typical(values: Sequence[float]) -> float:
    """The median: a bug's figure on a usual input."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0.0


def measured(
    case: Case,
    target: Target,
    variants: Sequence[Variant],
    bugs: Sequence[Bug],
    *,
    seeds: int,
    bug_seeds: int = 3,
    say: Say = silent,
) -> Rates:
    """Run the port, every variant and (on the first inputs) every bug on the same inputs."""
    rates = Rates(str(case))
    for i in range(seeds):
        expected = expectation(case, case.seed + i)
        task = replace(expected.task, device=target.device)

        def figure(task: Task = task, expected: Any = expected) -> float:
            try:
                found = named_results(sides.get(target.side).run(task))
            except ParityError:
                raise
            except Exception:  # a bug may raise: as red as can be
                return math.inf
            comparisons = measure(expected, found, nonfinite=case.spec.nonfinite)
            return max(decide([c], rule_for(case, n)).ratio for n, c in comparisons.items())

        _add(rates.correct, "the port as it is", figure())
        for v in variants:
            _add(rates.correct, v.name, _with(v.swap, figure))
        if i < bug_seeds:
            for b in bugs:
                _add(rates.bugs, b.name, _with(b.swap, figure))
        rates.seeds += 1
        if rates.seeds in (1, seeds) or rates.seeds % 50 == 0:
            say(f"{rates.seeds} of {seeds} inputs, {rates.alarms():.2%} alarms among {len(rates.figures):,}")
    return rates


def _with(swap: str, figure: Callable[[], float]) -> float:
    with swapped([swap]):
        return figure()


def _add(table: dict[str, list[float]], name: str, value: float) -> None:
    table.setdefault(name, []).append(value)


# -- the ledger -----------------------------------------------------------------------------------------


def write(path: Path, rates: Rates, environment: str) -> None:
    """Keep what a run measured, for reports."""
    data = {
        "schema": SCHEMA,
        "case": rates.case,
        "environment": environment,
        "inputs": rates.seeds,
        "comparisons": len(rates.figures),
        "bugs": len(rates.bugs),
        "alarm_rate": rates.alarms(),
        "alarm_rate_at_most": rates.upper,
        "kill_rate": rates.kills(),
        "curve": [{"gate": g, "alarms": a, "kills": k} for g, a, k in rates.table()],
        "largest": {n: float(f"{v:.4g}") for n, v in rates.worst()},
        "not_killed": sorted(n for n, v in rates.bugs.items() if _typical(v) <= 1),
    }
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")

"""How often the gate of a model is wrong: about correct variants, over many seeds, and about known bugs.

The same inputs serve both: a gate moved up alarms less and kills less, and the curve shows where it stands.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from parity import sides
from parity.case import Case
from parity.errors import ParityError
from parity.expect import Expectation, Say, named_results, silent
from parity.files import write_text
from parity.judge import expectation, measure, rule_for
from parity.margins import SCHEMA
from parity.mutants import Bug
from parity.nodes import Target
from parity.processes import processes
from parity.settings import Settings
from parity.swap import swapped
from parity.verdict import decide

from .corpus import Variant

GATES = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0, 100.0, 1000.0)
"""Multiples of the gate for the table; the curve itself has every measured value."""

PLAIN = "the port as it is"
THREADED = "the reference on two threads"


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
    settings: Settings,
    jobs: int = 1,
    bug_seeds: int = 3,
    say: Say = silent,
) -> Rates:
    """Run the port, every variant and (on the first inputs) every bug on the same inputs.

    The figures of several processes are those of one process, in its order.
    """
    rates = Rates(str(case))
    names = [case.seed + i for i in range(seeds)]
    ask = partial(_ask, str(case), target, tuple(variants))
    wrong = [tuple(bugs) if i < bug_seeds else () for i in range(seeds)]
    with ExitStack() as stack:
        pool = stack.enter_context(processes(min(jobs, seeds), settings)) if jobs > 1 else None
        for correct, killed in (map if pool is None else pool.map)(ask, names, wrong):
            for name, value in correct.items():
                rates.correct.setdefault(name, []).append(value)
            for name, value in killed.items():
                rates.bugs.setdefault(name, []).append(value)
            rates.seeds += 1
            if rates.seeds in (1, seeds) or rates.seeds % 50 == 0:
                alarms = f"{rates.alarms():.2%} alarms among {len(rates.figures):,}"
                say(f"{rates.seeds} of {seeds} inputs, {alarms}")
    return rates


def _ask(
    text: str, target: Target, variants: Sequence[Variant], seed: int, bugs: Sequence[Bug]
) -> tuple[dict[str, float], dict[str, float]]:
    """The figures of correct ports and of bugs on one input."""
    case = Case.parse(text)
    expected = expectation(case, seed)
    figure = partial(_figure, case, target, expected)
    correct = {PLAIN: figure()}
    correct |= {v.name: _with(v.swap, figure) for v in variants}
    with _threads(2):
        correct[THREADED] = _figure(case, target, expectation(case, seed))
    return correct, {b.name: _with(b.swap, figure) for b in bugs}


def _figure(case: Case, target: Target, expected: Expectation) -> float:
    """The worst result's figure on one input."""
    try:
        found = named_results(sides.get(target.side).run(replace(expected.task, device=target.device)))
    except ParityError:
        raise
    except Exception:  # a bug may raise: as red as can be
        return math.inf
    comparisons = measure(expected, found, nonfinite=case.spec.nonfinite)
    return max(decide([c], rule_for(case, n)).ratio for n, c in comparisons.items())


def _with(swap: str, figure: Callable[[], float]) -> float:
    with swapped([swap]):
        return figure()


@contextmanager
def _threads(n: int) -> Iterator[None]:
    """PyTorch on `n` threads for a while."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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

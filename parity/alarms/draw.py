"""The curve of alarms and kills, with the gate's place on it."""

import math
from pathlib import Path

from parity.drift.draw import NEEDS
from parity.errors import UsageError

from .rates import Rates


def draw(rates: Rates, path: Path) -> Path:
    """Write the curve as SVG.

    Raises: UsageError if matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise UsageError(NEEDS) from None
    values = sorted(
        {v for v in rates.figures if v > 0} | {v for vs in rates.bugs.values() for v in vs if v > 0}
    )
    gates = [v for v in values if math.isfinite(v)]
    figure = Figure(figsize=(8.0, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.step(gates, [rates.alarms(g) for g in gates], where="post", label="correct variants that alarm")
    axes.step(gates, [rates.kills(g) for g in gates], where="post", label="known bugs that are killed")
    axes.axvline(1.0, color="black", linestyle=":", label="the gate")
    axes.set_xscale("log")
    axes.set_xlabel("gate, as a multiple of the one in force")
    axes.set_ylabel("share")
    axes.set_title(f"{rates.seeds:,} inputs of {rates.case.partition(';')[0]}", fontsize=10)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    return path

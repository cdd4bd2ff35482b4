"""The floor: how close an honest implementation could be, measured on the reference.

An algorithm is mixed forward-backward stable when it gives nearly the right answer to nearly the right
question (Higham 2002, §1.5): the exact result for inputs off by one unit in the last place, itself off
by one unit in the last place. And neither a sum nor a formula has a privileged order: summed in
sequence and with every intermediate result rounded anew, f gives f′. So the floor of a result is

    max( ‖f(x ± ulp) − f(x)‖ + ‖ulp(f(x))‖ ,  ‖f′(x) − f(x)‖ )

in each norm. All movements are of the reference computed in float32: half-precision formats store, but
honest code computes between loads and stores in float32, so one unit in the last place of a bfloat16
input would excuse errors that only half-precision accumulation makes. Rounding the result to the
working dtype is the one thing that half precision cannot avoid, and it is in ulp(f(x)).
"""

import math
from dataclasses import dataclass

import numpy as np

from .dtypes import FLOAT32, Float64, WorkingDtype, round_to, ulp


@dataclass(frozen=True)
class Floor:
    """The least errors to expect, absolute, in the units of the result.

    `rms` and `max` are norms of the error; `shift` is a mean error and `shrink` a mean error counted
    away from zero, the two biases that magnitude hides. `grid` is the RMS of ulp(result), the unit in the
    last place of the correctly rounded result.
    """

    rms: float
    max: float
    shift: float
    shrink: float
    grid: float


def norms(e: Float64) -> tuple[float, float]:
    """Root mean square and largest magnitude of the finite elements; zeros if there are none."""
    finite = np.isfinite(e)
    if not finite.all():
        e = e[finite]
    if e.size == 0:
        return 0.0, 0.0
    largest = float(np.abs(e).max())
    if largest == 0:
        return 0.0, 0.0
    scaled = np.divide(e, largest).ravel()
    return largest * math.sqrt(float(np.dot(scaled, scaled)) / scaled.size), largest


def biases(e: Float64, oracle: Float64) -> tuple[float, float]:
    """Mean error, and mean error counted away from zero, over finite elements."""
    ok = np.isfinite(e) & np.isfinite(oracle)
    if not ok.all():
        e, oracle = e[ok], oracle[ok]
    if e.size == 0:
        return 0.0, 0.0
    return float(e.sum()) / e.size, float((e * np.sign(oracle)).sum()) / e.size


class FloorMeter:
    """Collects the reference's movements of one result, one run at a time, into its floor.

    Runs are measured as they come and not kept: for a large model the meters of every layer are filled
    by the same few passes.
    """

    def __init__(self, oracle: Float64, base: Float64, dtype: WorkingDtype) -> None:
        self._oracle = oracle
        self._base = base
        self._grid = norms(ulp(round_to(oracle, dtype), dtype))
        self._input = (0.0, 0.0)
        self._order = (0.0, 0.0)
        self._shift = 0.0
        self._shrink = 0.0

    def add(self, kind: str, result: Float64) -> None:
        """One float32 run: ``random`` (each input one ulp up or down), ``coherent`` (all the same way),
        ``away`` (all results on the way one ulp from zero; the last of these moves, that of the result
        itself, does not count), ``other`` (sums in sequence, other roundings)."""
        with np.errstate(invalid="ignore", over="ignore"):
            move = result - self._base
            if kind == "away":
                move = move - np.sign(result) * ulp(result, FLOAT32)
        found = norms(move)
        if kind == "random":
            self._input = (max(self._input[0], found[0]), max(self._input[1], found[1]))
        elif kind == "other":
            self._order = (max(self._order[0], found[0]), max(self._order[1], found[1]))
        shift, shrink = biases(move, self._oracle)
        self._shift = max(self._shift, abs(shift))
        self._shrink = max(self._shrink, abs(shrink))

    def floor(self) -> Floor:
        """The floor that the runs so far show."""
        return Floor(
            rms=max(self._input[0] + self._grid[0], self._order[0]),
            max=max(self._input[1] + self._grid[1], self._order[1]),
            shift=self._shift,
            shrink=self._shrink,
            grid=self._grid[0],
        )

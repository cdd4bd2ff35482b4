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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .dtypes import Float64, WorkingDtype, round_to, ulp


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
    e = e[np.isfinite(e)]
    if e.size == 0:
        return 0.0, 0.0
    largest = float(np.max(np.abs(e)))
    if largest == 0 or not np.isfinite(largest):
        return largest, largest
    return largest * float(np.sqrt(np.mean((e / largest) ** 2))), largest


def biases(e: Float64, oracle: Float64) -> tuple[float, float]:
    """Mean error, and mean error counted away from zero, over finite elements."""
    ok = np.isfinite(e) & np.isfinite(oracle)
    if not ok.any():
        return 0.0, 0.0
    e, sign = e[ok], np.sign(oracle[ok])
    return float(np.mean(e)), float(np.mean(e * sign))


def measure(
    oracle: Float64,
    base: Float64,
    *,
    random: Sequence[Float64],
    coherent: Sequence[Float64],
    reordered: Sequence[Float64],
    dtype: WorkingDtype,
) -> Floor:
    """The floor of one result.

    Shapes: all arrays have the oracle's. `base` is the reference in float32; `random` its results with
    each input moved one ulp up or down at random, `coherent` with all moved the same way, `reordered`
    with other roundings.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        moves = [r - base for r in random]
        drifts = [r - base for r in coherent]
        orders = [r - base for r in reordered]
    grid_rms, grid_max = norms(ulp(round_to(oracle, dtype), dtype))
    input_rms = max((norms(m)[0] for m in moves), default=0.0)
    input_max = max((norms(m)[1] for m in moves), default=0.0)
    order_rms = max((norms(m)[0] for m in orders), default=0.0)
    order_max = max((norms(m)[1] for m in orders), default=0.0)
    bias = [biases(m, oracle) for m in (*moves, *drifts, *orders)]
    return Floor(
        rms=max(input_rms + grid_rms, order_rms),
        max=max(input_max + grid_max, order_max),
        shift=max((abs(b[0]) for b in bias), default=0.0),
        shrink=max((abs(b[1]) for b in bias), default=0.0),
        grid=grid_rms,
    )

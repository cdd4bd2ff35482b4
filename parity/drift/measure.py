"""Three numbers for each call: what it inherits, what it adds, and how it amplifies."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.dtypes import AnyArray, WorkingDtype, is_floating, of_array, round_to, ulp
from parity.sides.live import leaves
from parity.sides.points import Point

FACTOR = 2.0
"""What is observed is at most this many times inherited × gain + local: the local error is measured on the
reference's inputs, the observed one arises on the port's. (Measured over all words and layers of the models
here, the sum was between 1.0 and 1.6 times what is observed.)"""


@dataclass(frozen=True)
class Drift:
    """One call of the port against the exact model; all errors relative to the size of the exact result.

    Args:
        point: where.
        shape: of the result (of its first array).
        observed: the error of the port's result in the port's own run.
        reference: the same of the reference's.
        inherited: the error of the port's arguments.
        gain: how an exact call amplifies that: its result's error over it.
        local: the error of the port's call on the reference's own arguments.
        local_reference: the same of the reference's.
        grid: a unit in the last place of the result, RMS.
        problem: why there are no numbers.
        result: the point stands for a result of the whole, which has no call of its own.
    """

    point: Point
    shape: tuple[int, ...] = ()
    observed: float = math.nan
    reference: float = math.nan
    inherited: float = math.nan
    gain: float = math.nan
    local: float = math.nan
    local_reference: float = math.nan
    grid: float = math.nan
    problem: str = ""
    result: bool = False

    @property
    def name(self) -> str:
        """The call's address, or the result's name."""
        return f"result {self.point.word}" if self.result else str(self.point)

    @property
    def explained(self) -> float:
        """What inherited × gain and local account for of what is observed."""
        passed_on = 0.0 if self.inherited == 0 else self.gain * self.inherited
        both = passed_on + self.local
        if self.observed == 0:
            return 1.0 if both <= self.grid else math.inf
        return both / self.observed

    @property
    def adds_up(self) -> bool:
        """Whether the three numbers explain what is observed."""
        if self.problem or math.isnan(self.gain):
            return not self.problem
        if max(self.observed, self.local) <= self.grid:  # below a unit in the last place all is chance
            return True
        # Inherited and local errors may cancel: the sum may exceed what is observed, never fall short of it.
        return self.explained >= 1 / FACTOR

    @property
    def excess(self) -> float:
        """The local error over the larger of the reference's and a unit in the last place."""
        if math.isnan(self.local):
            return 0.0
        least = max(self.local_reference, self.grid)
        return self.local / least if least > 0 else (0.0 if self.local == 0 else math.inf)


def arrays(value: Any) -> list[AnyArray]:
    """The floating arrays of a value."""
    return [x for x in leaves(value) if isinstance(x, np.ndarray) and is_floating(x)]


def relative(have: Sequence[AnyArray], exact: Sequence[AnyArray]) -> float:
    """‖have − exact‖/‖exact‖ over several arrays of one result; infinite elements that agree do not count."""
    above = below = 0.0
    for x, o in zip(have, exact, strict=True):
        e, size = _squares(x, o)
        above, below = above + e, below + size
    if above == 0:
        return 0.0
    return math.sqrt(above / below) if below > 0 else math.inf


def combined(have: Sequence[AnyArray], exact: Sequence[AnyArray]) -> float:
    """√Σ(‖have − exact‖/‖exact‖)² over arguments, each by its own size."""
    return math.sqrt(sum(relative([x], [o]) ** 2 for x, o in zip(have, exact, strict=True)))


def _squares(x: AnyArray, o: AnyArray) -> tuple[float, float]:
    a, b = x.astype(np.float64), o.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        e = np.where(same, 0.0, a - b)
        finite = np.where(np.isfinite(b), b, 0.0)
        return float(np.sum(e * e)), float(np.sum(finite * finite))


def mismatch(have: Any, exact: Any) -> str:
    """Why two results cannot be compared, if they cannot."""
    a, b = arrays(have), arrays(exact)
    if len(a) != len(b):
        return f"{len(a)} floating arrays, expected {len(b)}"
    for x, o in zip(a, b, strict=True):
        if x.shape != o.shape:
            return f"shape {x.shape}, expected {o.shape}"
    return ""


def grid_of(exact: Sequence[AnyArray], like: Sequence[AnyArray], dtype: WorkingDtype) -> float:
    """A unit in the last place of a result, RMS, relative to the result's size."""
    above = below = 0.0
    for o, x in zip(exact, like, strict=True):
        wide = o.astype(np.float64)
        own = of_array(x) or dtype
        steps = ulp(round_to(wide, own), own)
        ok = np.isfinite(steps) & np.isfinite(wide)
        above += float(np.sum(np.where(ok, steps, 0.0) ** 2))
        below += float(np.sum(np.where(ok, wide, 0.0) ** 2))
    return math.sqrt(above / below) if below > 0 else 0.0

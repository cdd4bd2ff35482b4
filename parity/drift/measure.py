"""Three numbers for each call: what it inherits, what it adds, and how it amplifies."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.dtypes import FLOAT32, FLOAT64, AnyArray, Float64, WorkingDtype, cast, is_floating, of_array, ulp
from parity.sides.live import leaves
from parity.sides.points import Point

FACTOR = 2.0
"""What is observed is at most this many times inherited × gain + local: the local error is measured on the
reference's inputs, the observed one arises on the port's. (Measured over all words and layers of the models
here, the sum was between 1.0 and 1.6 times what is observed.)"""

PIECE = 1 << 16
"""How many numbers are compared at a time."""


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
    """‖x − o‖² and ‖o‖², a piece at a time: what fits in a cache is not written out in float64."""
    a, b = x.reshape(-1), o.reshape(-1)
    above = below = 0.0
    for i in range(0, a.size, PIECE):
        p, q = a[i : i + PIECE].astype(np.float64), b[i : i + PIECE].astype(np.float64, copy=False)
        with np.errstate(invalid="ignore", over="ignore"):
            p -= q
            e, size = float(p @ p), float(q @ q)
        if not math.isfinite(e + size):
            e, size = _finite_squares(a[i : i + PIECE].astype(np.float64), q)
        above, below = above + e, below + size
    return above, below


def _finite_squares(a: Float64, b: Float64) -> tuple[float, float]:
    """The same where some elements are not finite; those that agree do not count."""
    with np.errstate(invalid="ignore", over="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        e = np.where(same, 0.0, a - b)
        finite = np.where(np.isfinite(b), b, 0.0)
        return float(np.sum(e * e)), float(np.sum(finite * finite))


def identical(x: Any, y: Any) -> bool:
    """Whether two portable values have the same numbers, whatever formats hold them."""
    xs, ys = leaves(x), leaves(y)
    return len(xs) == len(ys) and all(_alike(a, b) for a, b in zip(xs, ys, strict=True))


def _alike(a: Any, b: Any) -> bool:
    if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)):
        return bool(a is b or (type(a) is type(b) and a == b))
    if a.shape != b.shape or is_floating(a) != is_floating(b):
        return False
    x, y = a.reshape(-1), b.reshape(-1)
    pieces = range(0, x.size, PIECE)
    return all(bool(np.all(_wide(x[i : i + PIECE]) == _wide(y[i : i + PIECE]))) for i in pieces)


def _wide(x: AnyArray) -> AnyArray:
    return x.astype(np.float64, copy=False) if is_floating(x) else x


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
        flat, own = o.reshape(-1), of_array(x) or dtype
        for i in range(0, flat.size, PIECE):
            wide = flat[i : i + PIECE].astype(np.float64, copy=False)
            finite = np.isfinite(wide)
            if not finite.all():
                wide = wide[finite]
            steps = _ulps(wide, own)
            above += float(steps @ steps)
            below += float(wide @ wide)
    return math.sqrt(above / below) if below > 0 else 0.0


def _ulps(x: Float64, dtype: WorkingDtype) -> Float64:
    """`parity.dtypes.ulp` of the rounded numbers, by their exponents' bits; nothing for what overflows."""
    if dtype is FLOAT64:
        return ulp(x, dtype)
    with np.errstate(over="ignore"):  # NumPy's own conversion rounds to nearest as `cast` does, faster
        rounded = x.astype(np.float32) if dtype is FLOAT32 else cast(x, dtype).astype(np.float32)
    powers = (rounded.view(np.uint32) & np.uint32(0x7F800000)).view(np.float32).astype(np.float64)
    powers[~np.isfinite(powers)] = 0.0
    return np.maximum(powers, 2.0**dtype.emin) * 2.0 ** (1 - dtype.precision)

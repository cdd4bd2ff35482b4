"""Working dtypes and their grids, as plain float64 arithmetic on NumPy arrays."""

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from .errors import UsageError, unknown

AnyArray = NDArray[Any]
Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class WorkingDtype:
    """A floating format: `precision` significant bits (the hidden one counted), exponents from `emin`.

    `emin` is the exponent of the smallest normal number, 2^emin, and `emax` that of the largest binade.
    `flushable` says that hardware in use reads or writes the format's subnormals as zero: Metal does so
    in float32 and bfloat16, never in float16 (Metal Shading Language Specification, §8.1).
    """

    name: str
    short: str
    precision: int
    emin: int
    emax: int
    numpy: np.dtype[Any]
    flushable: bool = True

    @property
    def unit_roundoff(self) -> float:
        """u = 2^−precision: the largest relative error of rounding to nearest."""
        return 2.0**-self.precision

    @property
    def smallest_normal(self) -> float:
        """2^emin, below which numbers are subnormal and hardware may flush them to zero."""
        return 2.0**self.emin

    @property
    def largest(self) -> float:
        """(2 − 2^(1−precision))·2^emax."""
        return float((2 - 2.0 ** (1 - self.precision)) * 2.0**self.emax)


FLOAT32 = WorkingDtype("float32", "f32", 24, -126, 127, np.dtype(np.float32))
FLOAT16 = WorkingDtype("float16", "f16", 11, -14, 15, np.dtype(np.float16), flushable=False)
BFLOAT16 = WorkingDtype("bfloat16", "bf16", 8, -126, 127, np.dtype(ml_dtypes.bfloat16))
FLOAT64 = WorkingDtype("float64", "f64", 53, -1022, 1023, np.dtype(np.float64), flushable=False)

_ALL = (FLOAT32, FLOAT16, BFLOAT16, FLOAT64)
WORKING = {d.name: d for d in (FLOAT32, FLOAT16, BFLOAT16)}
"""The dtypes that models run in; float64 is the oracle's."""


def parse_dtype(name: str) -> WorkingDtype:
    """The format called `name` or, in short, e.g. ``bf16``.

    Raises: UsageError if there is none.
    """
    for dtype in _ALL:
        if name in (dtype.name, dtype.short):
            return dtype
    raise UsageError(unknown("dtype", name, [n for d in _ALL for n in (d.name, d.short)]))


def of_array(array: AnyArray) -> WorkingDtype | None:
    """The format of an array's elements, or None if they are integers or booleans."""
    for dtype in _ALL:
        if array.dtype == dtype.numpy:
            return dtype
    return None


def ulp(x: Float64, dtype: WorkingDtype) -> Float64:
    """The spacing of `dtype`'s numbers at |x|; below the smallest normal, that of the subnormals.

    Shapes: x: any → the same. Non-finite elements give infinity.
    """
    _, exponent = np.frexp(x)  # |x| = m·2^exponent with m in [0.5, 1)
    exponent = np.maximum(exponent, dtype.emin + 1)
    spacing = np.ldexp(1.0, exponent - dtype.precision)
    zero = 2.0 ** (dtype.emin - dtype.precision + 1)
    spacing = np.where(x == 0, zero, spacing)
    return np.where(np.isfinite(x), spacing, np.inf)


def round_to(x: Float64, dtype: WorkingDtype) -> Float64:
    """The correctly rounded values (to nearest, ties to even), still held in float64.

    Shapes: x: any → the same. Past the largest number they become infinite, as IEEE 754 has it.
    """
    if dtype is FLOAT64:
        return x
    with np.errstate(over="ignore", invalid="ignore"):
        spacing = ulp(x, dtype)
        rounded = np.where(np.isfinite(x), np.rint(x / spacing) * spacing, x)
        over = np.abs(rounded) > dtype.largest
        return np.where(over, np.copysign(np.inf, x), rounded)


def cast(x: AnyArray, dtype: WorkingDtype) -> AnyArray:
    """Floating arrays correctly rounded to `dtype`; integers and booleans unchanged."""
    if of_array(x) is None or x.dtype == dtype.numpy:
        return x
    with np.errstate(over="ignore"):
        return round_to(x.astype(np.float64), dtype).astype(dtype.numpy)


def is_floating(x: AnyArray) -> bool:
    """Whether the elements are floating-point numbers."""
    return of_array(x) is not None


def _ordered(x: AnyArray) -> NDArray[np.int64]:
    """Integers in the order of the floats, adjacent numbers one apart, −0 and +0 together."""
    width = x.dtype.itemsize * 8
    bits = np.ascontiguousarray(x).view(f"u{x.dtype.itemsize}").astype(np.int64)
    sign = 1 << (width - 1)
    return np.where(bits >= sign, sign - bits, bits).reshape(x.shape)


def ulp_distance(x: AnyArray, y: AnyArray) -> NDArray[np.int64]:
    """Steps from x to y on the grid of their common format (of at most 32 bits); 0 if equal."""
    steps: NDArray[np.int64] = np.abs(_ordered(x) - _ordered(y))
    return steps


def next_after(x: AnyArray, upward: NDArray[np.bool_]) -> AnyArray:
    """The neighbour of each element, up where `upward`, else down; non-finite elements stay.

    Shapes: x, upward: the same → the same.
    """
    towards = np.where(upward, np.inf, -np.inf).astype(x.dtype)
    moved = np.nextafter(x, towards)
    keep = ~np.isfinite(x.astype(np.float64)) | ~np.isfinite(moved.astype(np.float64))
    return np.where(keep, x, moved)

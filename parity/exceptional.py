"""Values that are not plain numbers: NaN, infinities, and subnormals that hardware may read as zero."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .dtypes import AnyArray, Float64, WorkingDtype
from .floor import norms
from .rules import MAX_LIMIT

if TYPE_CHECKING:
    from .compare import Expected

_CLASS_NAMES = ("a finite number", "NaN", "+inf", "-inf")


def _classes(x: Float64) -> NDArray[np.int8]:
    """0 finite, 1 NaN, 2 +∞, 3 −∞."""
    classes = np.zeros(x.shape, dtype=np.int8)
    classes[np.isnan(x)] = 1
    classes[x == np.inf] = 2
    classes[x == -np.inf] = 3
    return classes


def index_text(i: tuple[np.intp, ...]) -> str:
    """An index as one writes it."""
    return ", ".join(str(int(k)) for k in i)


def nonfinite_problems(
    expected: "Expected",
    rounded: Float64,
    p: Float64,
    r: Float64 | None,
    nonfinite: str,
    notes: list[str],
) -> list[str]:
    """Where NaN and infinities do not sit as they should.

    The port may also do what the reference does in the working dtype: both may overflow on the way to a
    result that is finite in float64. And within the error that is allowed anyway (the limit for
    the largest element) of the largest number, a result may overflow or not.
    """
    want, have = _classes(rounded), _classes(p)
    if nonfinite == "any":
        want, have = np.minimum(want, 1), np.minimum(have, 1)
    wrong = want != have
    if r is not None and wrong.any():
        ref = _classes(r)
        if nonfinite == "any":
            ref = np.minimum(ref, 1)
        same = wrong & (ref == have)
        if same.any():
            notes.append("some results overflow or vanish in the reference too")
            wrong &= ~same
    if expected.dtype is not None and wrong.any():
        oracle = np.abs(expected.oracle.astype(np.float64))
        allowed = MAX_LIMIT * max(
            expected.floor.max if expected.floor else 0.0,
            expected.nearby[1] if expected.nearby else 0.0,
            _largest_difference(r, expected.oracle),
        )
        largest = expected.dtype.largest
        neither_nan = ~np.isnan(rounded) & ~np.isnan(p)
        borderline = wrong & (np.abs(oracle - largest) <= allowed) & neither_nan
        borderline &= np.sign(rounded) == np.sign(p)
        if borderline.any():
            notes.append("some results lie where overflow begins")
            wrong &= ~borderline
    if not wrong.any():
        return []
    i = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    return [
        f"{int(wrong.sum())} of {wrong.size} elements are not finite where they should be, or the "
        f"reverse: [{index_text(i)}] is {_CLASS_NAMES[_classes(p)[i]]}, "
        f"expected {_CLASS_NAMES[_classes(rounded)[i]]}"
    ]


def _largest_difference(r: Float64 | None, oracle: AnyArray) -> float:
    """The largest error of the reference where both are finite."""
    if r is None:
        return 0.0
    with np.errstate(invalid="ignore"):
        return norms(r - oracle.astype(np.float64))[1]


def nearer(
    oracle: Float64, alternate: Float64, p: Float64, finite: NDArray[np.bool_], notes: list[str]
) -> Float64:
    """The oracle, or its values for inputs with subnormals flushed if p as a whole is nearer to those."""
    usable = finite & np.isfinite(alternate)
    with np.errstate(invalid="ignore", over="ignore"):
        kept = norms((p - oracle)[usable])[0]
        flushed = norms((p - alternate)[usable])[0]
    if not flushed < kept:
        return oracle
    notes.append("this side reads subnormal inputs as zero")
    return np.where(usable, alternate, oracle)


def forgive_underflow(e: Float64, dtype: WorkingDtype) -> int:
    """Zero errors below the smallest normal number, in place: what flushing one value to zero costs.

    Arithmetic that flushes obeys fl(x∘y) = (x∘y)(1 + δ) + η with |η| at most that number (Higham 2002,
    §2.1), also where only something on the way to the result was subnormal.
    """
    if not dtype.flushable:
        return 0
    forgiven = (e != 0) & (np.abs(e) <= dtype.smallest_normal)
    e[forgiven] = 0.0
    return int(forgiven.sum())

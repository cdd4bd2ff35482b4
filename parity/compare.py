"""One result against what it should be: structure, then what is not finite, then errors in float64.

Comparing measures; it does not judge. What is wrong whatever the rule says (a missing output, another
shape, a NaN in the wrong place) is a `problem`; everything else is a number for `parity.verdict`.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .dtypes import (
    FLOAT32,
    FLOAT64,
    AnyArray,
    Float64,
    WorkingDtype,
    of_array,
    round_to,
    ulp,
    ulp_distance,
)
from .exceptional import forgive_underflow, index_text, nearer, nonfinite_problems
from .floor import Floor, biases, norms
from .rules import MAX_LIMIT, RMS_LIMIT

# torch.testing.assert_close's defaults: for the report's percentage only, they gate nothing.
_CLOSE = {"float32": (1.3e-6, 1e-5), "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5)}

_BUCKETS = (0, 1, 2, 4, 8, 16, 64, 256, 4096)


@dataclass(frozen=True)
class Expected:
    """What one result should be.

    `oracle` holds the exact values (float64, or integers when `dtype` is None). `reference` is the
    reference in the working dtype, `floor` the least error to expect, `bound` theory's bound on it,
    `alternate` the oracle for inputs whose subnormals are read as zero, and `nearby` the reference's errors
    (RMS, largest) on inputs next to these, where its own on these may be small by luck. Where the reference
    overflows in half precision, `unbounded` holds the errors that it has with that precision and no bound on
    its exponents.
    """

    oracle: AnyArray
    dtype: WorkingDtype | None
    reference: AnyArray | None = None
    floor: Floor | None = None
    bound: Float64 | None = None
    alternate: Float64 | None = None
    nearby: tuple[float, float] | None = None
    unbounded: tuple[float, float] | None = None


@dataclass(frozen=True)
class Errors:
    """Absolute errors against the oracle: norms, and the biases that norms hide."""

    rms: float
    max: float
    shift: float
    shrink: float


@dataclass(frozen=True)
class Comparison:
    """Everything measured on one result for one set of inputs."""

    n: int
    finite: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: Errors | None = None
    reference: Errors | None = None
    floor: Floor | None = None
    scale: float = 0.0
    subnormal: bool = False
    different: int = 0
    worst: str = ""
    ulps: int | None = None
    histogram: tuple[int, ...] = ()
    over_bound: float | None = None
    info: dict[str, float] = field(default_factory=dict)

    def over_floor(self) -> tuple[float, float]:
        """error(reference) over the floor, in RMS and in the largest element."""
        if self.reference is None or self.floor is None:
            return 0.0, 0.0
        return (
            _over(self.reference.rms, self.floor.rms),
            _over(self.reference.max, self.floor.max),
        )

    def ratios(self, typical: tuple[float, float] = (0.0, 0.0)) -> tuple[float, float]:
        """error(port) over max(error(reference), floor), in both norms; 0/0 is 0.

        `typical` is how far above its floor the reference is over several inputs: the error of a result
        of few elements may be near zero by luck for one of them.
        """
        if self.error is None:
            return 0.0, 0.0
        rms = largest = 0.0
        if self.reference is not None:
            rms, largest = self.reference.rms, self.reference.max
        if self.floor is not None:
            rms = max(rms, self.floor.rms * max(1.0, typical[0]))
            largest = max(largest, self.floor.max * max(1.0, typical[1]))
        return _over(self.error.rms, rms), _over(self.error.max, largest)


def _over(x: float, y: float) -> float:
    if x == 0:
        return 0.0
    return x / y if y > 0 else np.inf


def overflowed(expected: Expected) -> bool:
    """Whether the reference has an element that is not finite where its dtype has a number for it."""
    if expected.dtype is None or expected.reference is None:
        return False
    return bool(lost_in(expected.dtype, expected.oracle, expected.reference).any())


def lost_in(dtype: WorkingDtype, oracle: AnyArray, x: AnyArray) -> NDArray[np.bool_]:
    """Where a result is not finite though its dtype has a number for it; nowhere, if it has another shape."""
    rounded = round_to(oracle.astype(np.float64), dtype)
    if x.shape != rounded.shape:
        return np.zeros(rounded.shape, dtype=bool)
    lost: NDArray[np.bool_] = np.isfinite(rounded) & ~np.isfinite(x.astype(np.float64))
    return lost


def structure(expected: Expected, actual: AnyArray) -> list[str]:
    """What is wrong with a result's shape and dtype, if anything."""
    problems = []
    if actual.shape != expected.oracle.shape:
        problems.append(f"shape {actual.shape}, expected {expected.oracle.shape}")
    if expected.dtype is None:
        if actual.dtype.kind not in "iu":
            problems.append(f"dtype {actual.dtype}, expected integers")
    elif of_array(actual) is not expected.dtype:
        problems.append(f"dtype {actual.dtype}, expected {expected.dtype.name}")
    return problems


def compare(
    expected: Expected,
    actual: AnyArray,
    *,
    nonfinite: str = "exact",
    composed: bool = False,
    spread: bool = False,
) -> Comparison:
    """Measure `actual` against `expected`.

    `nonfinite` is ``"exact"`` (NaN where NaN, each infinity where it belongs) or ``"any"`` (something
    that is not finite wherever the oracle is not). `composed` says that the result comes from a layer, in
    which an overflow may become a number again, and `spread` that the reference overflows in this or another
    result: which of them an overflow of float16 reaches, through a padding of zeros say, is then nobody's
    promise. Where the range is that of float32 it is.

    Shapes: actual must have the oracle's; if not, that is the problem and nothing else is measured.
    """
    problems = structure(expected, actual)
    if problems:
        return Comparison(n=0, problems=tuple(problems))
    if actual.size == 0:
        return Comparison(n=0, notes=("empty",))
    if expected.dtype is None:
        return _compare_integers(expected, actual)
    return _compare_floats(expected, actual, expected.dtype, nonfinite, composed, spread)


def _compare_integers(expected: Expected, actual: AnyArray) -> Comparison:
    oracle = expected.oracle.astype(np.int64)
    wrong = oracle != actual.astype(np.int64)
    worst = ""
    if wrong.any():
        i = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        worst = f"[{index_text(i)}] is {actual[i]}, expected {oracle[i]}"
    return Comparison(n=actual.size, different=int(wrong.sum()), worst=worst)


def _compare_floats(
    expected: Expected,
    actual: AnyArray,
    dtype: WorkingDtype,
    nonfinite: str,
    composed: bool,
    spread: bool,
) -> Comparison:
    notes: list[str] = []
    oracle = expected.oracle.astype(np.float64)
    p = actual.astype(np.float64)
    r = None if expected.reference is None else expected.reference.astype(np.float64)

    rounded = round_to(oracle, dtype)
    problems = nonfinite_problems(expected, rounded, p, r, nonfinite, notes)
    if problems and spread and dtype.emax < FLOAT32.emax:
        notes += problems
        notes.append("the reference overflows too: which results that reaches is not judged")
        problems = []
    finite = np.isfinite(oracle) & np.isfinite(p) & np.isfinite(rounded)
    # Where the reference overflows in half precision, its errors elsewhere do not say how well that can do.
    unknown = composed or dtype.precision < FLOAT32.precision
    both = finite if r is None else finite & np.isfinite(r)
    excused = int((np.isfinite(rounded) & ~np.isfinite(p)).sum())
    judged = both if unknown else finite
    if (alone := finite & ~judged).any():
        excused += int(alone.sum())
        notes.append("some results overflow in the reference alone: judged by its errors if none did")
        problems += _beyond(p, alone, expected, dtype, composed)

    target = oracle
    if expected.alternate is not None:
        target = nearer(oracle, expected.alternate, p, finite, notes)

    with np.errstate(invalid="ignore", over="ignore"):
        e_p = np.where(finite, p - target, 0.0)
        e_r = None if r is None else np.where(both, r - oracle, 0.0)
    forgiven = forgive_underflow(e_p, dtype)
    if forgiven:
        notes.append("errors below the smallest normal number are forgiven: underflow")
    if e_r is not None:
        forgive_underflow(e_r, dtype)

    magnitude = np.where(finite, oracle, 0.0)
    distance = None
    if dtype is not FLOAT64:
        distance = _ulp_distances(rounded, p, e_p, finite, dtype)
    exact_bits = _different_bits(rounded, actual, dtype)
    return Comparison(
        n=int(actual.size) - excused,
        finite=int(finite.sum()),
        problems=tuple(problems),
        notes=tuple(notes),
        error=_errors(e_p, oracle, judged),
        reference=None if e_r is None else _at_least(_errors(e_r, oracle, both), expected.nearby),
        floor=expected.floor,
        scale=norms(magnitude)[0],
        subnormal=norms(magnitude)[0] < dtype.smallest_normal,
        different=int(exact_bits.sum()),
        worst=_worst(e_p, exact_bits, oracle, p, judged),
        ulps=None if distance is None or distance.size == 0 else int(distance.max()),
        histogram=() if distance is None else _histogram(distance),
        over_bound=_over_bound(expected.bound, e_p, finite),
        info=_info(magnitude, np.where(finite, p, 0.0), dtype),
    )


def _errors(e: Float64, oracle: Float64, finite: NDArray[np.bool_]) -> Errors:
    rms, largest = norms(e[finite])
    shift, shrink = biases(e[finite], oracle[finite])
    return Errors(rms, largest, shift, shrink)


def _beyond(
    p: Float64, alone: NDArray[np.bool_], expected: Expected, dtype: WorkingDtype, composed: bool
) -> list[str]:
    """What is wrong with numbers where the reference has none.

    Half precision may lose most of its digits on the way to such a result. How many is measured: on the
    reference with results rounded to that precision and no largest number (`Expected.unbounded`).

    A layer is not asked, in any dtype: a norm or a softmax on its way may have made a number of an
    overflow of the port's own (a hard case of float32 has that).
    """
    if composed:
        return []
    oracle = expected.oracle.astype(np.float64)[alone]
    e = p[alone] - oracle
    forgive_underflow(e, dtype)
    measured = expected.unbounded or (0.0, 0.0)
    grid = norms(ulp(round_to(oracle, dtype), dtype))
    over = max(
        _over(have, limit * max(least, unit))
        for have, limit, least, unit in zip(norms(e), (RMS_LIMIT, MAX_LIMIT), measured, grid, strict=True)
    )
    if over <= 1:
        return []
    return [
        f"where the reference overflows, the error is {over:.3g} times what its precision would cost "
        "if nothing overflowed"
    ]


def _at_least(errors: Errors, nearby: tuple[float, float] | None) -> Errors:
    """The reference's errors, or those next to these inputs if they are larger."""
    if nearby is None:
        return errors
    return replace(errors, rms=max(errors.rms, nearby[0]), max=max(errors.max, nearby[1]))


def _ulp_distances(
    rounded: Float64, p: Float64, e: Float64, finite: NDArray[np.bool_], dtype: WorkingDtype
) -> NDArray[np.int64]:
    """Steps on the grid from the correctly rounded result; forgiven subnormals are 0."""
    want = np.where(finite, rounded, 0.0).astype(dtype.numpy)
    have = np.where(finite, p, 0.0).astype(dtype.numpy)
    distance = ulp_distance(have, want)
    return np.where(e == 0, 0, distance)[finite]


def _different_bits(rounded: Float64, actual: AnyArray, dtype: WorkingDtype) -> NDArray[np.bool_]:
    """Elements that are not the oracle's rounded value bit for bit (any NaN equals any NaN)."""
    with np.errstate(over="ignore", invalid="ignore"):
        want = rounded.astype(dtype.numpy)
    both_nan = np.isnan(rounded) & np.isnan(actual.astype(np.float64))
    unsigned = f"u{dtype.numpy.itemsize}"
    same = np.ascontiguousarray(want).view(unsigned) == np.ascontiguousarray(actual).view(unsigned)
    different: NDArray[np.bool_] = ~(same.reshape(actual.shape) | both_nan)
    return different


def _worst(
    e: Float64,
    bits: NDArray[np.bool_],
    oracle: Float64,
    p: Float64,
    finite: NDArray[np.bool_],
) -> str:
    """Where the largest error is, or else the first differing bit."""
    magnitude = np.where(finite, np.abs(e), 0.0)
    if magnitude.max() > 0:
        i = np.unravel_index(int(np.argmax(magnitude)), e.shape)
    elif bits.any():
        i = np.unravel_index(int(np.argmax(bits)), e.shape)
    else:
        return ""
    return f"[{index_text(i)}] is {p[i]:.9g}, expected {oracle[i]:.9g}"


def _histogram(distance: NDArray[np.int64]) -> tuple[int, ...]:
    """How many elements are 0, 1, 2, ≤4, ≤8, ≤16, ≤64, ≤256, ≤4096 and more units away."""
    edges = np.searchsorted(_BUCKETS, distance.ravel(), side="left")
    return tuple(int(c) for c in np.bincount(edges, minlength=len(_BUCKETS) + 1))


def _over_bound(bound: Float64 | None, e: Float64, finite: NDArray[np.bool_]) -> float | None:
    """The largest |error| ÷ bound."""
    if bound is None:
        return None
    bound = np.broadcast_to(bound, e.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(e == 0, 0.0, np.abs(e) / bound)
    usable = ratio[finite & ~np.isnan(ratio)]
    return float(usable.max()) if usable.size else 0.0


def _info(oracle: Float64, p: Float64, dtype: WorkingDtype) -> dict[str, float]:
    """The familiar figures, for information: none of them gates."""
    with np.errstate(all="ignore"):
        e = np.abs(p - oracle)
        relative = np.where(oracle == 0, 0.0, e / np.abs(oracle))
        rtol, atol = _CLOSE.get(dtype.name, (1e-7, 1e-7))
        scale = max(norms(oracle)[1], norms(p)[1]) or 1.0
        x, y = oracle.ravel() / scale, p.ravel() / scale
        length = float(np.linalg.norm(x) * np.linalg.norm(y))
        cosine = float(x @ y) / length if length > 0 else 1.0
    return {
        "max_abs": float(e.max()),
        "max_rel": float(relative.max()),
        "cosine": cosine,
        "mismatch": float(np.mean(e > atol + rtol * np.abs(oracle))),
    }

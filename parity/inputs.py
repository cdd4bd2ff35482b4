"""Inputs that hurt: arrays drawn from a seed, a kind and a layout, with no framework at hand.

Every array is made in float64 and rounded correctly to the working dtype, so that the oracle and each
side start from the same numbers, on any machine.
"""

import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .axes import shape_of
from .dtypes import AnyArray, Float64, WorkingDtype, cast, next_after
from .errors import SpecError, unknown

Sizes = Mapping[str, int]


@dataclass(frozen=True)
class Array:
    """One argument: its axes and what fills it.

    `fill` is ``"float"`` (the case's kind decides), ``"ids"`` (integers below axis `below`), ``"mask"``
    (0 and 1, a one in every row), ``"labels"`` (ids, some of them `ignored`), ``"rows"`` (distinct
    integers below axis `below`), or a kind by name, which then holds in every case. In a case of kind
    ``nan`` a mask has an empty row and labels are all ignored: means over nothing.
    `optional` arguments are left out in some cases. `scale` multiplies floats. A `finite` argument is
    normal where others hold a NaN or an infinity.
    """

    axes: str
    fill: str = "float"
    below: str = ""
    ignored: int | None = None
    optional: bool = False
    scale: float = 1.0
    finite: bool = False

    def __post_init__(self) -> None:
        if self.fill not in ("float", "ids", "mask", "labels", "rows", *KINDS):
            raise SpecError(unknown("fill", self.fill, ("float", "ids", "mask", "labels", *KINDS)))


def _normal(rng: np.random.Generator, shape: tuple[int, ...], _: WorkingDtype) -> Float64:
    """Standard normal."""
    return rng.standard_normal(shape)


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], _: WorkingDtype) -> Float64:
    """Uniform in [0, 1)."""
    return rng.random(shape)


def _small(rng: np.random.Generator, shape: tuple[int, ...], dtype: WorkingDtype) -> Float64:
    """Normal, scaled to where an epsilon of 1e-12 under a root matters (or as near as dtype allows)."""
    return rng.standard_normal(shape) * max(1e-6, 2.0 ** (dtype.emin + 4))


def _large(rng: np.random.Generator, shape: tuple[int, ...], dtype: WorkingDtype) -> Float64:
    """Normal, scaled to a quarter of the exponent range, so that products stay finite."""
    return rng.standard_normal(shape) * 2.0 ** (dtype.emax // 4)


def _wide(rng: np.random.Generator, shape: tuple[int, ...], dtype: WorkingDtype) -> Float64:
    """Magnitudes spread over a quarter of the exponent range: small terms drown in large ones."""
    e = dtype.emax // 8
    sign = rng.choice([-1.0, 1.0], shape)
    return sign * 2.0 ** rng.uniform(-e, e, shape)


def _cancel(rng: np.random.Generator, shape: tuple[int, ...], _: WorkingDtype) -> Float64:
    """Terms that nearly cancel along the last axis: a large value, then its negative, plus a little."""
    x = rng.standard_normal(shape)
    if not shape:
        return x
    flip = np.where(np.arange(shape[-1]) % 2 == 0, 1.0, -1.0)
    return 64.0 * flip + x


def _offset(rng: np.random.Generator, shape: tuple[int, ...], _: WorkingDtype) -> Float64:
    """A mean of 64 spreads: E[x²] − E[x]² loses twelve bits here."""
    return 64.0 + rng.standard_normal(shape)


def _constant(rng: np.random.Generator, shape: tuple[int, ...], _: WorkingDtype) -> Float64:
    """Rows of one value: a variance of zero, a softmax that is uniform."""
    if not shape:
        return rng.standard_normal(shape)
    return np.broadcast_to(rng.standard_normal((*shape[:-1], 1)), shape).copy()


def _grid(rng: np.random.Generator, shape: tuple[int, ...], _: WorkingDtype) -> Float64:
    """Evenly spaced over [−20, 20], in random order: a function that is cut or patched somewhere shows it."""
    n = int(np.prod(shape))
    return rng.permutation(np.linspace(-20.0, 20.0, n) if n > 1 else np.zeros(n)).reshape(shape)


def _zeros(rng: np.random.Generator, shape: tuple[int, ...], _: WorkingDtype) -> Float64:
    """Zeros, both signs."""
    return np.where(rng.random(shape) < 0.5, -0.0, 0.0)


def _onehot(rng: np.random.Generator, shape: tuple[int, ...], _: WorkingDtype) -> Float64:
    """A single one in each row: moved data shows where it went."""
    x = np.zeros(shape)
    if not shape or 0 in shape:
        return x
    hot = rng.integers(0, shape[-1], shape[:-1])
    np.put_along_axis(x, np.expand_dims(hot, -1), 1.0, axis=-1)
    return x


def _integers(rng: np.random.Generator, shape: tuple[int, ...], _: WorkingDtype) -> Float64:
    """Small integers: sums and products are exact in any order."""
    return rng.integers(-4, 5, shape).astype(np.float64)


def _subnormal(rng: np.random.Generator, shape: tuple[int, ...], dtype: WorkingDtype) -> Float64:
    """Around and below the smallest normal number."""
    return rng.standard_normal(shape) * dtype.smallest_normal


def _with_one(value: float) -> Callable[..., Float64]:
    def fill(rng: np.random.Generator, shape: tuple[int, ...], _: WorkingDtype) -> Float64:
        x = rng.standard_normal(shape)
        if x.size:
            x.reshape(-1)[rng.integers(x.size)] = value
        return x

    return fill


KINDS: dict[str, Callable[[np.random.Generator, tuple[int, ...], WorkingDtype], Float64]] = {
    "normal": _normal,
    "uniform": _uniform,
    "small": _small,
    "large": _large,
    "wide": _wide,
    "cancel": _cancel,
    "offset": _offset,
    "constant": _constant,
    "grid": _grid,
    "zeros": _zeros,
    "onehot": _onehot,
    "integers": _integers,
    "subnormal": _subnormal,
    "nan": _with_one(np.nan),
    "inf": _with_one(np.inf),
    "-inf": _with_one(-np.inf),
}
"""What fills the floating arguments of a case, from easy to cruel."""

FINITE_KINDS = tuple(k for k in KINDS if k not in ("uniform", "nan", "inf", "-inf"))
ALL_KINDS = (*FINITE_KINDS, "nan", "inf", "-inf")

LAYOUTS = ("contiguous", "strided", "transposed", "broadcast")
"""How a floating argument lies in memory: packed, every other element of a larger array, with its
axes stored in reverse, or one slice repeated along the first axis."""


def generator(*key: object) -> np.random.Generator:
    """A generator that depends on nothing but `key`: the same on every machine and in every process."""
    words = [zlib.crc32(str(k).encode()) for k in key]
    return np.random.default_rng(words)


def draw(
    name: str,
    array: Array,
    sizes: Sizes,
    *,
    kind: str,
    dtype: WorkingDtype,
    seed: int,
    layout: str = "contiguous",
) -> AnyArray:
    """The values of one argument.

    Raises: SpecError if the kind or an axis is unknown.
    """
    rng = generator(name, seed)
    shape = shape_of(array.axes, sizes)
    if array.fill == "mask":
        return _mask(rng, shape, seed, empty=kind == "nan")
    if array.fill in ("ids", "labels", "rows"):
        below = shape_of(array.below, sizes)[0]
        return _integers_below(rng, array, shape, below, seed, empty=kind == "nan")
    kind = kind if array.fill == "float" else array.fill
    if array.finite and kind in ("nan", "inf", "-inf"):
        kind = "normal"
    if kind not in KINDS:
        raise SpecError(unknown("kind of input", kind, KINDS))
    if layout == "broadcast" and shape:
        one = KINDS[kind](rng, (1, *shape[1:]), dtype)
        values = np.broadcast_to(one, shape).copy()
    else:
        values = KINDS[kind](rng, shape, dtype)
    return cast(np.asarray(values * array.scale, dtype=np.float64), dtype)


def _mask(rng: np.random.Generator, shape: tuple[int, ...], seed: int, *, empty: bool) -> AnyArray:
    """Ones as attention masks have them, by the seed: left-aligned, with holes, or right-aligned.

    Every row keeps one, but the first if it is to be `empty`.
    """
    length = shape[-1]
    kept = rng.integers(1, length + 1, (*shape[:-1], 1))
    mask = np.arange(length) < kept
    if seed % 3 == 1:
        mask = rng.random(shape) < 0.5
        np.put_along_axis(mask, rng.integers(0, length, (*shape[:-1], 1)), True, axis=-1)
    elif seed % 3 == 2:
        mask = mask[..., ::-1]
    if empty and mask.ndim > 1:
        mask = mask.copy()
        mask[0] = False
    return mask.astype(np.int32)


def _integers_below(
    rng: np.random.Generator,
    array: Array,
    shape: tuple[int, ...],
    below: int,
    seed: int,
    *,
    empty: bool,
) -> AnyArray:
    if array.fill == "rows":  # as a mask gives them, and by odd seeds in another order
        rows = rng.permutation(below)[: shape[0]]
        return (rows if seed % 2 else np.sort(rows)).astype(np.int32)
    if array.fill == "labels" and empty:
        return np.full(shape, array.ignored, dtype=np.int32)
    ids = rng.integers(0, below, shape).astype(np.int32)
    if array.fill == "labels" and array.ignored is not None:
        ids[rng.random(shape) < 0.25] = array.ignored
        if ids.size:
            ids.reshape(-1)[0] = rng.integers(0, below)  # never all ignored: that mean is 0/0
    return ids


def moved(x: AnyArray, rng: np.random.Generator, direction: str) -> AnyArray:
    """Each element one ulp away: at ``random``, all ``up``, or all ``away`` from zero."""
    if direction == "random":
        upward = rng.random(x.shape) < 0.5
    elif direction == "up":
        upward = np.ones(x.shape, dtype=bool)
    else:
        upward = x.astype(np.float64) >= 0
    return next_after(x, upward)


def flushed(x: AnyArray, dtype: WorkingDtype) -> AnyArray:
    """Subnormal elements replaced by zero, as hardware that flushes them reads x."""
    small = np.abs(x.astype(np.float64)) < dtype.smallest_normal
    return np.where(small, np.zeros_like(x), x)


def has_subnormals(x: AnyArray, dtype: WorkingDtype) -> bool:
    """Whether any element is one that hardware may read as zero: subnormal and not zero."""
    if not dtype.flushable:
        return False
    magnitude = np.abs(x.astype(np.float64))
    return bool(np.any((magnitude > 0) & (magnitude < dtype.smallest_normal)))


def fingerprint(arrays: Mapping[str, AnyArray]) -> str:
    """A short digest of named arrays, to tell whether a seed still makes the inputs it made."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        a: Any = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}{a.dtype}{a.shape}".encode())
        digest.update(a.tobytes())
    return digest.hexdigest()[:16]

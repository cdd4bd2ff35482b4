"""The reductions that have names, each over some axes that it drops or keeps with one element."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import mlx.core as mx

from .errors import EinopsError

_HALF = (mx.float16, mx.bfloat16)

AT_ONCE = 1 << 17
"""Half-precision elements that a CPU converts at once: their copy is summed while it is in its cache."""

_ON_A_GPU = 1 << 26
"""The same for a GPU, where starting a part costs more than memory: only a copy of everything is avoided."""

_WIDE = 256
"""So many sums side by side are vectors; a single one waits for its previous addition."""

Reduce = Callable[[mx.array, tuple[int, ...]], mx.array]


@dataclass(frozen=True, slots=True)
class Reduction:
    """One reduction, of an array and axes.

    Attributes:
        dropping: the result is without the axes.
        keeping: the result has them with one element each.
        nothing: the result over no elements; none if there is none.
    """

    dropping: Reduce
    keeping: Reduce
    nothing: float | bool | None


def filled(x: mx.array, padding: tuple[tuple[int, ...], float | bool]) -> mx.array:
    """`x` with one element, the given one, along axes that have none.

    A sum over no elements is zero, but MLX 0.32's on the CPU may not come back if the array is of NumPy's.
    """
    axes, value = padding
    widths = [(0, 1 if axis in axes else 0) for axis in range(x.ndim)]
    return mx.pad(x, widths, constant_values=mx.array(value, dtype=x.dtype))


def mean(x: mx.array, axes: tuple[int, ...], keepdims: bool = False) -> mx.array:
    """The mean; half precision is summed in float32 and rounded once.

    MLX's own divides a sum that has been rounded to half precision: 4,096 thousands have the mean infinity in
    float16, and any mean 1.7 times the rounding error that it must have.

    Raises: EinopsError for integers, booleans and complex numbers, as in the einops package.
    """
    if x.dtype in _HALF:
        if x.size <= AT_ONCE:
            return mx.astype(mx.mean(mx.astype(x, mx.float32), axes, keepdims), x.dtype)
        cpu = mx.default_device() == mx.cpu
        count = math.prod([x.shape[axis] for axis in axes])
        if cpu and x.dtype == mx.bfloat16 and count & (count - 1) == 0 and x.ndim - 1 not in axes:
            return mx.mean(x, axes, keepdims)  # summed in float32 there, rounded, and divided exactly
        total = _in_parts(x, axes, AT_ONCE if cpu else _ON_A_GPU)
        found = mx.divide(total, mx.array(count, dtype=mx.float32))
        return mx.astype(found if keepdims else mx.squeeze(found, axes), x.dtype)
    if not mx.issubdtype(x.dtype, mx.floating):
        raise EinopsError(f"The mean of {x.dtype}: convert to a floating dtype first, x.astype(mx.float32)")
    return mx.mean(x, axes, keepdims)


def _in_parts(x: mx.array, axes: tuple[int, ...], most: int) -> mx.array:
    """The sum in float32, with the axes kept; of parts of at most so many elements, converted one by one."""
    if x.size <= most:
        return _sum(mx.astype(x, mx.float32), axes)
    wide = [axis for axis, size in enumerate(x.shape) if size > 1]
    kept = [axis for axis in wide if axis not in axes]
    # Sums of whole rows are as large as what is summed, if there are few rows: their parts are columns.
    along = kept[0] if kept and math.prod([x.shape[axis] for axis in kept]) > most // 8 else wide[0]
    size = x.shape[along]
    step = max(1, most * size // x.size)
    parts = [_in_parts(part, axes, most) for part in mx.split(x, list(range(step, size, step)), along)]
    whole = mx.concatenate(parts, along)
    return mx.sum(whole, along, True) if along in axes else whole


def _sum(x: mx.array, axes: tuple[int, ...]) -> mx.array:
    """The sum with the axes kept, of many sums side by side: the outer axes first, the last one folded."""
    *outer, last = [axis for axis in axes if x.shape[axis] > 1] or axes[:1]
    if outer:
        return mx.sum(mx.sum(x, outer, True), last, True)
    head, size, tail = x.shape[:last], x.shape[last], x.shape[last + 1 :]
    width = _WIDE // math.prod(tail)
    if width < 2 or size < 4 * width:
        return mx.sum(x, last, True)
    even, rest = mx.split(x, [size - size % width], last)
    rows = mx.reshape(even, (*head, size // width, width, *tail))
    found = mx.sum(mx.sum(rows, last), last, True)
    return mx.add(found, mx.sum(rest, last, True)) if size % width else found


def _reduction(
    function: Callable[[mx.array, tuple[int, ...], bool], mx.array], nothing: float | bool | None
) -> Reduction:
    def keeping(x: mx.array, axes: tuple[int, ...]) -> mx.array:
        return function(x, axes, True)

    return Reduction(function, keeping, nothing)  # type: ignore[arg-type]  # they drop the axes by default


REDUCTIONS = {
    "mean": _reduction(mean, float("nan")),
    "sum": _reduction(mx.sum, 0),
    "max": _reduction(mx.max, None),
    "min": _reduction(mx.min, None),
    "prod": _reduction(mx.prod, 1),
    "any": _reduction(mx.any, False),
    "all": _reduction(mx.all, True),
}
"""By the names that patterns are reduced with."""

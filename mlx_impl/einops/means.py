"""The mean of half precision: summed in float32 and rounded once, in parts that stay in the cache."""

from functools import reduce
from math import prod

import mlx.core as mx

from mlx_impl.profiles import resolve

Axes = tuple[int, ...]

AT_ONCE = 1 << 17
"""Elements that a CPU converts at once: their copy is summed while it is in its cache."""

_ON_A_GPU = 1 << 26
"""The same for a GPU, where starting a part costs more than memory: only a copy of everything is avoided."""

_WIDE = 256
"""So many sums side by side are vectors; a single one waits for its previous addition."""

_SHORT = 64
"""Rows that are so short cost MLX more each than their elements do, whoever converts them."""


def half_mean(x: mx.array, axes: Axes, keepdims: bool) -> mx.array:
    """The mean of float16 or bfloat16.

    MLX's own divides a sum that has been rounded to half precision: 4,096 thousands have the mean infinity in
    float16, and any mean 1.7 times the rounding error that it must have. A profile with ``means="mlx"`` takes
    it for bfloat16 on a CPU where it is faster: there sums are float32 inside, and overflow where that does.
    """
    cpu = mx.default_device() == mx.cpu
    n = prod([x.shape[axis] for axis in axes])
    exact = n & (n - 1) == 0  # 1/n is, so that MLX's own is rounded once too
    own = x.dtype == mx.bfloat16 and (exact or resolve(None).means == "mlx")
    if cpu and own and _in_short_rows(x.shape, axes):
        return mx.mean(x, axes, keepdims)
    most = AT_ONCE if cpu else _ON_A_GPU
    if x.size <= most:
        return mx.astype(mx.mean(mx.astype(x, mx.float32), axes, keepdims), x.dtype)
    found = _mean(x, axes, n, most)
    return found if keepdims else mx.squeeze(found, axes)


def _in_short_rows(shape: tuple[int, ...], axes: Axes) -> bool:
    """Whether MLX's own sum takes less time than one in float32: over leading axes, or short rows."""
    last = next((axis for axis in reversed(range(len(shape))) if axis not in axes), -1)
    return last >= 0 and prod(shape[last + 1 :]) <= _SHORT


def _mean(x: mx.array, axes: Axes, n: int, most: int) -> mx.array:
    """The mean with the axes kept, of so many results at once: finishing them copies little."""
    kept = [axis for axis, size in enumerate(x.shape) if size > 1 and axis not in axes]
    results = prod([x.shape[axis] for axis in kept])
    if results > most:
        parts = _cut(x, kept[0], most * x.shape[kept[0]] // results)
        return mx.concatenate([_mean(part, axes, n, most) for part in parts], kept[0])
    return mx.astype(mx.divide(_folded(x, axes, most), mx.array(n, dtype=mx.float32)), x.dtype)


def _folded(x: mx.array, axes: Axes, most: int) -> mx.array:
    """The sum in float32 with the axes kept; of a long last axis many sums side by side first."""
    last = max(axes)
    size, tail = x.shape[last], x.shape[last + 1 :]
    width = _WIDE // prod(tail)
    if width < 2 or size < 4 * width:
        return _sum(x, axes, most)
    even, rest = mx.split(x, [size - size % width], last) if size % width else (x, None)
    rows = mx.reshape(even, (*x.shape[:last], size // width, width, *tail))
    found = mx.sum(_sum(rows, axes, most), last + 1)
    return found if rest is None else mx.add(found, _sum(rest, axes, most))


def _sum(x: mx.array, axes: Axes, most: int) -> mx.array:
    """The sum in float32 with the axes kept, of parts that have no gaps, converted one by one."""
    long = [axis for axis, size in enumerate(x.shape) if size > 1]
    if x.size <= most:
        *outer, last = [axis for axis in axes if axis in long] or axes[:1]
        wide = mx.astype(x, mx.float32)
        return mx.sum(mx.sum(wide, outer, True) if outer else wide, last, True)
    along = long[0]
    if along in axes and x.size // x.shape[along] > most:  # its rows are cut first, and added one by one
        along = next((axis for axis in long if axis not in axes and prod(x.shape[axis:]) > most), along)
    parts = [_sum(part, axes, most) for part in _cut(x, along, most // prod(x.shape[along + 1 :]))]
    if along not in axes:
        return mx.concatenate(parts, along)
    if len(parts) * parts[0].size > most:
        return reduce(mx.add, parts)
    return mx.sum(mx.concatenate(parts, along), along, True)


def _cut(x: mx.array, along: int, step: int) -> list[mx.array]:
    """Parts of so many elements along an axis, of one at least."""
    step = max(1, step)
    return list(mx.split(x, list(range(step, x.shape[along], step)), along))

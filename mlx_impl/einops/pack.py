from collections.abc import Sequence
from functools import lru_cache
from math import prod

import mlx.core as mx

from .apply import described
from .errors import CAUGHT, EinopsError, reraise
from .packing import Shape, packing
from .recipe import CACHED


def pack(tensors: Sequence[mx.array], pattern: str) -> tuple[mx.array, list[Shape]]:
    """Arrays that share some axes as one array: what ``*`` stands for becomes one axis, and they are joined
    along it. :func:`unpack` takes them apart again: ``pack([image, token], 'b * d')``.

    Shapes: (..., ..., ...) each, any number of axes for ``*`` → (..., n, ...), and what ``*`` was in each.
    Dtypes: any; different ones are promoted as MLX does when it joins arrays.
    Raises: EinopsError if the pattern is wrong, there is no array, or the named axes differ.
    Source: ``einops.pack``.
    """
    arrays: Sequence[mx.array] = ()
    try:
        arrays = tensors if isinstance(tensors, list | tuple) else list(tensors)
        for i, x in enumerate(arrays):
            if not isinstance(x, mx.array):
                raise EinopsError(f"Item {i} is a {type(x).__name__}, expected an MLX array")
        axis, flat, packed = _packed(pattern, tuple([x.shape for x in arrays]))
        parts = [*arrays]
        for i, shape in flat:
            parts[i] = mx.reshape(parts[i], shape)
        return mx.concatenate(parts, axis), [*packed]
    except CAUGHT as error:
        reraise(error, "pack", pattern, described(arrays), {})


@lru_cache(maxsize=CACHED)
def _packed(
    pattern: str, shapes: tuple[Shape, ...]
) -> tuple[int, tuple[tuple[int, Shape], ...], tuple[Shape, ...]]:
    """The axis to join along, the arrays that get another shape first, and what ``*`` is in each."""
    found = packing(pattern)
    if not shapes:
        raise EinopsError("There is no array to pack")
    flat: list[tuple[int, Shape]] = []
    packed: list[Shape] = []
    for i, shape in enumerate(shapes):
        if len(shape) < len(found.names):
            raise EinopsError(f"Array {i} has shape {shape}, expected {len(found.names)} axes or more")
        end = len(shape) - found.after
        around = (shape[: found.before], shape[end:])
        if i == 0:
            first = around
        for name, size, other in zip(found.names, sum(first, ()), sum(around, ()), strict=True):
            if size != other:
                raise EinopsError(f"Axis {name!r} has {size} elements in array 0, but {other} in array {i}")
        inner = shape[found.before : end]
        if len(inner) != 1:
            flat.append((i, (*around[0], prod(inner), *around[1])))
        packed.append(inner)
    return found.before, tuple(flat), tuple(packed)

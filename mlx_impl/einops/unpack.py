from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from math import prod

import mlx.core as mx

from .apply import described, integer
from .errors import CAUGHT, EinopsError, reraise
from .packing import Shape, packing
from .recipe import CACHED


def unpack(tensor: mx.array, packed_shapes: Sequence[Sequence[int]], pattern: str) -> list[mx.array]:
    """The arrays that :func:`pack` joined: the axis ``*`` is cut, and each part gets its axes back.

    One size of all of them may be −1: it follows from the others.

    Shapes: (..., n, ...), the shapes of the parts → (..., the part's shape, ...) each.
    Dtypes: any; the results have the input's.
    Raises: EinopsError if the pattern is wrong or the parts do not make up the axis.
    Source: ``einops.unpack``.
    """
    parts: list[mx.array]
    try:
        if not isinstance(tensor, mx.array):
            raise EinopsError(f"The input is a {type(tensor).__name__}, expected an MLX array")
        shapes = _frozen(packed_shapes)
        axis, cuts, split = _unpacked(pattern, tensor.shape, shapes)
        parts = list(mx.split(tensor, cuts, axis)) if shapes else []
        for i, shape in split:
            parts[i] = mx.reshape(parts[i], shape)
    except CAUGHT as error:
        reraise(error, "unpack", pattern, described(tensor), {"packed_shapes": packed_shapes})
    return parts


def _frozen(shapes: Sequence[Sequence[int]]) -> tuple[Shape, ...]:
    found = tuple([tuple(shape) for shape in shapes])
    for shape in found:
        for size in shape:
            if type(size) is not int or size < -1:
                return tuple(tuple(integer(f"A size in {s}", n, least=-1) for n in s) for s in found)
    return found


@lru_cache(maxsize=CACHED)
def _unpacked(
    pattern: str, shape: Shape, parts: tuple[Shape, ...]
) -> tuple[int, list[int], tuple[tuple[int, Shape], ...]]:
    """The axis to cut, where, and the parts that get another shape then."""
    found = packing(pattern)
    if len(shape) != len(found.names) + 1:
        raise EinopsError(f"The array has {len(shape)} axes, expected {len(found.names) + 1}")
    total = shape[found.before]
    if not parts:
        return found.before, [], ()
    known = [prod(size for size in part if size != -1) for part in parts]
    unknown = [i for i, part in enumerate(parts) for size in part if size == -1]
    if len(unknown) > 1:
        raise EinopsError(f"{len(unknown)} sizes are -1: only one can follow from the others")
    filled = list(parts)
    for i in unknown:
        rest = total - sum(known) + known[i]
        if rest < 0 or known[i] == 0 or rest % known[i]:
            raise EinopsError(f"Axis '*' has {total} elements: none or a fraction of {known[i]} for part {i}")
        filled[i] = tuple(rest // known[i] if size == -1 else size for size in parts[i])
    lengths = [prod(part) for part in filled]
    if sum(lengths) != total:
        raise EinopsError(f"Axis '*' has {total} elements, but the parts have {sum(lengths)}")
    head, tail = shape[: found.before], shape[found.before + 1 :]
    split = tuple((i, (*head, *part, *tail)) for i, part in enumerate(filled) if len(part) != 1)
    return found.before, list(accumulate(lengths[:-1])), split

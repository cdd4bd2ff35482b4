from functools import lru_cache
from types import EllipsisType

import mlx.core as mx

from .apply import described
from .errors import CAUGHT, EinopsError, reraise
from .parse import parse
from .recipe import CACHED


def parse_shape(x: mx.array, pattern: str) -> dict[str, int]:
    """The sizes of the axes by name: ``rearrange(y, '(b l) d -> b l d', **parse_shape(x, 'b l _'))``.

    ``_`` leaves an axis out, ``...`` any number of them; a number must be the size that is there.

    Shapes: what the pattern says → a size for each name.
    Dtypes: any.
    Raises: EinopsError if the pattern is wrong, has groups, or does not fit the shape.
    Source: ``einops.parse_shape``.
    """
    try:
        if not isinstance(x, mx.array):
            raise EinopsError(f"The input is a {type(x).__name__}, expected an MLX array")
        return dict(_parsed(pattern, x.shape))
    except CAUGHT as error:
        reraise(error, "parse_shape", pattern, described(x), {})


@lru_cache(maxsize=CACHED)
def _parsed(pattern: str, shape: tuple[int, ...]) -> tuple[tuple[str, int], ...]:
    found = parse(pattern, underscore=True)
    if found.nested or any(not isinstance(group, EllipsisType) and len(group) > 1 for group in found.groups):
        raise EinopsError("Groups have no name: parse_shape takes no brackets around several axes or '...'")
    spread = found.spread(len(shape))
    sizes: list[tuple[str, int]] = []
    rest = iter(shape)
    for group in found.groups:
        if isinstance(group, EllipsisType):
            for _ in range(spread):
                next(rest)
            continue
        size = next(rest)
        axis = group[0] if group else 1
        if isinstance(axis, int) and axis != size:
            raise EinopsError(f"An axis has {size} elements where the pattern has {axis}")
        if isinstance(axis, str) and axis != "_":
            sizes.append((axis, size))
    return tuple(sizes)

import mlx.core as mx

from .apply import described, movement
from .errors import CAUGHT, reraise


def repeat(tensor: mx.array | list[mx.array], pattern: str, **axes_lengths: int) -> mx.array:
    """Elements repeated along new axes: ``'h w -> h (w n)', n=2``, or with the number itself, ``'w -> w 2'``.

    The pattern is that of :func:`rearrange`; axes that are on the right only are new, their sizes are given.
    What is repeated along an axis by itself is broadcast, not copied.

    Shapes: what the left side says → what the right side says.
    Dtypes: any; the result has the input's.
    Raises: EinopsError if the pattern is wrong, or does not fit the shape or the sizes.
    Source: Rogozhnikov 2022, Einops, §3; ``einops.repeat``.
    """
    try:
        return movement("repeat", tensor, pattern, axes_lengths)
    except CAUGHT as error:
        reraise(error, "repeat", pattern, described(tensor), axes_lengths)

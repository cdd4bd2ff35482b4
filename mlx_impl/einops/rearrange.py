import mlx.core as mx

from .apply import described, movement
from .errors import CAUGHT, reraise


def rearrange(tensor: mx.array | list[mx.array], pattern: str, **axes_lengths: int) -> mx.array:
    """The same elements with their axes in another order, split or joined: ``'b (h w) c -> b c h w', h=2``.

    Left of the arrow stand the axes of the input, right of it those of the result, by name. Brackets make one
    axis of several, ``...`` is all axes that have no name, ``1`` or ``()`` an axis of one element. Sizes that
    do not follow from the shape are given by name. A list of arrays is stacked on a new first axis.

    Shapes: what the left side says → what the right side says.
    Dtypes: any; the result has the input's.
    Raises: EinopsError if the pattern is wrong, or does not fit the shape or the sizes.
    Source: Rogozhnikov 2022, Einops, §3; ``einops.rearrange``.
    """
    try:
        return movement("rearrange", tensor, pattern, axes_lengths)
    except CAUGHT as error:
        reraise(error, "rearrange", pattern, described(tensor), axes_lengths)

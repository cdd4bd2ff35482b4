from collections.abc import Callable
from typing import Any

import mlx.core as mx

from .apply import described, frozen, movement, run, stacked
from .errors import CAUGHT, EinopsError, reraise
from .plan import plan
from .reductions import REDUCTIONS

Callback = Callable[[mx.array, tuple[int, ...]], mx.array]


def reduce(
    tensor: mx.array | list[mx.array], pattern: str, reduction: str | Callback, **axes_lengths: int
) -> mx.array:
    """Reduce over the axes that are on the left only: ``'b (l n) d -> b l d', 'max', n=2``.

    The pattern is that of :func:`rearrange`. `reduction` is mean, sum, max, min, prod, any or all, or a
    function of an array and a tuple of axes to drop; for it the kept axes stand first, in the order of the
    result. Where the pattern reduces nothing, nothing is called.

    Shapes: what the left side says → what the right side says.
    Dtypes: mean: floating, half precision summed in float32 and rounded once; sum, prod: any, of integers in
        MLX's dtype for their sums; max, min: any; any, all: any → bool. Where nothing is reduced, the
        input's, of any and all too.
    Raises: EinopsError if the pattern or the reduction is wrong, or does not fit the shape, the sizes or the
        dtype. What a function of the caller's raises is left as it is.
    Source: Rogozhnikov 2022, Einops, §3; ``einops.reduce``.
    """
    try:
        if isinstance(reduction, str):
            if reduction not in REDUCTIONS and reduction not in ("rearrange", "repeat"):
                names = ", ".join(REDUCTIONS)
                raise EinopsError(f"The reduction is {reduction!r}, expected one of {names}, or a function")
            return movement(reduction, tensor, pattern, axes_lengths)
        if not callable(reduction):
            raise EinopsError(f"The reduction is {reduction!r}, expected a name or a function")
        x = tensor if isinstance(tensor, mx.array) else stacked(tensor)
        parts = plan("callable", pattern, x.shape, frozen(axes_lengths))
        x = run(parts.before, x)
    except CAUGHT as error:
        reraise(error, "reduce", pattern, described(tensor), {"reduction": reduction, **axes_lengths})
    if parts.axes:
        x = reduction(x, parts.axes)
    try:
        if not isinstance(x, mx.array):
            raise EinopsError(f"The function gives a {type(x).__name__}, expected an MLX array")
        return run(parts.after, x)
    except CAUGHT as error:
        what: dict[str, Any] = {"reduction": reduction, **axes_lengths}
        reraise(error, "reduce", pattern, f"{described(tensor)}, reduced to {described(x)}", what)

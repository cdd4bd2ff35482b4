"""The reductions that have names, each over some axes that it drops or keeps with one element."""

from collections.abc import Callable
from dataclasses import dataclass

import mlx.core as mx

from .errors import EinopsError
from .means import half_mean

_HALF = (mx.float16, mx.bfloat16)

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

    Raises: EinopsError for integers, booleans and complex numbers, as in the einops package.
    """
    if x.dtype in _HALF:
        return half_mean(x, axes, keepdims)
    if not mx.issubdtype(x.dtype, mx.floating):
        raise EinopsError(f"The mean of {x.dtype}: convert to a floating dtype first, x.astype(mx.float32)")
    return mx.mean(x, axes, keepdims)


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

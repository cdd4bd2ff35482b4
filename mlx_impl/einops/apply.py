"""From a call to its plan, and the plan to the result: what rearrange, reduce and repeat share."""

import operator
from collections.abc import Mapping, Sequence
from typing import Any

import mlx.core as mx

from .errors import EinopsError
from .plan import Step, plan


def movement(operation: str, tensor: Any, pattern: str, sizes: dict[str, int]) -> mx.array:
    """Run an operation that has a name: ``rearrange``, ``repeat`` or a reduction."""
    x = tensor if isinstance(tensor, mx.array) else stacked(tensor)
    return run(plan(operation, pattern, x.shape, frozen(sizes) if sizes else ()).before, x)


def run(steps: Sequence[Step], x: mx.array) -> mx.array:
    """One step after the other."""
    for step, argument in steps:
        x = step(x, argument)
    return x


def frozen(sizes: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    """Sizes by name as a value.

    Raises: EinopsError for a size that is no integer, is negative, or is in an array.
    """
    for size in sizes.values():
        if type(size) is not int or size < 0:
            return tuple((name, integer(f"The size of {name!r}", size)) for name, size in sizes.items())
    return tuple(sizes.items())


def integer(what: str, size: Any, *, least: int = 0) -> int:
    """A size as a plain integer: 2 and NumPy's 2, but neither 2.0 nor an array.

    Raises: EinopsError if it is none, or less than `least`.
    """
    if isinstance(size, mx.array):
        raise EinopsError(f"{what} is an array; reading it would wait for the device: take it from x.shape")
    try:
        plain = operator.index(size) + 0
    except TypeError:
        raise EinopsError(f"{what} is {size!r}, expected an integer") from None
    if plain < least:
        raise EinopsError(f"{what} is {plain}: it cannot be negative")
    return plain


def stacked(tensor: Any) -> mx.array:
    """A list of arrays stacked on a new first axis.

    Raises: EinopsError if it is no list, is empty, or has other things or other shapes in it.
    """
    if not isinstance(tensor, list):
        raise EinopsError(f"The input is a {type(tensor).__name__}, expected an MLX array or a list of them")
    try:  # looking at every array first would cost as much as stacking them
        return mx.stack(tensor)
    except (TypeError, ValueError) as error:
        raise EinopsError(_unfit(tensor) or str(error)) from None


def _unfit(tensor: list[Any]) -> str:
    """What is wrong with a list that MLX does not stack."""
    if not tensor:
        return "The input is an empty list: there is nothing to stack"
    first = tensor[0]
    for i, x in enumerate(tensor):
        if not isinstance(x, mx.array):
            return f"Item {i} of the list is a {type(x).__name__}, expected an MLX array"
        if x.shape != first.shape:
            return (
                f"Item {i} of the list has shape {x.shape}, item 0 has {first.shape}: "
                "only arrays of one shape are stacked (pack takes several)"
            )
    return ""


def described(tensor: Any) -> str:
    """An input in the words of an error message."""
    if isinstance(tensor, mx.array):
        return f"an array of shape {tensor.shape}"
    if isinstance(tensor, list | tuple):
        shapes = [str(x.shape) if isinstance(x, mx.array) else type(x).__name__ for x in tensor[:4]]
        more = ", ..." if len(tensor) > len(shapes) else ""
        return f"a {type(tensor).__name__} of {len(tensor)}: {', '.join(shapes)}{more}"
    return f"a {type(tensor).__name__}"

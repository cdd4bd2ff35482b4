"""A recipe laid out for one shape: the few MLX operations that do it, with all their numbers filled in.

What is left out is what costs: axes that keep their neighbour are not split apart, axes of one element are
never moved, a view is never made contiguous for the sake of a shorter shape, and an axis that is only
repeated is broadcast, not copied.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import prod
from typing import Any

import mlx.core as mx

from .errors import EinopsError
from .recipe import CACHED, Recipe, recipe
from .reductions import REDUCTIONS, filled

Step = tuple[Callable[[mx.array, Any], mx.array], Any]
"""A function of an array and an argument, and the argument."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with an array: `before`, the caller's own reduction over `axes` if any, then `after`."""

    before: tuple[Step, ...]
    axes: tuple[int, ...] = ()
    after: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class _Block:
    """Neighbouring axes that stay neighbours: one axis of the array that is worked on."""

    axes: tuple[int, ...]
    size: int
    reduced: bool = False


@lru_cache(maxsize=CACHED)
def plan(operation: str, pattern: str, shape: tuple[int, ...], given: tuple[tuple[str, int], ...]) -> Plan:
    """The plan for an operation on an array of this shape, with these sizes given by name.

    `operation` is ``rearrange``, ``repeat``, the name of a reduction, or ``callable``.

    Raises: EinopsError if the pattern is wrong, or does not fit the operation, the shape or the sizes.
    """
    names = dict(given)
    found = recipe(operation, pattern, len(shape), frozenset(names))
    sizes = found.sizes(shape, names)
    if operation == "callable":
        return _handed_over(found, sizes, shape)
    return _laid_out(operation, found, sizes, shape)


def _laid_out(operation: str, found: Recipe, sizes: Sequence[int], shape: tuple[int, ...]) -> Plan:
    steps: list[Step] = []
    blocks = _blocks(found, sizes)
    if tuple(block.size for block in blocks) != shape:
        blocks = [block for block in blocks if block.size != 1 or block.reduced]  # dropped in passing
        steps.append((mx.reshape, tuple(block.size for block in blocks)))
    target = tuple(prod(sizes[axis] for axis in group) for group in found.right)
    axes = tuple(i for i, block in enumerate(blocks) if block.reduced)
    if axes:
        reduction = REDUCTIONS[operation]  # no other operation has axes to reduce
        if empty := tuple(axis for axis in axes if blocks[axis].size == 0):
            if reduction.nothing is None:
                raise EinopsError(f"The {operation} over no elements: an axis to reduce has size 0")
            steps.append((filled, (empty, reduction.nothing)))
        blocks = [block for block in blocks if not block.reduced]
        order = _order(blocks, found, sizes)
        kept = [block.size for block in blocks]
        for axis in axes:
            kept.insert(axis, 1)
        keep = order is None and tuple(kept) == target
        steps.append((reduction.keeping if keep else reduction.dropping, axes))
        current = target if keep else tuple(block.size for block in blocks)
    else:
        order = _order(blocks, found, sizes)
        current = tuple(block.size for block in blocks)
    if order is not None:
        steps.append((mx.transpose, order))
        current = tuple(current[axis] for axis in order)
    steps += _shaped(current, target, found, sizes)
    # A new handle at least: adding to the result in place must not add to the input.
    return Plan(tuple(steps) or ((mx.broadcast_to, shape),))


def _handed_over(found: Recipe, sizes: Sequence[int], shape: tuple[int, ...]) -> Plan:
    """For a reduction of the caller's own: kept axes in the order of the result, then those to reduce.

    Every axis is there by itself, as in the einops package, for a function that looks at them.
    """
    flat = [axis for group in found.left for axis in group]
    order = [axis for group in found.right for axis in group]
    axes = tuple(range(len(order), len(flat)))
    order += sorted(found.reduced)
    before: list[Step] = []
    if (split := tuple(sizes[axis] for axis in flat)) != shape:
        before.append((mx.reshape, split))
    if order != flat:
        before.append((mx.transpose, tuple(flat.index(axis) for axis in order)))
    target = tuple(prod(sizes[axis] for axis in group) for group in found.right)
    return Plan(tuple(before), axes, ((mx.reshape, target),))


def _blocks(found: Recipe, sizes: Sequence[int]) -> list[_Block]:
    """The axes of the input, split no further than the result or the reduction asks for."""
    together = {pair for group in found.right for pair in pairwise(_moving(group, sizes))}
    blocks: list[_Block] = []
    for group in found.left:
        parts: list[_Block] = []
        for axis in group if len(group) == 1 else _moving(group, sizes, found.reduced):
            reduced = axis in found.reduced
            last = parts[-1] if parts else None
            if last and ((last.reduced and reduced) or (last.axes[-1], axis) in together):
                parts[-1] = _Block((*last.axes, axis), last.size * sizes[axis], reduced)
            else:
                parts.append(_Block((axis,), sizes[axis], reduced))
        blocks += parts or [_Block((), 1)]
    return blocks


def _moving(group: Sequence[int], sizes: Sequence[int], always: frozenset[int] = frozenset()) -> list[int]:
    """The axes that have more or less than one element, and those to be kept `always`."""
    return [axis for axis in group if sizes[axis] != 1 or axis in always]


def _order(blocks: Sequence[_Block], found: Recipe, sizes: Sequence[int]) -> tuple[int, ...] | None:
    """The permutation of the blocks that the result has; none if nothing but axes of one element moves.

    Those go where the result has such an axis, and the rest of them to the end.
    """
    at = {block.axes[0]: i for i, block in enumerate(blocks) if block.axes and block.size != 1}
    units = [i for i, block in enumerate(blocks) if block.size == 1]
    wanted = [[at[axis] for axis in group if axis in at] for group in found.right]
    moving = [i for group in wanted for i in group]
    if moving == sorted(moving):
        return None
    order: list[int] = []
    for group, places in zip(found.right, wanted, strict=True):
        order += places
        if units and not _moving(group, sizes):
            order.append(units.pop(0))
    return (*order, *units)


def _shaped(
    current: tuple[int, ...], target: tuple[int, ...], found: Recipe, sizes: Sequence[int]
) -> list[Step]:
    """From the axes in their order to the shape of the result: axes of one element, new axes, groups."""
    wide: list[int] = []  # the axes before those of a group become one
    narrow: list[int] = []  # the same, with one element for each that is new
    for group in found.right:
        parts: list[tuple[int, bool]] = []
        for axis in _moving(group, sizes):
            new = axis in found.added
            if parts and parts[-1][1] == new:
                parts[-1] = (parts[-1][0] * sizes[axis], new)
            else:
                parts.append((sizes[axis], new))
        for size, new in parts or [(1, False)]:
            wide.append(size)
            narrow.append(1 if new else size)
    steps: list[Step] = []
    if narrow != wide:
        while narrow and narrow[0] == 1:  # broadcasting puts these in front by itself
            narrow.pop(0)
        if tuple(narrow) != current:
            steps.append((mx.reshape, tuple(narrow)))
        current = tuple(wide)
        steps.append((mx.broadcast_to, current))
    if current != target:
        steps.append((mx.reshape, target))
    return steps

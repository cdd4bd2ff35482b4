"""A pattern that fits an operation: which axes it has, where they go, which sizes are known or follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from types import EllipsisType

from .errors import EinopsError
from .parse import Axis, Expression, Group, parse, sides

CACHED = 1024
"""Recipes, and layouts of them, that are kept."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a pattern means for arrays of so many axes, whatever their sizes. Axes are numbers from 0 on.

    Attributes:
        labels: what the pattern calls each axis; those on the left come first, in order.
        left: the axes that each axis of the input is made of.
        right: the axes that each axis of the result is made of.
        reduced: the axes that are on the left only.
        added: the axes that are on the right only.
    """

    labels: tuple[str | int, ...]
    left: tuple[tuple[int, ...], ...]
    right: tuple[tuple[int, ...], ...]
    reduced: frozenset[int]
    added: frozenset[int]

    def sizes(self, shape: Sequence[int], given: dict[str, int]) -> tuple[int, ...]:
        """The size of every axis, for an input of this shape and the sizes given by name.

        Raises: EinopsError if a size does not follow, or contradicts another.
        """
        sizes = {
            axis: label if isinstance(label, int) else given.get(label)
            for axis, label in enumerate(self.labels)
        }
        for position, (group, total) in enumerate(zip(self.left, shape, strict=True)):
            known = prod(size for axis in group if (size := sizes[axis]) is not None)
            unknown = [axis for axis in group if sizes[axis] is None]
            spelled = self._spelled(group, sizes)
            if len(unknown) > 1:
                names = " and ".join(repr(self.labels[axis]) for axis in unknown)
                raise EinopsError(f"The sizes of {names} do not follow: give all but one of {spelled}")
            if unknown and (known == 0 or total % known):
                raise EinopsError(
                    f"Axis {position} has {total} elements, which do not divide into {spelled}"
                    + (f", {total} by {known}" if len(group) > 1 else "")
                )
            if unknown:
                sizes[unknown[0]] = total // known
            elif known != total:
                raise EinopsError(f"Axis {position} has {total} elements, but {spelled} has {known}")
        found = tuple(size for size in sizes.values() if size is not None)
        assert len(found) == len(sizes)  # the recipe asks for the sizes of added axes
        return found

    def _spelled(self, group: tuple[int, ...], sizes: dict[int, int | None]) -> str:
        words = []
        for axis in group:
            label, size = self.labels[axis], sizes[axis]
            words.append(f"{label}" if size is None or isinstance(label, int) else f"{label}={size}")
        return "(" + " ".join(words) + ")"


@lru_cache(maxsize=CACHED)
def recipe(operation: str, pattern: str, ndim: int, given: frozenset[str]) -> Recipe:
    """The recipe of a pattern for arrays of `ndim` axes, with sizes given for some names.

    `operation` is ``rearrange``, ``repeat``, or anything else for a reduction.

    Raises: EinopsError if the pattern is wrong, or not one of this operation.
    """
    left, right = (parse(text) for text in sides(pattern))
    _fits(operation, left, right)
    for name in given:
        if name not in left.names and name not in right.names:
            raise EinopsError(f"A size is given for {name!r}, but there is no such axis in the pattern")
    spread = left.spread(ndim)
    axes: dict[str | int, int] = {}  # named axes and those of the ellipsis (as −1, −2, ...) → number
    labels: list[str | int] = []

    def number(axis: str | int) -> int:
        if isinstance(axis, str) or axis < 0:
            if axis in axes:
                return axes[axis]
            axes[axis] = len(labels)
        labels.append("..." if isinstance(axis, int) and axis < 0 else axis)
        return len(labels) - 1

    ins = [tuple(number(axis) for axis in group) for group in _expanded(left, spread)]
    on_the_left = len(labels)
    outs = [tuple(number(axis) for axis in group) for group in _expanded(right, spread)]
    kept = {axis for group in outs for axis in group}
    added = frozenset(range(on_the_left, len(labels)))
    for axis in sorted(added):
        if isinstance(labels[axis], str) and labels[axis] not in given:
            raise EinopsError(f"The size of the new axis {labels[axis]!r} is not given: {labels[axis]}=...")
    reduced = frozenset(range(on_the_left)) - kept
    return Recipe(tuple(labels), tuple(ins), tuple(outs), reduced, added)


def _fits(operation: str, left: Expression, right: Expression) -> None:
    """Which axes may stand on one side only depends on the operation."""
    if left.nested:
        raise EinopsError("'...' in brackets on the left: how many axes it stands for would not follow")
    dots = ... in left.axes, ... in right.axes
    if dots == (False, True):
        raise EinopsError("'...' stands on the right, but not on the left")
    gone = [repr(name) for name in left.names if name not in right.names]
    gone += [str(number) for number in left.numbers]
    gone += ["'...'"] if dots == (True, False) else []
    new = [repr(name) for name in right.names if name not in left.names]
    new += [str(number) for number in right.numbers]
    if operation in ("rearrange", "repeat") and gone:
        raise EinopsError(f"Only on the left: {', '.join(gone)}; {operation} keeps every axis (reduce drops)")
    if operation != "repeat" and new:
        hint = "rearrange keeps every axis" if operation == "rearrange" else "reduce makes none"
        raise EinopsError(f"Only on the right: {', '.join(new)}; {hint} (repeat adds)")


def _expanded(side: Expression, spread: int) -> list[tuple[str | int, ...]]:
    """The groups with the axes that ``...`` stands for in its place, as negative numbers."""
    dots = tuple(range(-spread, 0))

    def flat(group: Group) -> tuple[str | int, ...]:
        found: list[str | int] = []
        for axis in group:
            found += dots if isinstance(axis, EllipsisType) else [_plain(axis)]
        return tuple(found)

    groups: list[tuple[str | int, ...]] = []
    for group in side.groups:
        groups += [(dot,) for dot in dots] if isinstance(group, EllipsisType) else [flat(group)]
    return groups


def _plain(axis: Axis) -> str | int:
    assert not isinstance(axis, EllipsisType)
    return axis

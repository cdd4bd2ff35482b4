"""Patterns as values: the text of one side → its groups of axes."""

import re
from dataclasses import dataclass
from types import EllipsisType

from .errors import EinopsError

Axis = str | int | EllipsisType
"""A named axis, an anonymous axis of more than one element, or all the axes that ``...`` stands for."""

Group = tuple[Axis, ...]
"""The axes that one axis of an array is made of; none of them: an axis of one element."""

_TOKEN = re.compile(r"[()]|[^ ()]+")


@dataclass(frozen=True, slots=True)
class Expression:
    """One side of a pattern: a group for each axis of the array, ``...`` outside of brackets by itself."""

    groups: tuple[Group | EllipsisType, ...]

    @property
    def axes(self) -> tuple[Axis, ...]:
        """All axes in order, without the brackets."""
        found: list[Axis] = []
        for group in self.groups:
            found += [group] if isinstance(group, EllipsisType) else group
        return tuple(found)

    @property
    def names(self) -> tuple[str, ...]:
        """The axes that have a name, in order."""
        return tuple(axis for axis in self.axes if isinstance(axis, str))

    @property
    def numbers(self) -> tuple[int, ...]:
        """The anonymous axes of more than one element, in order."""
        return tuple(axis for axis in self.axes if isinstance(axis, int))

    @property
    def nested(self) -> bool:
        """Whether ``...`` stands in brackets."""
        return any(not isinstance(group, EllipsisType) and ... in group for group in self.groups)

    def spread(self, ndim: int) -> int:
        """How many axes ``...`` stands for in an array of `ndim` axes.

        Raises: EinopsError if the array has too few or too many.
        """
        dots = ... in self.axes
        least = len(self.groups) - dots
        if ndim < least or (ndim > least and not dots):
            more = " or more" if dots else ""
            raise EinopsError(f"The pattern has {least} axes{more}, but the array has {ndim}")
        return ndim - least


def fault(name: str, *, underscore: bool = False) -> str | None:
    """What keeps `name` from being the name of an axis, if anything; ``_`` alone is one with `underscore`."""
    if name == "_" and underscore:
        return None
    if not name.isidentifier() or not all(c.isalnum() or c == "_" for c in name):
        return "a name is made of letters, digits and underscores, and begins with a letter"
    if name.startswith("_") or name.endswith("_"):
        return "a name neither begins nor ends with an underscore"
    return None


def parse(text: str, *, underscore: bool = False, repeats: bool = False) -> Expression:
    """One side of a pattern.

    With `underscore` an axis may be called ``_``, any number of times; with `repeats` any name may repeat.

    Raises: EinopsError if brackets, dots or names are not what they should be.
    """
    side = text.strip()
    groups: list[Group | EllipsisType] = []
    inside: list[Axis] | None = None
    for token in _TOKEN.findall(text):
        if token == "(":
            if inside is not None:
                raise EinopsError(f"Brackets within brackets in {side!r}: groups do not nest")
            inside = []
        elif token == ")":
            if inside is None:
                raise EinopsError(f"Closing bracket without an opening one in {side!r}")
            groups.append(tuple(inside))
            inside = None
        else:
            axis = _axis(token, underscore)
            axes = () if axis == 1 else (axis,)
            if inside is not None:
                inside.extend(axes)
            else:
                groups.append(axis if isinstance(axis, EllipsisType) else axes)
    if inside is not None:
        raise EinopsError(f"Opening bracket without a closing one in {side!r}")
    found = Expression(tuple(groups))
    if found.axes.count(...) > 1:
        raise EinopsError(f"More than one '...' in {side!r}")
    for name in found.names:
        if not repeats and name != "_" and found.names.count(name) > 1:
            raise EinopsError(f"Axis {name!r} stands twice in {side!r}")
    return found


def sides(pattern: str) -> tuple[str, str]:
    """The texts on the left and on the right of the arrow.

    Raises: EinopsError if there is not one arrow.
    """
    parts = pattern.split("->")
    if len(parts) != 2:
        raise EinopsError(f"The pattern has {len(parts) - 1} arrows, expected one: 'left -> right'")
    return parts[0], parts[1]


def _axis(token: str, underscore: bool) -> Axis:
    if token == "...":
        return ...
    if token.isdecimal():
        size = int(token)
        if size == 0:
            raise EinopsError("An anonymous axis of size 0: give it a name, and the size by the name")
        return size
    why = fault(token, underscore=underscore)
    if why is not None:
        raise EinopsError(f"Invalid axis identifier {token!r}: {why}")
    return token

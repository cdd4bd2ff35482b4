"""Shapes as patterns of one-letter axes: ``"b d l"``, ``"b (k p)"`` for a product, ``"1 d"`` for a unit."""

import re
from collections.abc import Mapping

from .errors import SpecError, unknown

_TOKEN = re.compile(r"\(([^()]*)\)|(\S+)")


def factors(pattern: str) -> list[list[str]]:
    """The axes of a pattern, each as the names and numbers that it multiplies."""
    axes = []
    for group, single in _TOKEN.findall(pattern):
        axes.append(group.split() if group else [single])
    return axes


def names(pattern: str) -> list[str]:
    """The axis names of a pattern, in order, each once."""
    found = [f for axis in factors(pattern) for f in axis if not f.isdigit()]
    return list(dict.fromkeys(found))


def shape_of(pattern: str, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape that a pattern has for given sizes.

    Raises: SpecError if an axis has no size.
    """
    shape = []
    for axis in factors(pattern):
        n = 1
        for factor in axis:
            if factor.isdigit():
                n *= int(factor)
            elif factor in sizes:
                n *= sizes[factor]
            else:
                raise SpecError(f"pattern {pattern!r}: " + unknown("axis", factor, sizes))
        shape.append(n)
    return tuple(shape)

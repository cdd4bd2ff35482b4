"""What functions without annotations are given, by the calls that are read; and which ones MLX calls.

A call is met while files are gone through, perhaps after the function that it calls. So what is found out in
one round is believed in the next, until a round finds out nothing new.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from .values import UNKNOWN, Array, Many, Value, is_array, join

MOST_ROUNDS = 4
"""A chain of calls that is longer is not followed to its end."""

Seen = Mapping[tuple[ast.AST, str], Value]


class Given:
    """What is known of parameters from outside their functions.

    Args:
        believed: what the round before found out.
        handed: the functions that it saw handed to MLX.
    """

    def __init__(self, believed: Seen | None = None, handed: frozenset[ast.AST] = frozenset()) -> None:
        self._believed = believed or {}
        self._handed_before = handed
        self._seen: dict[tuple[ast.AST, str], Value] = {}
        self._handed: set[ast.AST] = set()

    def saw(self, function: ast.AST, parameter: str, value: Value) -> None:
        """A call of `function` gives `parameter` a value."""
        key = function, parameter
        self._seen[key] = join(self._seen[key], value) if key in self._seen else value

    def hand(self, function: ast.AST) -> None:
        """MLX calls `function` with arrays: it is mapped, compiled or differentiated."""
        self._handed.add(function)

    def believed(self, function: ast.AST, parameter: str) -> Value:
        """What every call seen gives: an array, a sequence of arrays, or not known."""
        return self._believed.get((function, parameter), UNKNOWN)

    def is_handed(self, function: ast.AST) -> bool:
        """Whether MLX calls it."""
        return function in self._handed or function in self._handed_before

    def next(self) -> Given | None:
        """For the round to come; None if nothing is new."""
        found = {key: kept for key, value in self._seen.items() if (kept := _kept(value)) != UNKNOWN}
        handed = frozenset(self._handed)
        if found == self._believed and handed <= self._handed_before:
            return None
        return Given(found, handed | self._handed_before)


def _kept(value: Value) -> Value:
    if is_array(value):
        return Array()  # of a dtype, as it may be, in this call only
    return (
        Many(Array()) if isinstance(value, Many) and value.items != () and is_array(value.each) else UNKNOWN
    )

"""What functions without annotations are given, by the calls that are read; and which ones MLX calls.

A call is met while files are gone through, perhaps after the function that it calls. So what is found out in
one round is believed in the next, until a round finds out nothing new.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .values import UNKNOWN, Array, Many, Value, is_array, is_number, join

if TYPE_CHECKING:
    from .project import Module

MOST_ROUNDS = 4
"""A chain of calls that is longer is not followed to its end."""

Key = tuple[ast.AST, str]


class Given:
    """What is known of parameters from outside their functions."""

    def __init__(self) -> None:
        self._believed: dict[Key, Value] = {}
        self._handed: set[ast.AST] = set()
        self._seen: dict[Module, dict[Key, Value]] = {}
        self._newly_handed: set[ast.AST] = set()

    def saw(self, by: Module, function: ast.AST, parameter: str, value: Value) -> None:
        """A call of `function` in a file gives `parameter` a value."""
        seen, key = self._seen.setdefault(by, {}), (function, parameter)
        seen[key] = join(seen[key], value) if key in seen else value

    def hand(self, function: ast.AST) -> None:
        """MLX calls `function` with arrays: it is mapped, compiled or differentiated."""
        self._newly_handed.add(function)

    def believed(self, function: ast.AST, parameter: str) -> Value:
        """What every call seen gives: an array, a number, a sequence of arrays, or not known."""
        return self._believed.get((function, parameter), UNKNOWN)

    def is_handed(self, function: ast.AST) -> bool:
        """Whether MLX calls it."""
        return function in self._newly_handed or function in self._handed

    def forget(self, module: Module) -> None:
        """A file is gone through again: what its calls give is not known yet."""
        self._seen.pop(module, None)

    def settle(self) -> set[ast.AST]:
        """Believe what was seen; the functions of which something else was believed before."""
        seen: dict[Key, Value] = {}
        for of_file in self._seen.values():
            for key, value in of_file.items():
                seen[key] = join(seen[key], value) if key in seen else value
        found = {key: kept for key, value in seen.items() if (kept := _kept(value)) != UNKNOWN}
        before, self._believed = self._believed, found
        changed = {key[0] for key in before.keys() | found.keys() if before.get(key) != found.get(key)}
        changed |= self._newly_handed - self._handed
        self._handed |= self._newly_handed
        self._newly_handed = set()
        return changed


def _kept(value: Value) -> Value:
    if is_array(value):
        return Array()  # of a dtype, as it may be, in this call only
    if is_number(value):
        return join(value)
    return (
        Many(Array()) if isinstance(value, Many) and value.items != () and is_array(value.each) else UNKNOWN
    )

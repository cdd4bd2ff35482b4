"""What one file has been told of another, so that it is gone through again only where an answer changes.

Functions and classes are told apart by their place in the syntax tree: those of a file that has been gone
through again stand for those of before, and who still holds one of before is told what the newest says.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

if TYPE_CHECKING:
    from .project import Module

P = ParamSpec("P")
R = TypeVar("R")


class Definition:
    """A function or a class of the code that is read: the same as another one of the same place.

    Attributes:
        node: its place.
        module: its file.
    """

    node: ast.AST
    module: Module

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Definition) and self.node is other.node

    def __hash__(self) -> int:
        return hash(self.node)

    def born(self) -> None:
        """From now on it is the newest one of its place."""
        self.module.project.homes[self.node] = self.module
        self.module.project.newest[self.node] = self


D = TypeVar("D", bound=Definition)


def answers(method: Callable[Concatenate[D, P], R]) -> Callable[Concatenate[D, P], R]:
    """Of a definition's method: the newest one answers, and who is told what is written down."""

    def answer(self: D, /, *arguments: P.args, **named: P.kwargs) -> R:
        project = self.module.project
        newest: Any = project.newest.get(self.node, self)
        found = method(newest, *arguments, **named)
        by = project.reading
        if by is not None and by is not newest.module:
            by.told[self.node, method.__name__, arguments] = found
        return found

    update_wrapper(answer, method)
    return answer

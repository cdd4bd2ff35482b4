"""Going through syntax trees by statements, of which there are far fewer than of expressions."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_BODIES = ("body", "orelse", "finalbody")


def statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Every statement, also of functions, classes and branches within."""
    for statement in body:
        yield statement
        for name in _BODIES:
            yield from statements(getattr(statement, name, ()))
        if isinstance(statement, ast.Try | ast.TryStar):
            for handler in statement.handlers:
                yield from statements(handler.body)
        elif isinstance(statement, ast.Match):
            for case in statement.cases:
                yield from statements(case.body)


def targets(statement: ast.stmt) -> Iterator[ast.expr]:
    """What a statement binds."""
    if isinstance(statement, ast.Assign):
        yield from statement.targets
    elif isinstance(statement, ast.AugAssign | ast.AnnAssign | ast.For | ast.AsyncFor):
        yield statement.target
    elif isinstance(statement, ast.With | ast.AsyncWith):
        yield from (item.optional_vars for item in statement.items if item.optional_vars is not None)


def cast_later(name: str, following: Iterable[ast.stmt]) -> ast.Call | None:
    """A call ``name.astype(...)`` after the statement that binds `name`, before it is bound anew."""
    for statement in statements(following):
        parts = [
            part for part in ast.iter_child_nodes(statement) if isinstance(part, ast.expr | ast.withitem)
        ]
        nodes = [node for part in parts for node in ast.walk(part)]
        for node in nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                of = node.func.value
                if node.func.attr == "astype" and isinstance(of, ast.Name) and of.id == name:
                    return node
        if any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in nodes):
            return None
    return None

"""What follows from a test for the names in it: ``isinstance``, ``is None``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .project import resolved
from .pythons import instance_of
from .values import UNKNOWN, Either, Nothing, join, options

if TYPE_CHECKING:
    from .expressions import Expressions


def narrow(ev: Expressions, test: ast.expr, holds: bool) -> None:
    """Take a test for true, or for false."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        narrow(ev, test.operand, not holds)
    elif isinstance(test, ast.BoolOp):
        if isinstance(test.op, ast.And) == holds:
            for part in test.values:
                narrow(ev, part, holds)
    elif isinstance(test, ast.Compare) and len(test.ops) == 1:
        _by_none(ev, test, holds)
    elif isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and len(test.args) == 2:
        name = test.args[0]
        if test.func.id == "isinstance" and isinstance(name, ast.Name):
            _by_type(ev, name.id, test.args[1], holds)


def _by_none(ev: Expressions, test: ast.Compare, holds: bool) -> None:
    right = test.comparators[0]
    if not (isinstance(test.left, ast.Name) and isinstance(right, ast.Constant) and right.value is None):
        return
    if isinstance(test.ops[0], ast.Is) == holds and isinstance(test.ops[0], ast.Is | ast.IsNot):
        ev.scope.narrow(test.left.id, Nothing())


def _by_type(ev: Expressions, name: str, kinds: ast.expr, holds: bool) -> None:
    nodes = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
    if isinstance(kinds, ast.BinOp):
        nodes = [kinds.left, kinds.right]
    stated = join(*(instance_of(ev.quietly(n)) for n in nodes))
    known = resolved(ev.scope.get(name))
    if holds:
        same = [o for o in options(known) if type(o) is type(stated)]
        ev.scope.narrow(name, join(*same) if same and stated != UNKNOWN else stated)
    elif stated != UNKNOWN and isinstance(known, Either):
        gone = {type(o) for o in options(stated)}
        ev.scope.narrow(name, join(*(o for o in known.options if type(o) not in gone)))

"""What operators, indices and slices give where no array is asked to give it."""

from __future__ import annotations

import ast

from .values import (
    UNKNOWN,
    Array,
    Many,
    Method,
    Number,
    Table,
    Text,
    Value,
    is_array,
    is_number,
    join,
    options,
    widest,
)


def operates(left: Value, right: Value) -> bool:
    """Whether an operator between two values is one of an array."""
    if is_array(left):
        return not isinstance(right, Text)
    return is_array(right) and not isinstance(left, Text | Many)


def python(op: ast.operator, left: Value, right: Value) -> Value:
    """What an operator gives without an array."""
    if is_number(left) and is_number(right):
        kinds = [n.kind for v in (left, right) for n in options(v) if isinstance(n, Number)]
        if isinstance(op, ast.Div):
            return Number("complex" if "complex" in kinds else "float")
        found = widest(kinds)
        if isinstance(op, ast.BitAnd | ast.BitOr | ast.BitXor):
            return Number(found)
        if isinstance(op, ast.Pow) and found == "int":
            return Number()  # 2 ** -1 is a float
        return Number("int" if found == "bool" else found)
    if isinstance(left, Text):
        return Text()
    if isinstance(op, ast.Add) and isinstance(left, Many) and isinstance(right, Many):
        if left.items is not None and right.items is not None:
            return Many.of((*left.items, *right.items))
        full = [m for m in (left, right) if m.items != ()]
        return Many(join(*(m.each for m in full)))
    if isinstance(op, ast.Mult):
        sequence, times = (left, right) if isinstance(left, Many) else (right, left)
        if isinstance(sequence, Many) and is_number(times):
            return Many(sequence.each)
    if isinstance(op, ast.BitOr) and isinstance(left, Table) and isinstance(right, Table):
        return Table(join(left.each, right.each), {**left.items, **right.items})
    return UNKNOWN


def item(base: Value, node: ast.expr, index: Value) -> Value:
    """``base[index]``."""
    if isinstance(base, Array):
        # With a string for an index it is no array, whatever was thought.
        return UNKNOWN if isinstance(index, Text) else base
    if isinstance(base, Many):
        if isinstance(node, ast.Slice):
            return _sliced(base, node)
        position = _constant(node)
        if base.items is not None and position is not None and -len(base.items) <= position < len(base.items):
            return base.items[position]
        return base.each
    if isinstance(base, Table):
        key = node.value if isinstance(node, ast.Constant) else None
        return base.items.get(key, base.each) if isinstance(key, str) else base.each
    if isinstance(base, Text):
        return Text()
    return base if isinstance(base, Method) and base.name == "at" else UNKNOWN


def _sliced(base: Many, node: ast.Slice) -> Value:
    bounds = [_constant(b) if b is not None else None for b in (node.lower, node.upper, node.step)]
    given = (node.lower, node.upper, node.step)
    if base.items is None or any(b is not None and c is None for b, c in zip(given, bounds, strict=True)):
        return Many(base.each)
    return Many.of(base.items[slice(*bounds)])


def _constant(node: ast.expr) -> int | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _constant(node.operand)
        return None if inner is None else -inner
    return None

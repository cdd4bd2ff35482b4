"""What an annotation says of a value."""

from __future__ import annotations

import ast
from collections.abc import Callable

from .values import (
    UNKNOWN,
    Array,
    Class,
    Dtype,
    Instance,
    Layer,
    Many,
    Name,
    Nothing,
    Number,
    Returns,
    Table,
    Text,
    Value,
    join,
)
from .vocabulary import NN_LAYERS

Resolve = Callable[[ast.expr], Value]

_NUMBERS = ("int", "float", "bool", "complex")
_SEQUENCES = frozenset(
    "list List Sequence MutableSequence Iterable Iterator Collection Generator set Set frozenset FrozenSet "
    "deque Deque AbstractSet".split()
)
_TABLES = frozenset("dict Dict Mapping MutableMapping OrderedDict defaultdict DefaultDict".split())
_WRAPPERS = frozenset("Final ClassVar Required NotRequired ReadOnly InitVar".split())
_JAXTYPING = frozenset("Float Int UInt Bool Complex Shaped Inexact Num Real Integer Key".split())


def declared(node: ast.expr | None, resolve: Resolve) -> Value:
    """What a value annotated by `node` is; `resolve` evaluates names without reporting."""
    if node is None:
        return UNKNOWN
    if isinstance(node, ast.Constant):
        if node.value is None:
            return Nothing()
        if isinstance(node.value, str):
            try:
                return declared(ast.parse(node.value.strip(), mode="eval").body, resolve)
            except (SyntaxError, ValueError):
                return UNKNOWN
        return UNKNOWN
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return join(declared(node.left, resolve), declared(node.right, resolve))
    if isinstance(node, ast.Subscript):
        return _subscripted(node, resolve)
    if isinstance(node, ast.Name | ast.Attribute):
        return _named(node, resolve)
    return UNKNOWN


def _named(node: ast.Name | ast.Attribute, resolve: Resolve) -> Value:
    found = resolve(node)
    if isinstance(found, Class):
        return Instance(found.info)
    if isinstance(found, Name):
        package, _, last = found.dotted.rpartition(".")
        if found.dotted == "mlx.core.array":
            return Array()
        if found.dotted == "mlx.core.Dtype":
            return Dtype()
        if package.startswith("mlx.nn") and last in NN_LAYERS:
            return Layer(last)
        if package == "builtins" and last in _NUMBERS:
            return Number(last)
        if found.dotted == "builtins.str":
            return Text()
        if last in _SEQUENCES or last in ("tuple", "Tuple"):
            return Many()
        if last in _TABLES:
            return Table()
    return UNKNOWN


def _subscripted(node: ast.Subscript, resolve: Resolve) -> Value:
    last = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
    inner = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    if last in ("Optional", *_WRAPPERS):
        return declared(inner[0], resolve)
    if last == "Union":
        return join(*(declared(i, resolve) for i in inner))
    if last == "Annotated" or (last in _JAXTYPING and len(inner) > 1):
        return declared(inner[0], resolve)
    if last in ("tuple", "Tuple"):
        if len(inner) == 2 and isinstance(inner[1], ast.Constant) and inner[1].value is Ellipsis:
            return Many(declared(inner[0], resolve))
        return Many.of(declared(i, resolve) for i in inner)
    if last in _SEQUENCES:
        return Many(declared(inner[0], resolve))
    if last in _TABLES:
        return Table(declared(inner[-1], resolve))
    if last == "Callable" and len(inner) == 2:
        return Returns(declared(inner[1], resolve))
    if last == "Literal":
        kinds = [type(i.value) for i in inner if isinstance(i, ast.Constant)]
        if kinds and all(k is str for k in kinds):
            return Text()
        if kinds and all(k in (int, bool) for k in kinds):
            return Number("int")
    return UNKNOWN

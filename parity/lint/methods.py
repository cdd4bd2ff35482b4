"""What a method gives of an array, a sequence, a mapping or a string."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from . import judge, vocabulary
from .values import (
    UNKNOWN,
    Array,
    Dtype,
    Either,
    Many,
    Method,
    Number,
    Table,
    Text,
    Value,
    element,
    join,
)

if TYPE_CHECKING:
    from .calls import Arguments
    from .expressions import Expressions


def method(ev: Expressions, node: ast.Call, called: Method, arguments: Arguments) -> Value:
    """What ``called.of.name(...)`` gives."""
    of = called.of
    if isinstance(of, Array):
        return _of_array(ev, node, of, called.name, arguments)
    if isinstance(of, Many):
        return _of_sequence(ev, node, of, called.name, arguments)
    if isinstance(of, Table):
        return _of_table(ev, node, of, called.name, arguments)
    if isinstance(of, Text):
        if called.name == "format":
            for part, value in zip(node.args, arguments.positional, strict=False):
                ev.shown(part, value)
        return _of_text(called.name)
    if isinstance(of, Method) and of.name == "at":
        return of.of  # x.at[i].add(y)
    return UNKNOWN


def _of_array(ev: Expressions, node: ast.Call, array: Array, name: str, arguments: Arguments) -> Value:
    if name in ("item", "tolist"):
        judge.read(ev, node, name)
        read = Number(_KINDS.get(array.dtype.rstrip("0123456789_"), ""))
        return read if name == "item" else Either((read, Many()))
    if name.startswith("__") and name.strip("_") in judge.OPERATORS:
        judge.builtin(ev, node, name)
        return Array()
    if name == "__array__":
        judge.to_numpy_by_protocol(ev, node)
        return UNKNOWN
    if name == "split":
        judge.keywords(ev, node, ".split")
        return Many(array)
    if name not in vocabulary.METHODS:
        return UNKNOWN
    judge.keywords(ev, node, f".{name}")
    if name == "view":
        judge.view(ev, node, arguments)
    if name == "transpose":
        judge.transpose(ev, node)
    if name in ("astype", "view"):
        dtype = arguments.get(0, "dtype")
        return Array(dtype.name if isinstance(dtype, Dtype) else "")
    return Array(vocabulary.result_dtype(name, array.dtype, []))


_KINDS = {
    "bool": "bool",
    "int": "int",
    "uint": "int",
    "float": "float",
    "bfloat": "float",
    "complex": "complex",
}


def _of_sequence(ev: Expressions, node: ast.Call, sequence: Many, name: str, arguments: Arguments) -> Value:
    first = arguments.get(0)
    if name in ("append", "add", "appendleft", "insert", "extend") and arguments.positional:
        added = element(arguments.positional[-1]) if name == "extend" else arguments.positional[-1]
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if isinstance(owner, ast.Name):
            each = added if sequence.items == () else join(sequence.each, added)
            ev.scope.set(owner.id, Many(each))
        return UNKNOWN
    if name in ("pop", "popleft"):
        last = sequence.items[-1] if sequence.items and first is None else sequence.each
        return last if name == "pop" else sequence.each
    if name in ("index", "count", "__len__"):
        return Number("int")
    return sequence if name == "copy" else UNKNOWN


def _of_table(ev: Expressions, node: ast.Call, table: Table, name: str, arguments: Arguments) -> Value:
    if name in ("get", "pop", "setdefault"):
        key = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        found = table.items.get(key, table.each) if isinstance(key, str) else table.each
        default = arguments.get(1)
        return found if default is None else join(found, default)
    if name == "items":
        return Many(Many.of((Text(), table.each)))
    if name == "values":
        return Many(table.each)
    if name == "keys":
        return Many(Text())
    return table if name == "copy" else UNKNOWN


def _of_text(name: str) -> Value:
    if name in ("split", "splitlines", "rsplit", "partition", "rpartition"):
        return Many(Text())
    if name in ("find", "rfind", "index", "count"):
        return Number("int")
    if name.startswith(("is", "starts", "ends")):
        return Number("bool")
    return UNKNOWN if name == "encode" else Text()

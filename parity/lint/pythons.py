"""What Python's own functions give, and what its types say of a value."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from . import calling, judge, vocabulary
from .attributes import attribute
from .project import resolved
from .values import (
    UNKNOWN,
    Array,
    Class,
    Dtype,
    Either,
    Instance,
    Layer,
    Many,
    Name,
    Nothing,
    Number,
    Table,
    Text,
    Value,
    contains_array,
    element,
    is_array,
    is_number,
    join,
)

if TYPE_CHECKING:
    from .calls import Arguments
    from .expressions import Expressions

_RESULTS: dict[str, Value] = {
    **dict.fromkeys("len id hash ord".split(), Number("int")),
    **dict.fromkeys("isinstance issubclass hasattr callable".split(), Number("bool")),
    **dict.fromkeys("str repr format chr hex bin ascii input".split(), Text()),
    "print": Nothing(),
    "range": Many(Number("int")),
}
_SHOWING = frozenset("str repr ascii format print bytes".split())
_COPIES = frozenset("list tuple sorted reversed iter set frozenset".split())


def builtin(ev: Expressions, node: ast.Call, name: str, arguments: Arguments) -> Value:
    """A function of Python's own."""
    first = arguments.get(0) or UNKNOWN
    if name == "super" and not node.args:
        return ev.above()
    if name in ("float", "int", "bool", "complex"):
        if is_array(first):
            judge.number(ev, node, name)
        return Number(name)
    if name == "memoryview" and is_array(first):
        judge.shown(ev, node)
    if name in _SHOWING:
        for part, value in zip(node.args, arguments.positional, strict=False):
            ev.shown(part, value)
    if name == "range" and any(is_array(v) for v in arguments.positional):
        judge.index(ev, node)
    if name in _RESULTS:
        return _RESULTS[name]
    if name in ("any", "all"):
        if contains_array(first):
            judge.truth(ev, node.args[0])
        return Number("bool")
    if name in judge.BUILTINS:
        return _folded(ev, node, name, arguments)
    if name in _COPIES:
        known = first.items if isinstance(first, Many) and name in ("list", "tuple") else None
        return Many(element(first), known)
    if name == "enumerate":
        return Many(Many.of((Number("int"), element(first))))
    if name == "zip":
        return Many() if arguments.open else Many(Many.of(element(v) for v in arguments.positional))
    if name in ("next", "map", "filter"):
        from . import calls

        if name != "next":
            calling.each(ev.module, first, [element(v) for v in arguments.positional[1:]])
        found = calls.result_of(first, ev, node) if name == "map" else element(arguments.get(1) or first)
        return found if name == "next" else Many(found)
    if name == "dict":
        pairs = first.each if isinstance(first, Many) else UNKNOWN
        inner = (
            pairs.items[1] if isinstance(pairs, Many) and pairs.items and len(pairs.items) == 2 else UNKNOWN
        )
        if isinstance(first, Table):
            return Table(first.each, {**first.items, **arguments.keywords})
        return Table(inner if node.args else join(*arguments.keywords.values()), arguments.keywords)
    if name == "getattr" and len(node.args) >= 2 and isinstance(node.args[1], ast.Constant):
        found = attribute(first, str(node.args[1].value)) if not isinstance(first, Either) else UNKNOWN
        return join(resolved(found), *(arguments.positional[2:3]))
    return UNKNOWN


def _folded(ev: Expressions, node: ast.Call, name: str, arguments: Arguments) -> Value:
    """``abs``, ``sum``, ``max``, ..."""
    values = [v for v in arguments.positional if not isinstance(v, Nothing)]
    if any(contains_array(v) for v in values):
        judge.builtin(ev, node, name)
        return Array()
    if name in ("max", "min") and len(values) > 1:
        return join(*values)
    inner = [element(v) if isinstance(v, Many) else v for v in values]
    if not inner or not all(is_number(v) for v in inner):
        return UNKNOWN
    found = join(*inner)
    return Many(found) if name == "divmod" else Number() if name in ("pow", "round") else found


def instance_of(kind: Value) -> Value:
    """What ``isinstance(x, kind)`` says that x is."""
    if isinstance(kind, Class):
        return Instance(kind.info)
    if not isinstance(kind, Name):
        return UNKNOWN
    known: dict[str, Value] = {
        "mlx.core.array": Array(),
        "mlx.core.Dtype": Dtype(),
        "builtins.str": Text(),
        "builtins.list": Many(),
        "builtins.tuple": Many(),
        "builtins.dict": Table(),
        **{f"builtins.{k}": Number(k) for k in ("int", "float", "bool", "complex")},
    }
    package, _, last = kind.dotted.rpartition(".")
    if package.startswith("mlx.nn") and last in vocabulary.NN_LAYERS:
        return Layer(last)
    return known.get(kind.dotted, UNKNOWN)

"""What a call gives, by what is called; the rules about calls are asked on the way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import calling, derivatives, judge, pythons, torch_words, vocabulary
from .annotations import declared
from .attributes import attribute
from .methods import method
from .project import resolved
from .values import (
    UNKNOWN,
    Array,
    Class,
    Dtype,
    Either,
    Function,
    Instance,
    Layer,
    Many,
    Method,
    Name,
    Nothing,
    Number,
    Returns,
    Table,
    Value,
    dtype_of,
    element,
    is_array,
    is_number,
    join,
    options,
)

if TYPE_CHECKING:
    from .expressions import Expressions


_NO_TENSORS = frozenset(
    "allclose backward chunk dim element_size is_contiguous is_floating_point ndimension numel numpy "
    "split_with_sizes type unbind".split()
)
"""Leftovers whose result is not one array; of the others every link of a chain is looked at."""


_RESHAPING = frozenset("reshape transpose swapaxes moveaxis astype squeeze".split())


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call.

    Attributes:
        positional: their values, up to the first that may be several.
        keywords: those given by name.
        open: whether there may be more: ``*args`` of unknown length, ``**kwargs``.
        node: the call.
        dtype_at: where the function has its dtype, if by position.
    """

    positional: tuple[Value, ...]
    keywords: dict[str, Value]
    open: bool
    node: ast.Call
    dtype_at: int = -1

    @property
    def all(self) -> tuple[Value, ...]:
        """Every value."""
        return (*self.positional, *self.keywords.values())

    def get(self, position: int, keyword: str = "") -> Value | None:
        """An argument by position or name; None if it is not given."""
        if position < len(self.positional):
            return self.positional[position]
        return self.keywords.get(keyword)

    @property
    def dtype(self) -> Value | None:
        """What says the dtype, if something does."""
        if "dtype" in self.keywords:
            return self.keywords["dtype"]
        found = [v for v in self.positional if judge.is_dtype(v)]
        if found:
            return found[0]
        return self.positional[self.dtype_at] if 0 <= self.dtype_at < len(self.positional) else None

    def nodes(self, positions: tuple[int, ...]) -> Iterator[tuple[ast.expr, Value]]:
        """The expressions and values at some positions, by name too."""
        for position, (node, value) in enumerate(zip(self.node.args, self.positional, strict=False)):
            if isinstance(node, ast.Starred):
                return
            if position in positions:
                yield node, value
        for keyword in self.node.keywords:
            if vocabulary.KEYWORDS.get(keyword.arg or "") in positions:
                yield keyword.value, self.keywords[keyword.arg or ""]


def call(ev: Expressions, node: ast.Call) -> Value:
    """What ``node`` gives."""
    base: Value = UNKNOWN
    if isinstance(node.func, ast.Attribute):
        base = ev.value(node.func.value)
        judge.leftover_attribute(ev, node.func, base)
        judge.leftover_call(ev, node, node.func, base)
        callee = resolved(join(*(attribute(o, node.func.attr) for o in options(base))))
    else:
        callee = ev.value(node.func)
    arguments = _arguments(ev, node)
    if isinstance(node.func, ast.Attribute) and node.func.attr in derivatives.RULES:
        calling.rule(ev.module, node.func.attr, base, arguments.get(0))
    if not ev.is_silent:
        calling.record(ev.module, callee, arguments, by_class=isinstance(base, Class))
    if isinstance(callee, Either):  # which of them it is, is not known: nothing is reported
        return join(*(_quiet(ev, node, o, arguments) for o in callee.options))
    found = _called(ev, node, callee, arguments)
    if found == UNKNOWN and isinstance(callee, Method) and is_array(callee.of):
        return Array() if callee.name in torch_words.METHODS.keys() - _NO_TENSORS else found
    if found == base == UNKNOWN and isinstance(node.func, ast.Attribute) and node.func.attr in _RESHAPING:
        # Nothing else has such a method, where no package with other arrays is about.
        if not tells(ev, node):
            return found
        if isinstance(node.func.value, ast.BinOp):
            ev.is_of_array(node.func.value)
        return Array()
    return found


def tells(ev: Expressions, node: ast.Call) -> bool:
    """Whether a call of a method that reshapes or casts tells that it is one of an array of MLX."""
    assert isinstance(node.func, ast.Attribute)
    if node.func.attr == "astype" and node.args and isinstance(ev.quietly(node.args[0]), Dtype):
        return True
    return ev.module.is_mlx and not ev.module.has_other_arrays


def _quiet(ev: Expressions, node: ast.Call, callee: Value, arguments: Arguments) -> Value:
    with ev.silence():
        return _called(ev, node, callee, arguments)


def _arguments(ev: Expressions, node: ast.Call) -> Arguments:
    positional: list[Value] = []
    keywords: dict[str, Value] = {}
    is_open = False
    for argument in node.args:
        value = ev.value(argument)
        if not isinstance(argument, ast.Starred):
            positional += [] if is_open else [value]
        elif isinstance(value, Many) and value.items is not None and not is_open:
            positional += value.items
        else:
            is_open = True
    for keyword in node.keywords:
        value = ev.value(keyword.value)
        if keyword.arg is None:
            is_open = True
        else:
            keywords[keyword.arg] = value
    return Arguments(tuple(positional), keywords, is_open, node)


def _called(ev: Expressions, node: ast.Call, callee: Value, arguments: Arguments) -> Value:
    if isinstance(callee, Name):
        return _named(ev, node, callee.dotted, arguments)
    if isinstance(callee, Method):
        return method(ev, node, callee, arguments)
    if isinstance(callee, Function):
        return callee.info.result
    if isinstance(callee, Class):
        return Instance(callee.info)
    if isinstance(callee, Instance):
        return callee.info.called()
    if isinstance(callee, Layer):
        known = callee.gives != UNKNOWN
        return callee.gives if known else vocabulary.layer_result(callee.name, list(arguments.positional))
    return callee.result if isinstance(callee, Returns) else UNKNOWN


def result_of(function: Value | None, ev: Expressions, node: ast.Call) -> Value:
    """What a function that is handed to another gives."""
    if function is None:
        return UNKNOWN
    return _quiet(ev, node, function, Arguments((), {}, True, node))


def _named(ev: Expressions, node: ast.Call, dotted: str, arguments: Arguments) -> Value:
    package, _, last = dotted.rpartition(".")
    if dotted.startswith("mlx.core."):
        return _core(ev, node, dotted.removeprefix("mlx.core."), arguments)
    if dotted.startswith("mlx.nn"):
        return _nn(ev, node, dotted, arguments)
    if package == "mlx.utils":
        if last.startswith("tree_map") and "is_leaf" not in arguments.keywords:
            calling.leaves(ev.module, arguments.get(0), with_path=last == "tree_map_with_path")
        return vocabulary.utils_result(last)
    if package == "builtins" and last != "__import__":
        return pythons.builtin(ev, node, last, arguments)
    first = arguments.get(0)
    if package == "operator" and last.strip("_") in judge.OPERATORS:
        if any(is_array(v) for v in arguments.positional):
            judge.builtin(ev, node, last)
            return Array()
        return UNKNOWN
    if dotted == "functools.reduce":
        each = element(arguments.get(1) or UNKNOWN)
        calling.each(ev.module, first or UNKNOWN, [each, each])
        return result_of(first, ev, node)
    if package in ("math", "cmath"):
        if any(is_array(v) for v in arguments.positional):
            judge.number(ev, node, dotted)
        return Number({"ceil": "int", "floor": "int"}.get(last, "" if last == "prod" else "float"))
    if dotted.partition(".")[0] == "numpy":
        judge.to_numpy(ev, node, dotted, arguments)
        return UNKNOWN
    if dotted in ("copy.copy", "copy.deepcopy", "dataclasses.replace"):
        return first or UNKNOWN
    if dotted == "functools.partial":
        return Returns(result_of(first, ev, node))
    if dotted == "typing.cast" and node.args:
        return declared(node.args[0], ev.quietly)
    if dotted in ("importlib.import_module", "builtins.__import__"):
        return _imported(ev, node)
    return UNKNOWN


def _imported(ev: Expressions, node: ast.Call) -> Value:
    name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
    if isinstance(name, str):
        judge.imported(ev, node, name)
        return Name(name)
    return UNKNOWN


# -- mlx ------------------------------------------------------------------------------------------------


def _core(ev: Expressions, node: ast.Call, name: str, arguments: Arguments) -> Value:
    """A function of mlx.core."""
    function = arguments.get(0, "fun")
    if f"mlx.core.{name}" in vocabulary.HANDED:
        calling.hand(ev.module, function)
    if name in vocabulary.TRANSPARENT:
        return function or UNKNOWN
    if name == "grad":
        return Returns(calling.gradient(function, node))
    if name == "value_and_grad":
        return Returns(Many.of((_loss(function, ev, node), calling.gradient(function, node))))
    if name == "load":
        path = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
        return Table(Array()) if str(path).endswith((".safetensors", ".npz", ".gguf")) else UNKNOWN
    if name not in vocabulary.ARRAYS and name not in vocabulary.OTHERS:
        return UNKNOWN
    judge.keywords(ev, node, f"{ev.module.mx}.{name}")
    operands = list(arguments.nodes(vocabulary.OPERANDS.get(name, ())))
    for operand, value in operands:
        if is_number(value):
            others = [o for o, v in operands if o is not operand and is_array(v)]
            if name == "clip" and node.args:
                others = [node.args[0]]
            judge.scalar(ev, operand, name, others)
    promoting = [v for _, v in arguments.nodes(vocabulary.PROMOTING.get(name, ()))]
    if vocabulary.ARRAYS.get(name) == "list":
        first = arguments.get(0, "arrays")
        if isinstance(first, Many):
            promoting = list(first.items if first.items is not None else (first.each,))
    judge.mixed(ev, node, f"{ev.module.mx}.{name}", promoting)
    if name in vocabulary.CREATIONS:
        arguments = Arguments(
            arguments.positional, arguments.keywords, arguments.open, node, vocabulary.CREATIONS[name]
        )
        judge.creation(ev, node, name, arguments)
    return _result(name, arguments, promoting)


def _loss(function: Value | None, ev: Expressions, node: ast.Call) -> Value:
    """What a function that is differentiated gives: an array, or several things if it is known to."""
    found = result_of(function, ev, node)
    return Array() if found == UNKNOWN else found


def _result(name: str, arguments: Arguments, promoting: list[Value]) -> Value:
    if name in vocabulary.OTHERS:
        return vocabulary.OTHERS[name]
    dtype = arguments.dtype
    if isinstance(dtype, Dtype):
        return Array(dtype.name)
    first = arguments.get(0)
    if name in vocabulary.CREATIONS:
        if dtype is not None and not isinstance(dtype, Nothing):
            return Array()
        if name == "full":
            return Array(dtype_of(arguments.get(1, "vals") or UNKNOWN))
        return Array(vocabulary.default_dtype(name, first or UNKNOWN))
    if name in ("astype", "view") or dtype is not None:
        return Array()
    names = [dtype_of(v) for v in promoting if not is_number(v)]
    return Array(vocabulary.result_dtype(name, dtype_of(first or UNKNOWN), names))


def _nn(ev: Expressions, node: ast.Call, dotted: str, arguments: Arguments) -> Value:
    package, _, last = dotted.rpartition(".")
    if last == "Sequential" and arguments.positional and not arguments.open:
        end = arguments.positional[-1]
        return Layer(last, vocabulary.layer_result(end.name, []) if isinstance(end, Layer) else UNKNOWN)
    if last in vocabulary.NN_LAYERS:
        return Layer(last)
    if last == "value_and_grad":
        calling.hand(ev.module, arguments.get(1, "fn"))
        return Returns(Many.of((_loss(arguments.get(1, "fn"), ev, node), UNKNOWN)))
    if last in vocabulary.NN_FUNCTIONS or (package.endswith("losses") and last in vocabulary.NN_LOSSES):
        judge.keywords(ev, node, f"nn.{last}")
        return Array()
    return UNKNOWN


def assign_attribute(ev: Expressions, target: ast.Attribute, value: Value) -> None:
    """``object.name = value``."""
    base = ev.value(target.value)
    if isinstance(base, Instance):
        base.info.assign(target.attr, value, ev.module)

"""What a call tells of the parameters of the function that it calls, or hands to another."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .given import Given
from .values import UNKNOWN, Array, Class, Function, Instance, Returns, Value, is_array, options

if TYPE_CHECKING:
    from .calls import Arguments
    from .definitions import FunctionInfo


def record(given: Given, callee: Value, arguments: Arguments, *, by_class: bool) -> None:
    """A call; `by_class` if a method is called as ``Layer.method(layer, x)``."""
    for option in options(callee):
        if isinstance(option, Instance):
            found = option.info.attribute("__call__")
            if isinstance(found, Function):
                _give(given, found.info, arguments, skipped=found.info.is_bound)
        elif isinstance(option, Class):
            found = option.info.attribute("__init__")
            if isinstance(found, Function):
                _give(given, found.info, arguments, skipped=True)
        elif isinstance(option, Function):
            info = option.info
            _give(given, info, arguments, skipped=info.is_bound and (not by_class or info.is_of_class))
        elif isinstance(option, Returns) and option.of is not None:
            each(given, option, arguments.positional)


def _give(given: Given, info: FunctionInfo, arguments: Arguments, *, skipped: bool) -> None:
    names = info.names[skipped:]
    if info.is_annotated:
        return
    for name, value in zip(names, arguments.positional, strict=False):
        given.saw(info.node, name, value)
    for name, value in arguments.keywords.items():
        given.saw(info.node, name, value)


def each(given: Given, function: Value, values: Sequence[Value]) -> None:
    """A function, perhaps a lambda, is called with `values`."""
    if isinstance(function, Returns) and function.of is not None:
        node: ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef = function.of
    elif isinstance(function, Function):
        node = function.info.node
    else:
        return
    for parameter, value in zip([*node.args.posonlyargs, *node.args.args], values, strict=False):
        if parameter.annotation is None:
            given.saw(node, parameter.arg, value)


def hand(given: Given, function: Value | None) -> None:
    """A function is handed to MLX, which calls it with arrays."""
    if isinstance(function, Returns) and function.of is not None:
        given.hand(function.of)
    elif isinstance(function, Function):
        given.hand(function.info.node)


def leaves(given: Given, function: Value | None, *, with_path: bool) -> None:
    """A function is called with the arrays of a tree, behind their path if there is one."""
    if with_path and function is not None:
        each(given, function, [UNKNOWN, Array()])
    else:
        hand(given, function)


def gradient(function: Value | None, node: ast.Call) -> Value:
    """What the gradient of a function is: an array, if it is by the first parameter and that is one."""
    takes: tuple[Value, ...] = ()
    if isinstance(function, Function):
        takes = function.info.takes
    elif isinstance(function, Returns):
        takes = function.takes
    alone = len(node.args) == 1 and not node.keywords
    return Array() if alone and takes and is_array(takes[0]) else UNKNOWN

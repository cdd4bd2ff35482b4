"""What a call tells of the parameters of the function that it calls, or hands to another."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .derivatives import handed
from .values import UNKNOWN, Array, Class, Function, Instance, Returns, Value, is_array, options

if TYPE_CHECKING:
    from .calls import Arguments
    from .definitions import FunctionInfo
    from .project import Module


def record(module: Module, callee: Value, arguments: Arguments, *, by_class: bool) -> None:
    """A call in a file; `by_class` if a method is called as ``Layer.method(layer, x)``."""
    for option in options(callee):
        if isinstance(option, Instance):
            found = option.info.attribute("__call__")
            if isinstance(found, Function):
                _give(module, found.info, arguments, skipped=found.info.is_bound)
        elif isinstance(option, Class):
            found = option.info.attribute("__init__")
            if isinstance(found, Function):
                _give(module, found.info, arguments, skipped=True)
        elif isinstance(option, Function):
            info = option.info
            _give(module, info, arguments, skipped=info.is_bound and (not by_class or info.is_of_class))
        elif isinstance(option, Returns) and option.of is not None:
            each(module, option, arguments.positional)


def _give(module: Module, info: FunctionInfo, arguments: Arguments, *, skipped: bool) -> None:
    names = info.names[skipped:]
    if info.is_annotated:
        return
    for name, value in zip(names, arguments.positional, strict=False):
        module.project.given.saw(module, info.node, name, value)
    for name, value in arguments.keywords.items():
        module.project.given.saw(module, info.node, name, value)


def each(module: Module, function: Value, values: Sequence[Value]) -> None:
    """A function, perhaps a lambda, is called with `values`."""
    if isinstance(function, Returns) and function.of is not None:
        node: ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef = function.of
    elif isinstance(function, Function):
        node = function.info.node
    else:
        return
    for parameter, value in zip([*node.args.posonlyargs, *node.args.args], values, strict=False):
        if parameter.annotation is None:
            module.project.given.saw(module, node, parameter.arg, value)


def rule(module: Module, name: str, function: Value, rule: Value | None) -> None:
    """``function.vjp(rule)``: MLX calls the rule."""
    if isinstance(function, Function | Returns) and rule is not None:
        each(module, rule, handed(name, function))


def hand(module: Module, function: Value | None) -> None:
    """A function is handed to MLX, which calls it with arrays."""
    if isinstance(function, Returns) and function.of is not None:
        module.project.given.hand(function.of)
    elif isinstance(function, Function):
        module.project.given.hand(function.info.node)


def leaves(module: Module, function: Value | None, *, with_path: bool) -> None:
    """A function is called with the arrays of a tree, behind their path if there is one."""
    if with_path and function is not None:
        each(module, function, [UNKNOWN, Array()])
    else:
        hand(module, function)


def gradient(function: Value | None, node: ast.Call) -> Value:
    """What the gradient of a function is: an array, if it is by the first parameter and that is one."""
    takes: tuple[Value, ...] = ()
    if isinstance(function, Function):
        takes = function.info.takes
    elif isinstance(function, Returns):
        takes = function.takes
    alone = len(node.args) == 1 and not node.keywords
    return Array() if alone and takes and is_array(takes[0]) else UNKNOWN

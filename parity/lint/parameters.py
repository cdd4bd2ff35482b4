"""What a parameter without annotation is: by what is done with it, who calls the function, and what for."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from .annotations import Resolve
from .uses import AnyDefinition, Uses, uses
from .values import UNKNOWN, Array, Number, Text, Value

if TYPE_CHECKING:
    from .project import Module

# Where MLX calls a function, or a module is called, its parameters are arrays, but for those that are
# called like what is none.
_ARRAYS = re.compile(
    r"(x|y|z|q|k|v|h|a|b|w|u|xs?|ys?|row|inputs?|outputs?|(\w+_)?(hidden(_states?)?|states|mask|logits|tokens"
    r"|embeds?|embeddings|queries|keys|values|query|key|value|weights?|bias|grads?|cotangents?|ids|labels"
    r"|targets|features|latents?|positions|primals|tangents))"
)
_OTHERS = re.compile(
    r"_.*|n|m|i|j|l|\w*(cache|config|args|kwargs|opts|options|params|parameters|model|module|optimizer|state"
    r"|states_list|tree|fn|func|function|callback|name|path|dtype|axis|shape|shapes|length|size|sizes|hw|thw"
    r"|step|steps|offset|index|idx|flag|mode|type|dim|dims|rate|factor|stride|padding|seed|eps|scale|ratio"
    r"|lr|temperature|temp|count|level|layer|layers|blocks|tokenizer|processor|text|texts|prompt|images"
    r"|training|traditional|causal|reverse|inverse|verbose|generator|rng|rank|height|width)|(num|n|max|min|is|use|return|has|do|with|should|output|top)_\w+"
)

# What a class is made with and is called so, is a number, where nothing that it is made with is an array.
_NUMBERS = re.compile(
    r"\w*(eps|epsilon|scale|scaling|cap|softcap|factor|theta|momentum|temperature|dropout|ratio|rate|dim|dims"
    r"|heads|size|width|channels|features)|(n|num)_\w+|d_model|d_state|d_conv|d_inner|base|hidden"
)
_WEIGHTS = re.compile(
    r"(\w+_)?(weights?|bias|biases|scales|zeros?|zero_points?|array|tensor|table|freqs|buffer)"
)

_NEVER = re.compile(r"\w*(cache|config|args|kwargs|tokenizer|processor|model|optimizer)")


def parameters(
    node: AnyDefinition, module: Module, resolve: Resolve, *, called: bool, me: str = ""
) -> dict[str, Value]:
    """What the parameters of a function are of which nothing else says it; those not known are left out.

    Args:
        node: the function.
        module: where it stands.
        resolve: what an expression is in the scope around it.
        called: whether it is what calling a module does, or MLX calls it.
        me: what it calls the object that it is a method of.
    """
    free = {
        parameter.arg: default
        for parameter, default in with_defaults(node.args)
        if parameter.annotation is None and parameter.arg != me and _is_open(default)
    }
    read = uses(node, free, resolve, me)
    others = module.has_other_arrays
    makes = getattr(node, "name", "") == "__init__" and not any(map(_WEIGHTS.fullmatch, free))
    found: dict[str, Value] = {}
    for name, default in free.items():
        seen = read[name]
        given = module.project.given.believed(node, name)
        if _is_array(seen, others):
            found[name] = Array()
        elif isinstance(given, Number):
            found[name] = given
        elif seen.number and not (seen.array or seen.maybe):
            found[name] = Number()
        elif seen.other:
            continue
        elif given != UNKNOWN and not _NEVER.fullmatch(name):
            found[name] = given
        elif makes and not seen.maybe and _NUMBERS.fullmatch(name):
            found[name] = Number()
        elif called and _expected(name, seen, default):
            found[name] = Array()
    return found


def _is_array(seen: Uses, others: bool) -> bool:
    return not seen.other and bool(seen.array or (seen.maybe and not others))


def _expected(name: str, seen: Uses, default: ast.expr | None) -> bool:
    """Whether a parameter that arrays are most likely given for is one."""
    if _ARRAYS.fullmatch(name):
        return default is None or (not seen.rather and name.endswith("mask"))
    return default is None and not seen.rather and not _OTHERS.fullmatch(name)


def of_default(node: ast.expr | None) -> Value:
    """A parameter without annotation whose default is a number or text is taken for one."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool | int | float):
            return Number(type(node.value).__name__)
        if isinstance(node.value, str):
            return Text()
    return UNKNOWN


def _is_open(default: ast.expr | None) -> bool:
    return default is None or (isinstance(default, ast.Constant) and default.value is None)


def with_defaults(given: ast.arguments) -> list[tuple[ast.arg, ast.expr | None]]:
    """Each parameter with its default."""
    positional = [*given.posonlyargs, *given.args]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(given.defaults))
    return [
        *zip(positional, [*missing, *given.defaults], strict=True),
        *zip(given.kwonlyargs, given.kw_defaults, strict=True),
    ]

"""What MLX hands to the rules of a function: ``@f.vjp``, ``f.jvp(rule)``, ``f.vmap(rule)``."""

from __future__ import annotations

from .values import UNKNOWN, Array, Function, Many, Returns, Table, Value, is_array, join

RULES = ("vjp", "jvp", "vmap")

_ONE_OR_SEVERAL = join(Array(), Many(Array()))


def handed(rule: str, function: Value) -> tuple[Value, ...]:
    """What the parameters of a rule are: the function's one argument or a tuple of them, results alike.

    Args:
        rule: one of `RULES`.
        function: the one that it is a rule of.
    """
    inputs, results = _inputs(function), _known(_results(function))
    if rule == "vjp":
        return inputs, results, results
    return (inputs, inputs) if rule == "jvp" else (inputs, UNKNOWN)  # which axes are mapped: no arrays


def _inputs(function: Value) -> Value:
    takes: tuple[Value, ...] = ()
    if isinstance(function, Function) and not function.info.node.args.vararg:
        takes = function.info.takes
    elif isinstance(function, Returns):
        takes = function.takes
    if len(takes) == 1:
        return _known(takes[0])
    return Many.of(takes) if takes else _ONE_OR_SEVERAL


def _results(function: Value) -> Value:
    if isinstance(function, Function):
        return function.info.result
    return function.result if isinstance(function, Returns) else UNKNOWN


def _known(value: Value) -> Value:
    if is_array(value):
        return Array()
    return value if isinstance(value, Many | Table) else _ONE_OR_SEVERAL

"""The rules themselves: each looks at one kind of place, whose parts are already known, and may report it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from . import torch_words as torch
from .values import (
    Array,
    Dtype,
    Instance,
    Layer,
    Many,
    Name,
    Number,
    Value,
    contains_array,
    dtype_of,
    is_array,
    is_number,
    options,
)

if TYPE_CHECKING:
    from .calls import Arguments
    from .expressions import Expressions

BINARY = {
    ast.Add: ("+", "add"),
    ast.Sub: ("-", "subtract"),
    ast.Mult: ("*", "multiply"),
    ast.Div: ("/", "divide"),
    ast.FloorDiv: ("//", "floor_divide"),
    ast.Mod: ("%", "remainder"),
    ast.Pow: ("**", "power"),
    ast.MatMult: ("@", "matmul"),
    ast.BitAnd: ("&", "bitwise_and"),
    ast.BitOr: ("|", "bitwise_or"),
    ast.BitXor: ("^", "bitwise_xor"),
    ast.LShift: ("<<", "left_shift"),
    ast.RShift: (">>", "right_shift"),
}
_ON_TRUTH = {ast.BitAnd: "logical_and", ast.BitOr: "logical_or", ast.BitXor: "not_equal"}
COMPARISONS = {
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
}
UNARY = {ast.USub: "negative", ast.UAdd: "positive", ast.Invert: "bitwise_invert"}
BUILTINS = {
    "abs": "abs",
    "sum": "sum",
    "max": "max, or maximum of two arrays",
    "min": "min, or minimum of two arrays",
    "pow": "power",
    "round": "round",
    "divmod": "divmod",
}


OPERATORS = {
    **{name: word for _, word in BINARY.values() for name in (word, word.removeprefix("bitwise_"))},
    **{"sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide"},
    **{"mod": "remainder", "pow": "power", "and_": "bitwise_and", "or_": "bitwise_or"},
    **{"lshift": "left_shift", "rshift": "right_shift", "neg": "negative", "pos": "positive"},
    **{"inv": "bitwise_invert", "invert": "bitwise_invert", "abs": "abs"},
    **{"eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal"},
    **{"gt": "greater", "ge": "greater_equal"},
}
"""What the module `operator` and methods with two underscores call operators."""


# -- operators ----------------------------------------------------------------------------------------------


def operator(ev: Expressions, node: ast.BinOp, left: Value, right: Value) -> None:
    """MXP301 and MXP403: ``a + b``."""
    _, name = BINARY[type(node.op)]
    if dtype_of(left) == dtype_of(right) == "bool_":
        name = _ON_TRUTH.get(type(node.op), name)
    named = f"{ev.module.mx}.{name}"
    said = f"{ev.source(node.left)}, {ev.source(node.right)}"
    if is_number(left) or is_number(right):
        said += ", the number as an array with a dtype"
        ev.report("MXP301", node, f"{ev.source(node)!r} on an array", f"say {named} of {said}")
    else:
        ev.report("MXP301", node, f"{ev.source(node)!r} on an array", f"say {named}({said})")
    mixed(ev, node, ev.source(node), [left, right])


def augmented(ev: Expressions, node: ast.AugAssign, left: Value, right: Value) -> None:
    """MXP303 and MXP403: ``a += b``."""
    sign, name = BINARY[type(node.op)]
    target, value = ev.source(node.target), ev.source(node.value)
    if isinstance(node.target, ast.Subscript):
        fix = f"say {ev.source(node.target.value)}.at[...].{name}({value}) for its result"
        if name not in ("add", "subtract", "multiply", "divide"):
            fix = f"say {target} = {ev.module.mx}.{name}({target}, {value})"
    else:
        fix = f"say {target} = {ev.module.mx}.{name}({target}, {value})"
    ev.report("MXP303", node, f"'{target} {sign}= {value}' on an array", fix)
    mixed(ev, node, f"{target} {sign}= {value}", [left, right])


def unary(ev: Expressions, node: ast.UnaryOp) -> None:
    """MXP302: ``-a``."""
    name = UNARY[type(node.op)]
    fix = f"say {ev.module.mx}.{name}({ev.source(node.operand)})"
    ev.report("MXP302", node, f"{ev.source(node)!r} on an array", fix)


def comparison(ev: Expressions, op: ast.cmpop, left: ast.expr, right: ast.expr, values: list[Value]) -> None:
    """MXP304 and MXP403: ``a < b``, of a chain only these two."""
    node = ast.Compare(left, [op], [right])
    node.lineno, node.col_offset = left.lineno, left.col_offset
    node.end_lineno, node.end_col_offset = right.end_lineno, right.end_col_offset
    fix = f"say {ev.module.mx}.{COMPARISONS[type(op)]}({ev.source(left)}, {ev.source(right)})"
    ev.report("MXP304", node, f"{ev.source(node)!r} on an array", fix)
    mixed(ev, node, ev.source(node), values)


def builtin(ev: Expressions, node: ast.Call, name: str) -> None:
    """MXP305: ``sum(arrays)``, ``operator.add(a, b)``, ``a.__add__(b)``."""
    fix = f"say {ev.module.mx}.{BUILTINS.get(name) or OPERATORS[name.strip('_')]}"
    ev.report("MXP305", node, f"Python's {name} on an array in {ev.source(node)!r}", fix)


# -- values on the host -------------------------------------------------------------------------------------


def truth(ev: Expressions, node: ast.expr) -> None:
    """MXP203: an array where a condition is wanted."""
    fix = f"select with {ev.module.mx}.where, or ask 'is not None' if that is meant"
    ev.report("MXP203", node, f"the truth of the array {ev.source(node)!r}", fix)


def read(ev: Expressions, node: ast.Call, name: str) -> None:
    """MXP201: ``.item()``."""
    ev.report("MXP201", node, f".{name}() in {ev.source(node)!r}", "keep it an array")


def number(ev: Expressions, node: ast.Call, name: str) -> None:
    """MXP202: ``float(array)``, ``math.sqrt(array)``."""
    mx = ev.module.mx
    dtypes = {"float": "float32", "int": "int32", "bool": "bool_", "complex": "complex64"}
    fix = f"keep it an array, cast by {mx}.astype(..., {mx}.{dtypes[name]})" if name in dtypes else ""
    fix = fix or f"say {mx}.{name.rpartition('.')[2]} if MLX has it, and keep it an array"
    ev.report("MXP202", node, f"{name}() of an array in {ev.source(node)!r}", fix)


def shown(ev: Expressions, node: ast.expr) -> None:
    """MXP202: ``f"{array}"``, ``print(array)``, ``memoryview(array)``."""
    fix = "keep it an array, and show its shape and dtype if that is enough"
    ev.report("MXP202", node, f"the values of the array {ev.source(node)!r} as text or memory", fix)


def index(ev: Expressions, node: ast.expr) -> None:
    """MXP204: ``range(array)``, ``list[array]``."""
    fix = f"count with x.shape, stack the sequence and use {ev.module.mx}.take"
    ev.report("MXP204", node, f"an array as an index of Python in {ev.source(node)!r}", fix)


# -- dtypes -------------------------------------------------------------------------------------------------


def scalar(ev: Expressions, node: ast.expr, name: str, others: list[ast.expr]) -> None:
    """MXP401: ``mx.add(x, 1)``."""
    mx = ev.module.mx
    other = next((o for o in others if isinstance(o, ast.Name | ast.Attribute)), None)
    dtype = f"{ev.source(other)}.dtype" if other is not None else "..."
    ev.report(
        "MXP401",
        node,
        f"the number {ev.source(node)!r} as an operand of {mx}.{name}",
        f"say {mx}.array({ev.source(node)}, dtype={dtype})",
    )


def creation(ev: Expressions, node: ast.Call, name: str, arguments: Arguments) -> None:
    """MXP402: ``mx.zeros(shape)``."""
    if arguments.open or (name in ("array", "asarray", "full") and _has_dtype(name, arguments)):
        return
    given = arguments.keywords.get("dtype")
    if given is not None and not _is_none(node, "dtype"):
        return
    if given is None and arguments.dtype is not None:
        return
    ev.report("MXP402", node, f"{ev.module.mx}.{name} without a dtype", "add dtype=")


def _has_dtype(name: str, arguments: Arguments) -> bool:
    """Whether what is made has its dtype from an array that it is made of."""
    from_ = arguments.get(1, "vals") if name == "full" else arguments.get(0, "val")
    return from_ is not None and is_array(from_)


def _is_none(node: ast.Call, keyword: str) -> bool:
    return any(
        k.arg == keyword and isinstance(k.value, ast.Constant) and k.value.value is None
        for k in node.keywords
    )


def mixed(ev: Expressions, node: ast.AST, what: str, values: list[Value]) -> None:
    """MXP403: operands of different dtypes, all known."""
    names = dict.fromkeys(v.dtype for v in values if isinstance(v, Array) and v.dtype)
    if len(names) > 1:
        said = " and ".join(names)
        ev.report("MXP403", node, f"{said} in {what!r}", "cast with .astype what is to be promoted")


# -- NumPy and PyTorch --------------------------------------------------------------------------------------


def imported(ev: Expressions, node: ast.AST, dotted: str) -> None:
    """MXP101 and MXP501: an import."""
    if not ev.module.is_mlx:
        return
    first = dotted.partition(".")[0]
    if first == "numpy":
        ev.report(
            "MXP101", node, f"import of {dotted}", f"use {ev.module.mx}, or move the work out of the port"
        )
    elif first in torch.PACKAGES:
        ev.report("MXP501", node, f"import of {dotted}", "use mlx, or move the conversion out of the port")


def to_numpy(ev: Expressions, node: ast.Call, dotted: str, arguments: Arguments) -> None:
    """MXP102: ``np.exp(array)``."""
    if any(contains_array(v) for v in arguments.all):
        last = dotted.rpartition(".")[2]
        fix = f"say {ev.module.mx}.{last} if MLX has it"
        ev.report("MXP102", node, f"an array as an argument of {dotted}", fix)


def to_numpy_by_protocol(ev: Expressions, node: ast.Call) -> None:
    """MXP102: ``array.__array__()``."""
    ev.report("MXP102", node, f"{ev.source(node)!r}, which is what NumPy calls", "keep it an array")


def keywords(ev: Expressions, node: ast.Call, name: str) -> None:
    """MXP503: ``dim=``."""
    for keyword in node.keywords:
        fix = torch.KEYWORDS.get(keyword.arg or "")
        if fix is not None:
            say = f"say {fix}=" if fix.isidentifier() else f"use {fix}"
            ev.report("MXP503", keyword, f"{keyword.arg}= in a call of {name}", say)


def leftover_attribute(ev: Expressions, node: ast.Attribute, base: Value) -> None:
    """MXP502 and MXP504: ``x.requires_grad``, ``mx.cat``, ``nn.Parameter``."""
    mx = ev.module.mx
    if isinstance(base, Array) and node.attr in torch.ATTRIBUTES:
        fix = f"use {torch.ATTRIBUTES[node.attr]}"
        ev.report("MXP502", node, f".{node.attr} of an array in {ev.source(node)!r}", fix)
    elif base == Name("mlx.core") and node.attr in torch.CORE:
        fix = torch.CORE[node.attr]
        say = f"say {mx}.{fix}" if " " not in fix and "(" not in fix else f"use {fix}"
        ev.report("MXP504", node, ev.source(node), say)
    elif base == Name("mlx.nn") and node.attr in torch.NN:
        ev.report("MXP504", node, ev.source(node), f"use {torch.NN[node.attr]}")


def unbound_torch(ev: Expressions, node: ast.Name) -> None:
    """MXP504: ``torch`` where nothing is called so."""
    if ev.module.is_mlx:
        ev.report("MXP504", node, "torch, which nothing imports", f"say it with {ev.module.mx}")


def leftover_call(ev: Expressions, node: ast.Call, function: ast.Attribute, base: Value) -> None:
    """MXP502 and MXP505: ``x.unsqueeze(0)``, ``self.register_buffer(...)``."""
    name = function.attr
    if is_array(base):
        if name == "size":
            ev.report("MXP502", node, f".size() in {ev.source(node)!r}", "use x.shape; x.size is a number")
        elif name in torch.METHODS:
            fix = f"use {torch.METHODS[name]}"
            ev.report("MXP502", node, f".{name}() of an array in {ev.source(node)!r}", fix)
    elif isinstance(base, Layer | Instance) and name in torch.MODULE_METHODS:
        own = isinstance(base, Instance) and (
            not base.info.is_module or base.info.attribute(name) is not None
        )
        if not own:
            ev.report(
                "MXP505",
                node,
                f".{name}() of a module in {ev.source(node)!r}",
                f"use {torch.MODULE_METHODS[name]}",
            )
    elif base == Value() and name in torch.TELLING and ev.module.is_mlx and not ev.module.imports_torch:
        fix = f"use {torch.METHODS[name]}"
        ev.report("MXP502", node, f".{name}() in {ev.source(node)!r}", fix)


def view(ev: Expressions, node: ast.Call, arguments: Arguments) -> None:
    """MXP502: ``x.view(2, 3)``; ``x.view(mx.uint32)`` is MLX's own."""
    first = arguments.get(0, "dtype")
    shapes = any(isinstance(o, Number | Many) for v in arguments.positional for o in options(v))
    if shapes or len(arguments.positional) > 1 or (first is not None and is_number(first)):
        fix = f"say {ev.module.mx}.reshape; view is for reading bits as another dtype"
        ev.report("MXP502", node, f".view of a shape in {ev.source(node)!r}", fix)


def transpose(ev: Expressions, node: ast.Call) -> None:
    """MXP502: ``x.transpose(1, 2)``, which is no permutation of two axes."""
    axes = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, int)]
    negative = [
        -a.operand.value
        for a in node.args
        if isinstance(a, ast.UnaryOp)
        and isinstance(a.op, ast.USub)
        and isinstance(a.operand, ast.Constant)
        and isinstance(a.operand.value, int)
    ]
    two = [*axes, *negative]
    if len(node.args) == 2 and len(two) == 2 and {a % 2 if -2 <= a < 2 else a for a in two} != {0, 1}:
        fix = f"say {ev.module.mx}.swapaxes"
        ev.report("MXP502", node, f".transpose of two axes in {ev.source(node)!r}", fix)


def forward(ev: Expressions, node: ast.AST) -> None:
    """MXP505: ``def forward`` in a module."""
    ev.report("MXP505", node, "def forward in a module", "call it __call__: MLX calls nothing else")


def is_dtype(value: Value) -> bool:
    """Whether it is a dtype of MLX."""
    return all(isinstance(o, Dtype) for o in options(value))

"""Violations planted into Python text, one at a time: where each rule could be broken, it is."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from parity.lint import torch_words, vocabulary
from parity.lint.judge import BINARY, COMPARISONS

SIGNS = {name: sign for sign, name in BINARY.values()}
RELATIONS = {
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}
assert set(RELATIONS) == set(COMPARISONS.values())
ARRAY_FIRST = frozenset(
    name for name, kind in vocabulary.ARRAYS.items() if kind not in ("list", "") and name != "where"
)
"""Functions of mlx.core whose first argument is an array."""


@dataclass(frozen=True)
class Plant:
    """One violation: the text that has it, the line, and the code that must be found there.

    `before` is the line that it had before anything was planted.
    """

    kind: str
    code: str
    line: int
    before: int
    text: str


def name_of(node: ast.AST) -> str:
    """The name of the function of mlx.core that a call calls; empty if it calls another."""
    if not isinstance(node, ast.Call):
        return ""
    parts: list[str] = []
    place: ast.AST = node.func
    while isinstance(place, ast.Attribute):
        parts.insert(0, place.attr)
        place = place.value
    return ".".join(parts) if isinstance(place, ast.Name) and place.id == "mx" else ""


def gives_array(node: ast.AST) -> bool:
    """Whether a call of mlx.core gives one array."""
    return name_of(node) in vocabulary.ARRAYS


@lru_cache(maxsize=1)
def _encoded(text: str) -> tuple[bytes, list[int]]:
    """A text as bytes, and where each of its lines begins."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.encode()))
    return text.encode(), starts


def replaced(text: str, node: ast.AST, by: str) -> str:
    """The text with a node's part replaced, on one line."""
    data, starts = _encoded(text)
    begin = starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
    end = starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
    return (data[:begin] + by.encode() + data[end:]).decode()


Planter = Callable[[ast.AST], Iterator[tuple[str, ast.AST, str]]]


def _operators(node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
    name = name_of(node)
    if not isinstance(node, ast.Call):
        return
    said = [ast.unparse(a) for a in node.args]
    if name in SIGNS and len(said) == 2:
        yield "MXP301", node, f"({said[0]} {SIGNS[name]} {said[1]})"
    if name in RELATIONS and len(said) == 2:
        yield "MXP304", node, f"({said[0]} {RELATIONS[name]} {said[1]})"
    if name == "negative":
        yield "MXP302", node, f"(-{said[0]})"
    if name in ("abs", "sum", "max", "min"):
        yield "MXP305", node, f"{name}({said[0]})"


def _augmented(node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
    if isinstance(node, ast.Assign) and name_of(node.value) in SIGNS and isinstance(node.value, ast.Call):
        first, second = (ast.unparse(a) for a in node.value.args)
        target = ast.unparse(node.targets[0])
        if target == first:
            yield "MXP303", node, f"{target} {SIGNS[name_of(node.value)]}= {second}"


def _negated(node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
    """Arrays by whatever name: parameters, locals, members."""
    if isinstance(node, ast.Call) and name_of(node) in ARRAY_FIRST and node.args:
        first = node.args[0]
        if not isinstance(first, ast.Starred) and not getattr(first, "is_opaque", False):
            yield "MXP302", first, f"(-({ast.unparse(first)}))"


def _words(node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
    """Results of words and of layers, where they are the argument of a word."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("ops.") and node.args:
        first = node.args[0]
        if isinstance(first, ast.Call):
            yield "MXP302", first, f"(-{ast.unparse(first)})"


_AROUND = (
    ("MXP201", "{}.item()"),
    ("MXP201", "{}.tolist()"),
    ("MXP202", "float({})"),
    ("MXP202", "math.sqrt({})"),
    ("MXP203", "({} or None)"),
    ("MXP203", "(not {})"),
    ("MXP204", "range({})"),
    ("MXP102", "np.exp({})"),
    ("MXP502", "{}.detach()"),
    ("MXP502", "{}.view(-1, 2)"),
)


def _around(node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
    """What can be done to the result of any call that gives an array."""
    if isinstance(node, ast.Call) and gives_array(node):
        for code, form in _AROUND:
            yield code, node, form.format(ast.unparse(node))


def _scalars(node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
    if isinstance(node, ast.Call):
        for position in vocabulary.OPERANDS.get(name_of(node), ()):
            if position < len(node.args):
                yield "MXP401", node.args[position], "0.5"


def _creations(node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
    if isinstance(node, ast.Call) and name_of(node) in vocabulary.CREATIONS:
        kept = [k for k in node.keywords if k.arg != "dtype"]
        if len(kept) < len(node.keywords):
            bare = ast.Call(node.func, node.args, kept)
            yield "MXP402", node, ast.unparse(bare)


def _mixed(node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
    if isinstance(node, ast.Call) and len(vocabulary.PROMOTING.get(name_of(node), ())) > 1:
        positions = vocabulary.PROMOTING[name_of(node)][:2]
        said = [ast.unparse(a) for a in node.args]
        for position, dtype in zip(positions, ("float16", "float32"), strict=True):
            said[position] = f"mx.astype({said[position]}, mx.{dtype})"
        rest = [ast.unparse(k) for k in node.keywords]
        yield "MXP403", node, f"{ast.unparse(node.func)}({', '.join([*said, *rest])})"


def _torch(node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
    if isinstance(node, ast.Call) and gives_array(node):
        name = name_of(node)
        old = {new: old for old, new in torch_words.CORE.items() if " " not in new}
        if name in old:
            yield "MXP504", node.func, f"mx.{old[name]}"
        for keyword in node.keywords:
            if keyword.arg in ("axis", "keepdims"):
                said = "dim" if keyword.arg == "axis" else "keepdim"
                yield "MXP503", keyword, f"{said}={ast.unparse(keyword.value)}"


def _modules(node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
    if isinstance(node, ast.ClassDef) and any(ast.unparse(b) == "nn.Module" for b in node.bases):
        for inner in node.body:
            if isinstance(inner, ast.FunctionDef) and inner.name == "__call__":
                inner.name = "forward"
                yield "MXP505", inner, ast.unparse(inner).replace("\n", "\n    ")
                inner.name = "__call__"


def _mark_opaque(tree: ast.AST) -> None:
    """Names of what a function gives that another function gave: of it nobody says what it is."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            opaque = {
                n.targets[0].id
                for n in ast.walk(function)
                if isinstance(n, ast.Assign)
                and isinstance(n.targets[0], ast.Name)
                and isinstance(n.value, ast.Call)
                and isinstance(n.value.func, ast.Call)
            }
            for node in ast.walk(function):
                if isinstance(node, ast.Name) and node.id in opaque:
                    node.is_opaque = True  # type: ignore[attr-defined]


PLANTERS: tuple[Planter, ...] = (
    _operators,
    _augmented,
    _negated,
    _words,
    _around,
    _scalars,
    _creations,
    _mixed,
    _torch,
    _modules,
)


def plants(text: str, *, every: bool = True) -> Iterator[Plant]:
    """Every violation that can be planted into a module.

    Args:
        text: the module.
        every: what can be done to any array is done to each; else one such thing to each, in turn.
    """
    tree = ast.parse(text)
    _mark_opaque(tree)
    turn = 0
    for node in ast.walk(tree):
        for planter in PLANTERS:
            turn += planter is _around and gives_array(node)
            for i, (code, place, by) in enumerate(planter(node)):
                if planter is _around and not every and i != turn % len(_AROUND):
                    continue
                line = place.lineno  # type: ignore[attr-defined]
                planted = replaced(text, place, by)
                if code in ("MXP102", "MXP202"):
                    planted = f"import math, numpy as np  # noqa: MXP101 planted\n{planted}"
                    line += 1
                yield Plant(planter.__name__, code, line, place.lineno, planted)  # type: ignore[attr-defined]
    if "import mlx" in text or "from mlx" in text:
        for package, code in (("torch", "MXP501"), ("numpy as np", "MXP101")):
            yield Plant("import", code, 1, 0, f"import {package}\n{text}")

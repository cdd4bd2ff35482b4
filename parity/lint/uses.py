"""What a function does with a parameter, as far as it tells an array from something else."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from . import torch_words, vocabulary
from .annotations import Resolve
from .trees import statements
from .values import UNKNOWN, Layer, Name, Value, options
from .vocabulary import METHODS, NN_ARRAY_LAYERS

AnyDefinition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_TELLING = METHODS - {"round", "view", "conj", "real", "imag", "all", "any"} | frozenset(
    "T mT at item tolist ndim shape itemsize nbytes".split()
)
"""Attributes that only an array has; one of NumPy or PyTorch has most of them too."""

_OF_ARRAYS = METHODS | torch_words.METHODS.keys() | torch_words.ATTRIBUTES.keys() | _TELLING
_OF_ARRAYS -= frozenset("add copy numpy sort take where".split())  # of sets, lists and frames too
_OF_ARRAYS |= frozenset("dtype size split __array__ is_contiguous element_size".split())

_SHAPING = frozenset(
    "reshape transpose swapaxes squeeze flatten unflatten moveaxis expand_dims astype".split()
)
_NO_ARRAY_BY_NAME = frozenset(
    "axis axes shape dtype keepdims num_heads num_groups bits group_size mode stream traditional dims n k "
    "base stride padding dilation groups kernel_size name path key_size start stop step num offset".split()
)
_SIZES_OF_LAYERS = frozenset(
    "dims input_dims output_dims in_channels out_channels num_embeddings hidden_size hidden_dims num_heads "
    "num_groups num_features eps p".split()
)
_OF_SEQUENCES = frozenset("prod fsum dist sumprod hypot".split())
_OF_SIZES = frozenset("broadcast_to reshape full zeros ones empty tile pad repeat".split())
_MORE_OFTEN_OF_OTHERS = frozenset(
    "abs max min sum round len range zip enumerate list tuple sorted iter set dict next type id map filter "
    "reversed".split()
)
_OTHER_ARRAYS = frozenset(("numpy", "torch", "jax", "cupy", "tensorflow", "PIL", "cv2", "scipy", "pandas"))


@dataclass
class Uses:
    """How often a parameter is used as what.

    Attributes:
        array: as an array, and nothing else could be.
        maybe: as an array of MLX, or one of NumPy or PyTorch.
        other: as something that is no array.
        number: as a number: a size of a layer or of a shape, an end of a range, what `math` takes.
        rather: as it is most often done with a flag, a number or a list.
    """

    array: int = 0
    maybe: int = 0
    other: int = 0
    number: int = 0
    rather: int = 0


def uses(node: AnyDefinition, names: Iterable[str], resolve: Resolve, me: str = "") -> dict[str, Uses]:
    """What the body of a function does with its parameters before they are bound anew.

    Args:
        node: the function.
        names: the parameters to look at.
        resolve: what an expression is in the scope around it, of ``self.name`` too.
        me: what the function calls the object that it is a method of.
    """
    found = {name: Uses() for name in names}
    if found:
        _Reader(node, found, resolve, me).read()
    return found


def foreign(module: ast.Module) -> bool:
    """Whether a file imports a package that has arrays of its own."""
    for node in statements(module.body):
        given = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            given = [node.module or ""]
        if any(name.partition(".")[0] in _OTHER_ARRAYS for name in given):
            return True
    return False


class _Reader:
    """Reads one function."""

    def __init__(self, node: AnyDefinition, found: dict[str, Uses], resolve: Resolve, me: str) -> None:
        self._body = node.body if isinstance(node.body, list) else [node.body]
        self._found = found
        self._resolve = resolve
        self._parents: dict[ast.AST, ast.AST] = {}
        self._until: dict[str, tuple[int, int]] = {}
        self._beside: set[tuple[str, str]] = set()
        given = node.args
        every = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
        self._own = {a.arg for a in every if a} - {me}

    def read(self) -> None:
        """Go through the body."""
        loads: list[ast.Name] = []
        for statement in self._body:
            loads += self._within(statement, frozenset())
        for name in loads:
            if _start(name) < self._until.get(name.id, (1 << 30, 0)):
                self._use(name, self._found[name.id])
        for one, other in self._beside:  # what is added to a number is most likely one
            if self._found[other].other and not self._found[other].array:
                self._found[one].rather += 1

    def _within(self, node: ast.AST, hidden: frozenset[str]) -> Iterator[ast.Name]:
        """The places where a parameter is read; those that an inner scope hides are left out."""
        if isinstance(node, ast.Name):
            if node.id in self._found and node.id not in hidden:
                if isinstance(node.ctx, ast.Load):
                    yield node
                else:
                    self._bound(node)
            return
        if isinstance(node, AnyDefinition):
            inner = node.args
            hidden |= {a.arg for a in (*inner.posonlyargs, *inner.args, *inner.kwonlyargs)}
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            hidden |= {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
        for child in ast.iter_child_nodes(node):
            self._parents[child] = node
            yield from self._within(child, hidden)

    def _bound(self, name: ast.Name) -> None:
        """From the end of this statement on it is something else, unless it is changed in place."""
        node: ast.AST = name
        while not isinstance(node, ast.stmt):
            if isinstance(node, ast.comprehension):
                return
            if node not in self._parents:
                break
            node = self._parents[node]
        if isinstance(node, ast.AugAssign) or (
            isinstance(node, ast.Assign) and _changed(node.value, name.id)
        ):
            return
        end = (
            _end(name) if isinstance(node, ast.For | ast.AsyncFor | ast.With | ast.AsyncWith) else _end(node)
        )
        self._until[name.id] = min(end, self._until.get(name.id, end))

    # -- one use ----------------------------------------------------------------------------------------

    def _use(self, name: ast.Name, uses: Uses) -> None:
        node: ast.expr = name
        parent = self._parents.get(node)
        if isinstance(parent, ast.Attribute):
            self._attribute(parent, uses)
            return
        calculated = False
        while isinstance(parent, ast.BinOp | ast.UnaryOp):
            if isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not):
                break
            if isinstance(parent, ast.BinOp):
                if isinstance(parent.op, ast.MatMult):
                    uses.maybe += 1
                beside = parent.right if parent.left is node else parent.left
                if node is name and _no_operand(beside):
                    uses.other += 1
                if node is name and isinstance(beside, ast.Name) and beside.id in self._found:
                    self._beside.add((name.id, beside.id))
                if not self._is_number(beside, name.id):
                    return  # which of the two is the array?
            node, parent, calculated = parent, self._parents.get(parent), True
        if isinstance(parent, ast.Attribute):
            uses.maybe += parent.attr in _SHAPING  # (x * 2).astype(...)
        elif isinstance(parent, ast.keyword):
            call = self._parents[parent]
            if parent.arg is None or parent.arg in _NO_ARRAY_BY_NAME:
                uses.other += 1
                uses.number += parent.arg in _SIZES_OF_LAYERS
            elif isinstance(call, ast.Call):
                self._argument(call, None, parent.arg, calculated, uses)
        elif isinstance(parent, ast.Call):
            if parent.func is node:
                uses.other += not calculated
            else:
                self._argument(parent, parent.args.index(node), "", calculated, uses)
        elif isinstance(parent, ast.Tuple | ast.List):
            self._listed(parent, uses)
        elif not calculated:
            self._plain(node, parent, uses)

    def _is_number(self, node: ast.expr, name: str) -> bool:
        """Whether an operand is a number, as far as it shows, or the parameter again."""
        names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
        return all(n.id == name or self._named(n) in ("math", "builtins.float") for n in names)

    def _plain(self, node: ast.expr, parent: ast.AST | None, uses: Uses) -> None:
        """Used by itself, neither in a call nor in an expression."""
        if isinstance(parent, ast.Subscript) and parent.value is node:
            _subscript(parent.slice, uses)
        elif isinstance(parent, ast.Slice):
            uses.rather += 1
        elif isinstance(parent, ast.Compare):
            _compared(node, parent, uses)
        elif isinstance(
            parent, ast.For | ast.AsyncFor | ast.comprehension | ast.Starred | ast.FormattedValue
        ):
            uses.rather += 1
        elif isinstance(parent, ast.If | ast.While | ast.IfExp | ast.BoolOp | ast.UnaryOp | ast.Assert):
            uses.rather += parent.body is not node if isinstance(parent, ast.IfExp) else 1
        elif isinstance(parent, ast.withitem | ast.Await | ast.YieldFrom):
            uses.other += 1
        elif isinstance(parent, ast.Assign) and any(
            isinstance(t, ast.Tuple | ast.List) for t in parent.targets
        ):
            uses.rather += 1

    def _attribute(self, parent: ast.Attribute, uses: Uses) -> None:
        call = self._parents.get(parent)
        if parent.attr not in _OF_ARRAYS:
            uses.other += 1
        elif (
            parent.attr == "astype"
            and isinstance(call, ast.Call)
            and call.args
            and self._is_dtype(call.args[0])
        ):
            uses.array += 1
        elif parent.attr == "shape" and _as_text(self._parents.get(parent)):
            uses.rather += 1
        elif parent.attr in _TELLING:
            uses.maybe += 1

    def _is_dtype(self, node: ast.expr) -> bool:
        found = self._named(node)
        return found.startswith("mlx.core.") or (isinstance(node, ast.Attribute) and node.attr == "dtype")

    def _listed(self, parent: ast.Tuple | ast.List, uses: Uses) -> None:
        """In a tuple or list: of arrays to join, or of sizes."""
        call = self._parents.get(parent)
        if isinstance(call, ast.keyword) and call.arg in _NO_ARRAY_BY_NAME:
            uses.other += 1
            uses.number += call.arg == "shape"
        elif isinstance(call, ast.Subscript):
            if call.slice is not parent:
                return
        elif isinstance(call, ast.Call) and parent in call.args:
            dotted = self._named(call.func)
            name = dotted.removeprefix("mlx.core.") if dotted.startswith("mlx.core.") else ""
            if vocabulary.ARRAYS.get(name) == "list" and call.args[0] is parent:
                uses.array += 1
            elif (name and name not in ("array", "eval", "async_eval")) or _method(call) in _SHAPING:
                uses.other += 1
                shape = parent is call.args[0] and name.startswith("random.")
                uses.number += name in _OF_SIZES or shape or not name

    def _argument(
        self, call: ast.Call, position: int | None, keyword: str, calculated: bool, uses: Uses
    ) -> None:
        """Handed to a function."""
        dotted = self._named(call.func)
        package, _, last = dotted.rpartition(".")
        at = vocabulary.KEYWORDS.get(keyword, -1) if position is None else position
        if dotted.startswith("mlx.core."):
            self._to_mlx(call, dotted.removeprefix("mlx.core."), at, calculated, uses)
        elif package.startswith("mlx.nn"):
            losses = package.endswith("losses") and last in vocabulary.NN_LOSSES
            if (losses and at in (0, 1)) or (last in vocabulary.NN_FUNCTIONS and at == 0):
                uses.array += 1
            elif last in vocabulary.NN_LAYERS:
                uses.other += 1  # a size, a flag
                uses.number += last != "Sequential" and (at in (0, 1) or keyword in _SIZES_OF_LAYERS)
        elif dotted == "builtins.range":
            uses.number += 1
            uses.rather += not calculated
        elif package == "builtins" and not calculated:
            if last in ("isinstance", "issubclass", "callable", "open", "getattr", "hasattr", "setattr"):
                uses.other += 1
            elif last in _MORE_OFTEN_OF_OTHERS:
                uses.rather += 1
        elif package == "math":
            uses.number += last not in _OF_SEQUENCES
            uses.rather += not calculated
        elif _method(call) in _SHAPING:
            uses.other += 1
        elif not dotted and any(self._is_layer(o) for o in options(self._resolved(call.func))):
            uses.array += at == 0

    def _to_mlx(self, call: ast.Call, name: str, at: int, calculated: bool, uses: Uses) -> None:
        if name in vocabulary.ARGUMENTS_OF_ARRAYS and at in vocabulary.ARGUMENTS_OF_ARRAYS[name]:
            if not (calculated and name in vocabulary.ALSO_OF_NUMBERS) and name not in ("sqrt", "rsqrt"):
                uses.array += 1
        elif at in vocabulary.OPERANDS.get(name, ()):
            others = [a for i, a in enumerate(call.args) if i != at]
            if not calculated and len(others) == 1 and isinstance(others[0], ast.Constant):
                uses.array += name not in ("power", "pow")
        elif (
            name in vocabulary.CREATIONS or (name in vocabulary.ARRAYS and not calculated) or name == "split"
        ):
            uses.other += name not in ("array", "asarray", "full") and at >= 0

    def _is_layer(self, value: Value) -> bool:
        return isinstance(value, Layer) and value.name in NN_ARRAY_LAYERS

    def _resolved(self, node: ast.expr) -> Value:
        root = node
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        if not isinstance(root, ast.Name) or root.id in self._own:
            return UNKNOWN
        return self._resolve(node)

    def _named(self, node: ast.expr) -> str:
        found = self._resolved(node)
        return found.dotted if isinstance(found, Name) else ""


def _subscript(index: ast.expr, uses: Uses) -> None:
    if isinstance(index, ast.Constant):
        uses.other += isinstance(index.value, str)
        uses.array += index.value is None or index.value is Ellipsis
    elif isinstance(index, ast.Tuple):
        telling = any(isinstance(i, ast.Slice) or _is_wide(i) for i in index.elts)
        uses.maybe += telling


def _changed(value: ast.expr, name: str) -> bool:
    """Whether it is what it was, with something added: ``n = n * 2``."""
    arithmetic = isinstance(value, ast.BinOp | ast.UnaryOp)
    return arithmetic and any(isinstance(n, ast.Name) and n.id == name for n in _operands(value))


def _operands(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp):
        yield from _operands(node.left)
        yield from _operands(node.right)
    elif isinstance(node, ast.UnaryOp):
        yield from _operands(node.operand)
    else:
        yield node


def _is_wide(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or node.value is Ellipsis)


def _compared(node: ast.expr, parent: ast.Compare, uses: Uses) -> None:
    others = [o for o in (parent.left, *parent.comparators) if o is not node]
    for op in parent.ops:
        if isinstance(op, ast.In | ast.NotIn):
            uses.other += parent.left is not node
            uses.rather += parent.left is node
        elif any(isinstance(o, ast.Constant) and isinstance(o.value, str | bool) for o in others):
            uses.other += 1
        elif not isinstance(op, ast.Is | ast.IsNot):
            uses.rather += 1


def _no_operand(node: ast.expr) -> bool:
    """Whether no array stands beside it in an operation."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str | bytes)
    return isinstance(node, ast.JoinedStr | ast.List | ast.Tuple | ast.Dict | ast.ListComp)


def _as_text(node: ast.AST | None) -> bool:
    return isinstance(node, ast.FormattedValue)


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _start(node: ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "end_lineno", 0) or 0, getattr(node, "end_col_offset", 0) or 0

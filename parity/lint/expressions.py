"""What an expression is, and what the rules find in it on the way."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from . import calls, judge
from .attributes import attribute
from .findings import shortened, source
from .narrowing import narrow
from .operations import item, operates, python
from .parameters import parameters, with_defaults
from .project import resolved
from .scope import Scope
from .values import (
    UNKNOWN,
    Array,
    Many,
    Name,
    Nothing,
    Number,
    Returns,
    Table,
    Text,
    Value,
    arithmetic,
    element,
    is_array,
    is_number,
    join,
    options,
)

if TYPE_CHECKING:
    from .project import Module

_BUILTINS = frozenset(dir(builtins))

MOST_LINES = 8
MOST_COLUMNS = 400
"""What is longer is not shown as it is parsed, but as it begins."""


class Expressions:
    """Evaluates expressions in a scope; `Body` adds the statements."""

    def __init__(self, module: Module, scope: Scope) -> None:
        self.module = module
        self.scope = scope
        self._quiet = 0
        self._raising = False

    # -- reporting --------------------------------------------------------------------------------------

    def report(self, code: str, node: ast.AST, what: str, fix: str) -> None:
        """A finding, unless it is only asked what something is."""
        if not self._quiet:
            self.module.sink.report(code, node, what, fix)

    def source(self, node: ast.AST) -> str:
        """An expression as text, cut where it is long."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        lines = getattr(node, "end_lineno", line) - line
        columns = getattr(node, "end_col_offset", column) - column
        if lines <= MOST_LINES and (lines or columns <= MOST_COLUMNS):
            return source(node)
        # Making text of a large tree for each of its parts takes a time that grows with its square.
        return shortened(self.module.lines[line - 1].encode()[column:].decode(errors="replace") + " …")

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Nothing is reported meanwhile."""
        self._quiet += 1
        try:
            yield
        finally:
            self._quiet -= 1

    @property
    def is_silent(self) -> bool:
        """Whether nothing is reported now."""
        return self._quiet > 0

    def above(self) -> Value:
        """What ``super()`` is here."""
        return UNKNOWN

    def quietly(self, node: ast.expr) -> Value:
        """What an expression is, without reporting."""
        with self.silence():
            return self.value(node)

    # -- evaluating -------------------------------------------------------------------------------------

    def value(self, node: ast.expr) -> Value:
        """What an expression is."""
        method: Callable[[ast.expr], Value] | None = getattr(self, "_" + type(node).__name__, None)
        return resolved(method(node)) if method else self._rest(node)

    def _rest(self, node: ast.AST) -> Value:
        """Of other expressions only the parts are looked at."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child)
        return UNKNOWN

    def test(self, node: ast.expr) -> None:
        """An expression that is asked for its truth."""
        if isinstance(node, ast.BoolOp):
            self._parts(node, to_truth=True)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.test(node.operand)
        elif is_array(self.value(node)):
            judge.truth(self, node)

    def _Constant(self, node: ast.Constant) -> Value:
        if node.value is None:
            return Nothing()
        if isinstance(node.value, bool | int | float | complex):
            return Number(type(node.value).__name__)
        return Text() if isinstance(node.value, str) else UNKNOWN

    def _JoinedStr(self, node: ast.JoinedStr) -> Value:
        self._rest(node)
        return Text()

    def _FormattedValue(self, node: ast.FormattedValue) -> Value:
        self.shown(node.value, self.value(node.value))
        return Text()

    def shown(self, node: ast.expr, value: Value) -> None:
        """A value that becomes text, which the message of an error may show."""
        if is_array(value) and not self._raising:
            judge.shown(self, node)

    def _Name(self, node: ast.Name) -> Value:
        found = self.scope.get(node.id)
        if found is not None:
            return found
        if node.id in _BUILTINS:
            return Name(f"builtins.{node.id}")
        if node.id == "torch":
            judge.unbound_torch(self, node)
        return UNKNOWN

    def _NamedExpr(self, node: ast.NamedExpr) -> Value:
        value = self.value(node.value)
        self.scope.set(node.target.id, value)
        return value

    def _Attribute(self, node: ast.Attribute) -> Value:
        base = self.value(node.value)
        judge.leftover_attribute(self, node, base)
        return join(*(attribute(option, node.attr) for option in options(base)))

    def _Subscript(self, node: ast.Subscript) -> Value:
        base, index = self.value(node.value), self.value(node.slice)
        if isinstance(base, Many) and is_array(index):
            judge.index(self, node)
        return join(*(item(option, node.slice, index) for option in options(base)))

    def _Slice(self, node: ast.Slice) -> Value:
        self._rest(node)
        return UNKNOWN

    def _Starred(self, node: ast.Starred) -> Value:
        return self.value(node.value)

    # -- operators --------------------------------------------------------------------------------------

    def _BinOp(self, node: ast.BinOp) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        if operates(left, right):
            judge.operator(self, node, left, right)
            return arithmetic(left, right)
        if isinstance(left, Text) and isinstance(node.op, ast.Mod):
            several = isinstance(node.right, ast.Tuple)
            for part in node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]:
                self.shown(part, self.quietly(part) if several else right)
        return python(node.op, left, right)

    def is_of_array(self, node: ast.BinOp) -> None:
        """An operation of which it is not known that it is one of an array, but what it gives is one."""
        left, right = self.quietly(node.left), self.quietly(node.right)
        if UNKNOWN in (left, right) and not operates(left, right):
            judge.operator(self, node, left, right)

    def _UnaryOp(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            self.test(node.operand)
            return Number("bool")
        value = self.value(node.operand)
        if is_array(value):
            judge.unary(self, node)
        return value if is_array(value) or is_number(value) else UNKNOWN

    def _Compare(self, node: ast.Compare) -> Value:
        values = [self.value(node.left), *(self.value(c) for c in node.comparators)]
        nodes = [node.left, *node.comparators]
        found: Value = Number("bool")
        for i, op in enumerate(node.ops):
            pair = values[i], values[i + 1]
            if isinstance(op, ast.Is | ast.IsNot | ast.In | ast.NotIn):
                continue
            if operates(*pair):
                judge.comparison(self, op, nodes[i], nodes[i + 1], [*pair])
                found = Array("bool_")
            elif UNKNOWN in pair:
                found = UNKNOWN if found == Number("bool") else found
        if len(node.ops) > 1 and is_array(found):  # a < b < c asks a < b for its truth
            judge.truth(self, node)
        return found

    def _BoolOp(self, node: ast.BoolOp) -> Value:
        return self._parts(node, to_truth=False)

    def _parts(self, node: ast.BoolOp, *, to_truth: bool) -> Value:
        """``and``, ``or``: all parts but the last are asked for their truth, and the last one by a test."""
        before = self.scope.copy()
        found: list[Value] = []
        for i, part in enumerate(node.values):
            last = i == len(node.values) - 1
            if not last or to_truth:
                self.test(part)
            found.append(self.value(part) if last else self.quietly(part))
            narrow(self, part, isinstance(node.op, ast.And))
        self.scope.now = {**before, **{n: v for n, v in self.scope.now.items() if n not in before}}
        return join(*found)

    def _IfExp(self, node: ast.IfExp) -> Value:
        self.test(node.test)
        before = self.scope.copy()
        narrow(self, node.test, True)
        yes = self.value(node.body)
        self.scope.now = dict(before)
        narrow(self, node.test, False)
        no = self.value(node.orelse)
        self.scope.now = before
        return join(yes, no)

    # -- collections ------------------------------------------------------------------------------------

    def _Tuple(self, node: ast.Tuple | ast.List) -> Value:
        return self._sequence(node.elts)

    _List = _Tuple

    def _Set(self, node: ast.Set) -> Value:
        return Many(self._sequence(node.elts).each)

    def _sequence(self, nodes: Iterable[ast.expr]) -> Many:
        items: list[Value] | None = []
        each: list[Value] = []
        for node in nodes:
            value = self.value(node)
            if not isinstance(node, ast.Starred):
                each.append(value)
                if items is not None:
                    items.append(value)
                continue
            inner = value.items if isinstance(value, Many) else None
            each.append(element(value))
            items = [*items, *inner] if items is not None and inner is not None else None
        return Many.of(items) if items is not None else Many(join(*each))

    def _Dict(self, node: ast.Dict) -> Value:
        items: dict[str, Value] = {}
        each: list[Value] = []
        for key, content in zip(node.keys, node.values, strict=True):
            value = self.value(content)
            if key is None:  # **other
                each.append(value.each if isinstance(value, Table) else UNKNOWN)
                items |= value.items if isinstance(value, Table) else {}
                continue
            self.value(key)
            each.append(value)
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                items[key.value] = value
        return Table(join(*each), items)

    def _comprehended(self, generators: list[ast.comprehension], *parts: ast.expr) -> list[Value]:
        before = self.scope.copy()
        known = dict(self.scope.ever)
        for generator in generators:
            iterated = self.value(generator.iter)
            self.bind(generator.target, element(iterated))
            for condition in generator.ifs:
                self.test(condition)
                narrow(self, condition, True)
        found = [self.value(part) for part in parts]
        self.scope.now, self.scope.ever = before, known
        return found

    def _ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
        return Many(self._comprehended(node.generators, node.elt)[0])

    _SetComp = _GeneratorExp = _ListComp

    def _DictComp(self, node: ast.DictComp) -> Value:
        return Table(self._comprehended(node.generators, node.key, node.value)[1])

    # -- calls ------------------------------------------------------------------------------------------

    def _Call(self, node: ast.Call) -> Value:
        return calls.call(self, node)

    def _Lambda(self, node: ast.Lambda) -> Value:
        before, known = self.scope.copy(), dict(self.scope.ever)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.value(default)
        self.module.project.homes[node] = self.module
        called = self.module.project.given.is_handed(node)
        found = parameters(node, self.module, self.quietly, called=called)
        names = [p.arg for p, _ in with_defaults(node.args)]
        self.scope.now.update({name: found.get(name, UNKNOWN) for name in names})
        result = self.value(node.body)
        self.scope.now, self.scope.ever = before, known
        return Returns(result, node, tuple(found.get(name, UNKNOWN) for name in names))

    # -- binding ----------------------------------------------------------------------------------------

    def bind(self, target: ast.expr, value: Value) -> None:
        """Assign a value to a name, an attribute, an element, or several of them."""
        if isinstance(target, ast.Name):
            self.scope.set(target.id, value)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, Many(element(value)))
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target.elts, value)
        elif isinstance(target, ast.Attribute):
            calls.assign_attribute(self, target, value)
        else:
            self.value(target)
            if isinstance(target, ast.Subscript):
                self._into(target, value)

    def _unpack(self, targets: list[ast.expr], value: Value) -> None:
        items = value.items if isinstance(value, Many) else None
        starred = next((i for i, t in enumerate(targets) if isinstance(t, ast.Starred)), None)
        if items is None or (starred is None and len(items) != len(targets)):
            for target in targets:
                inner = value if isinstance(target, ast.Starred) else element(value)
                self.bind(target, inner)
            return
        if starred is None:
            for target, item in zip(targets, items, strict=True):
                self.bind(target, item)
            return
        after = len(targets) - starred - 1
        for target, item in zip(targets[:starred], items[:starred], strict=False):
            self.bind(target, item)
        rest = targets[starred]
        assert isinstance(rest, ast.Starred)
        self.bind(rest.value, Many.of(items[starred : len(items) - after]))
        for target, item in zip(targets[starred + 1 :], items[len(items) - after :], strict=False):
            self.bind(target, item)

    def _into(self, target: ast.Subscript, value: Value) -> None:
        """``name[...] = value`` changes what the elements of a list or dictionary can be."""
        if not isinstance(target.value, ast.Name):
            return
        name, base = target.value.id, self.quietly(target.value)
        if isinstance(base, Table):
            key = target.slice.value if isinstance(target.slice, ast.Constant) else None
            items = {**base.items, key: value} if isinstance(key, str) else base.items
            empty = not base.items and base.each == UNKNOWN
            self.scope.set(name, Table(value if empty else join(base.each, value), items))
        elif isinstance(base, Many):
            self.scope.set(name, Many(value if base.items == () else join(base.each, value)))

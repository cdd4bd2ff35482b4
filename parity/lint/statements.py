"""Going through statements: what they bind, where ways part and meet, what is returned."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from . import judge, vocabulary
from .annotations import declared
from .attributes import of_package
from .calls import tells
from .definitions import AnyFunction, ClassInfo, FunctionInfo
from .expressions import Expressions
from .narrowing import narrow
from .operations import operates, python
from .patterns import bind_pattern, catches_all
from .project import Module
from .scope import Scope
from .torch_words import PACKAGES
from .trees import cast_later
from .values import (
    UNKNOWN,
    Array,
    Class,
    Function,
    Later,
    Name,
    Package,
    Value,
    arithmetic,
    believed,
    element,
)

_FOREIGN = frozenset(("mlx", "numpy", *PACKAGES))


class Body(Expressions):
    """The statements of a module, a class or a function.

    Args:
        module, scope: where they stand.
        function: the one whose body it is, if it is one's.
        owner: the class whose body it is, if it is one's.
    """

    def __init__(
        self, module: Module, scope: Scope, function: FunctionInfo | None, owner: ClassInfo | None = None
    ) -> None:
        super().__init__(module, scope)
        self.function = function
        self.owner = owner
        self.returned: list[Value] = []
        self.yielded: list[Value] = []
        self._exits: list[list[dict[str, Value]]] = []
        self._only_types = False
        self._following: Sequence[ast.stmt] = ()

    def above(self) -> Value:
        """What ``super()`` is here."""
        owner = self.function.owner if self.function is not None else None
        return owner.above() if owner is not None else UNKNOWN

    @property
    def outer(self) -> Scope | None:
        """What functions within see: for a method, what is around the class."""
        return self.scope.parent if self.owner is not None else self.scope

    def run(self, statements: Sequence[ast.stmt]) -> bool:
        """Go through statements; False if the way ends in them: a return, a raise, a break."""
        for i, statement in enumerate(statements):
            self._following = statements[i + 1 :]
            if not self._one(statement):
                return False
        return True

    def _one(self, node: ast.stmt) -> bool:
        method: Callable[[ast.stmt], bool | None] | None = getattr(self, "_" + type(node).__name__, None)
        if method is None:
            self._rest(node)
            return True
        return method(node) is not False

    # -- definitions ------------------------------------------------------------------------------------

    def _FunctionDef(self, node: AnyFunction) -> None:
        for part in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults):
            if part is not None:
                self.value(part)
        info = FunctionInfo(node, self, self.owner)
        self.module.waiting.append(Function(info))
        if self.owner is not None:
            setter = any(isinstance(d, ast.Attribute) and d.attr == "setter" for d in node.decorator_list)
            if not setter:
                self.owner.methods[node.name] = info
            if node.name == "forward" and self.owner.is_module:
                judge.forward(self, node)
        self.scope.set(node.name, Function(info))

    _AsyncFunctionDef = _FunctionDef

    def _ClassDef(self, node: ast.ClassDef) -> None:
        for part in (*node.decorator_list, *node.bases, *(k.value for k in node.keywords)):
            self.value(part)
        info = ClassInfo(node, self)
        self.scope.set(node.name, Class(info))
        Body(self.module, info.scope, None, info).run(node.body)

    # -- imports ----------------------------------------------------------------------------------------

    def _Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if not self._only_types:
                judge.imported(self, node, alias.name)
            first = alias.name.partition(".")[0]
            dotted = alias.name if alias.asname else first
            inner = None if first in _FOREIGN else self.module.project.absolute(self.module, dotted)
            self.scope.set(alias.asname or first, Package(inner) if inner else Name(dotted))

    def _ImportFrom(self, node: ast.ImportFrom) -> None:
        project, dotted = self.module.project, node.module or ""
        foreign = node.level == 0 and dotted.partition(".")[0] in _FOREIGN
        if foreign and not self._only_types:
            judge.imported(self, node, dotted)
        inner = None
        if node.level:
            inner = project.relative(self.module, node.level, node.module)
        elif not foreign:
            inner = project.absolute(self.module, dotted)
        for alias in node.names:
            if alias.name == "*":
                self._star(inner, dotted)
            elif inner is not None:
                self.scope.set(alias.asname or alias.name, Later(inner, alias.name))
            elif node.level:
                beside = project.find(self.module.path.parent, (alias.name,)) if not dotted else None
                self.scope.set(alias.asname or alias.name, Package(beside) if beside else UNKNOWN)
            else:
                self.scope.set(alias.asname or alias.name, of_package(f"{dotted}.{alias.name}"))

    def _star(self, inner: Module | None, dotted: str) -> None:
        if inner is not None:
            inner.read()
            for name in list(inner.scope.ever):
                if not name.startswith("_"):
                    self.scope.set(name, Later(inner, name))
        elif dotted == "mlx.core":
            known = (*vocabulary.ARRAYS, *vocabulary.OTHERS, *vocabulary.DTYPES, *vocabulary.CONSTANTS)
            for name in (*known, "random", "fft", "linalg", "fast"):
                if "." not in name:
                    self.scope.set(name, of_package(f"mlx.core.{name}"))

    # -- assignments ------------------------------------------------------------------------------------

    def _Assign(self, node: ast.Assign) -> None:
        following = self._following
        value = self.value(node.value)
        if value == UNKNOWN and isinstance(node.value, ast.BinOp) and isinstance(node.targets[0], ast.Name):
            call = cast_later(node.targets[0].id, following)
            if call is not None and tells(self, call):
                self.is_of_array(node.value)
                value = Array()
        for target in node.targets:
            self.bind(target, value)

    def _AnnAssign(self, node: ast.AnnAssign) -> None:
        said = declared(node.annotation, self.quietly)
        value = self.value(node.value) if node.value is not None else said
        if isinstance(node.target, ast.Name):
            self.scope.declare(node.target.id, said)
        if node.value is not None or said != UNKNOWN:
            self.bind(node.target, believed(said, value))

    def _AugAssign(self, node: ast.AugAssign) -> None:
        left, right = self.quietly(node.target), self.value(node.value)
        if isinstance(node.target, ast.Subscript):
            self.value(node.target.value)
            self.value(node.target.slice)
        if operates(left, right):
            judge.augmented(self, node, left, right)
            result = arithmetic(left, right)
        else:
            result = python(node.op, left, right)
        self.bind(node.target, result)

    def _Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.scope.forget(target.id)

    def _Global(self, node: ast.Global) -> None:
        self.scope.belongs(node.names, to_module=True)

    def _Nonlocal(self, node: ast.Nonlocal) -> None:
        self.scope.belongs(node.names, to_module=False)

    # -- ways that end ----------------------------------------------------------------------------------

    def _Return(self, node: ast.Return) -> bool:
        if node.value is not None:
            self.returned.append(self.value(node.value))
        return False

    def _Raise(self, node: ast.Raise) -> bool:
        self._raising = True  # the message of an error may show what it likes
        self._rest(node)
        self._raising = False
        return False

    def _Break(self, _node: ast.stmt) -> bool:
        if self._exits:
            self._exits[-1].append(self.scope.copy())
        return False

    _Continue = _Break

    def _Yield(self, node: ast.Yield) -> Value:
        self.yielded.append(self.value(node.value) if node.value is not None else UNKNOWN)
        return UNKNOWN

    def _YieldFrom(self, node: ast.YieldFrom) -> Value:
        self.yielded.append(element(self.value(node.value)))
        return UNKNOWN

    # -- ways that part ---------------------------------------------------------------------------------

    def _Assert(self, node: ast.Assert) -> None:
        self.test(node.test)
        if node.msg is not None:
            self.value(node.msg)
        narrow(self, node.test, True)

    def _If(self, node: ast.If) -> bool:
        self.test(node.test)
        before, known = self.scope.copy(), self._only_types
        narrow(self, node.test, True)
        self._only_types = known or _is_type_checking(node.test)
        goes_on = self.run(node.body)
        self._only_types = known
        yes = self.scope.copy()
        self.scope.now = before
        narrow(self, node.test, False)
        goes_on_too = self.run(node.orelse)
        if goes_on:
            self.scope.merge(*([yes, self.scope.copy()] if goes_on_too else [yes]))
        return goes_on or goes_on_too

    def _While(self, node: ast.While) -> None:
        def begin() -> None:
            self.test(node.test)
            narrow(self, node.test, True)

        self._loop(begin, node.body, node.orelse)

    def _For(self, node: ast.For | ast.AsyncFor) -> None:
        iterated = self.value(node.iter)
        self._loop(lambda: self.bind(node.target, element(iterated)), node.body, node.orelse)

    _AsyncFor = _For

    def _loop(self, begin: Callable[[], None], body: list[ast.stmt], orelse: list[ast.stmt]) -> None:
        """Twice, so that what the first round leaves is known in the second."""
        self._exits.append([])
        for _ in range(2):
            start = self.scope.copy()
            begin()
            ways = [start, *([self.scope.copy()] if self.run(body) else []), *self._exits[-1]]
            self.scope.merge(*ways)
        self._exits.pop()
        self.run(orelse)

    def _With(self, node: ast.With | ast.AsyncWith) -> bool:
        for item in node.items:
            self.value(item.context_expr)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, UNKNOWN)
        return self.run(node.body)

    _AsyncWith = _With

    def _Try(self, node: ast.Try) -> bool:
        before = self.scope.copy()
        goes_on = self.run(node.body)
        after = self.scope.copy()
        self.scope.merge(before, after)  # it may have stopped anywhere
        stopped = self.scope.copy()
        if goes_on:
            self.scope.now = after
            goes_on = self.run(node.orelse)
        ways = [self.scope.copy()] if goes_on else []
        for handler in node.handlers:
            self.scope.now = dict(stopped)
            if handler.type is not None:
                self.value(handler.type)
            if handler.name:
                self.scope.set(handler.name, UNKNOWN)
            if self.run(handler.body):
                ways.append(self.scope.copy())
        self.scope.merge(*(ways or [stopped]))
        return self.run(node.finalbody) and bool(ways)

    _TryStar = _Try

    def _Match(self, node: ast.Match) -> bool:
        subject = self.value(node.subject)
        before = self.scope.copy()
        ways: list[dict[str, Value]] = []
        for case in node.cases:
            self.scope.now = dict(before)
            if isinstance(node.subject, ast.Name):
                narrowed = bind_pattern(self, case.pattern, subject)
                self.scope.narrow(node.subject.id, narrowed)
            else:
                bind_pattern(self, case.pattern, subject)
            if case.guard is not None:
                self.test(case.guard)
                narrow(self, case.guard, True)
            if self.run(case.body):
                ways.append(self.scope.copy())
        if not any(c.guard is None and catches_all(c.pattern) for c in node.cases):
            ways.append(before)
        self.scope.merge(*(ways or [before]))
        return bool(ways)


def _is_type_checking(test: ast.expr) -> bool:
    return (test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")) == "TYPE_CHECKING"

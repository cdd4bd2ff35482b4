"""Functions and classes of the code that is read: what they take, give, and hold."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .annotations import declared
from .answers import Definition, answers
from .derivatives import RULES, handed
from .parameters import of_default, parameters, with_defaults
from .scope import Scope
from .trees import statements, targets
from .values import (
    UNKNOWN,
    Array,
    Class,
    Function,
    Instance,
    Layer,
    Many,
    Name,
    Nothing,
    Number,
    Returns,
    Table,
    Value,
    join,
    options,
    unless_contradicted,
)
from .vocabulary import HANDED, NN_LAYERS, NN_PARAMETERS, TRANSPARENT, layer_result

if TYPE_CHECKING:
    from .project import Module
    from .statements import Body

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef

_PLAIN = frozenset(
    "builtins.staticmethod builtins.classmethod builtins.property functools.cached_property functools.cache "
    "functools.lru_cache functools.wraps typing.override abc.abstractmethod".split()
) | {f"mlx.core.{name}" for name in TRANSPARENT}


class FunctionInfo(Definition):
    """One function. Its body is gone through once, when its result is asked for or the file is finished."""

    node: AnyFunction

    def __init__(self, node: AnyFunction, around: Body, owner: ClassInfo | None = None) -> None:
        self.node = node
        self.module: Module = around.module
        self.scope = Scope(around.outer)
        self.owner = owner
        self._resolve = around.quietly
        self.born()
        self._state = ""
        self._result: Value = UNKNOWN
        decorators = [self._resolve(d.func if isinstance(d, ast.Call) else d) for d in node.decorator_list]
        names = [d.dotted if isinstance(d, Name) else "" for d in decorators]
        self._rule = next((d for d in node.decorator_list if _is_rule(d)), None)
        self.is_property = any(n.endswith(("property", "functools.cached_property")) for n in names)
        self._is_static = "builtins.staticmethod" in names
        self._is_class = "builtins.classmethod" in names
        # `@partial(mx.compile, ...)` leaves a function as it is; of others only an annotation tells.
        self._is_handed = any(self._hands(d) for d in node.decorator_list)
        self._is_plain = all(
            n in _PLAIN or n == "functools.partial" or isinstance(d, Function)
            for n, d in zip(names, decorators, strict=True)
        )

    def _hands(self, decorator: ast.expr) -> bool:
        """Whether a decorator hands the function to MLX: ``@mx.compile``, ``@partial(mx.vmap, ...)``."""
        if isinstance(decorator, ast.Call):
            found = self._resolve(decorator.func)
            if found == Name("functools.partial") and decorator.args:
                found = self._resolve(decorator.args[0])
        else:
            found = self._resolve(decorator)
        return isinstance(found, Name) and found.dotted in HANDED

    @property
    def names(self) -> list[str]:
        """The parameters that have a position."""
        return [a.arg for a in (*self.node.args.posonlyargs, *self.node.args.args)]

    @property
    def is_bound(self) -> bool:
        """Whether it is a method, of an object or a class, whose first parameter is not given by a call."""
        return self.owner is not None and not self._is_static

    @property
    def is_of_class(self) -> bool:
        """Whether it is a method of the class itself."""
        return self._is_class

    @property
    def is_annotated(self) -> bool:
        """Whether every parameter says what it is, so that no call has to."""
        given = self.node.args
        return all(
            a.annotation for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)[self.is_bound :]
        )

    @property
    @answers
    def takes(self) -> tuple[Value, ...]:
        """What its parameters are."""
        self.run()
        return tuple(self.scope.ever.get(name, UNKNOWN) for name in self.names[self.is_bound :])

    @property
    @answers
    def result(self) -> Value:
        """What a call gives: what the annotation says, else what the body returns."""
        if self.node.returns is not None:
            said = declared(self.node.returns, self._resolve)
            if said == Layer("Module"):  # which one, only the body says
                self.run()
                return said if self._result == UNKNOWN else self._result
            if said != UNKNOWN and self._is_plain and _may_give_numbers(self.node):
                self.run()
                return unless_contradicted(said, self._result) if self._state == "done" else said
            if said != UNKNOWN or self.node.decorator_list:
                return said
        if not self._is_plain or isinstance(self.node, ast.AsyncFunctionDef):
            return UNKNOWN
        self.run()
        return self._result if self._state == "done" else UNKNOWN

    def run(self) -> None:
        """Go through the body."""
        if self._state:
            return
        self._state = "running"
        from .statements import Body

        with self.module.being_read():
            body = Body(self.module, self.scope, self)
            self._bind(body)
            goes_on = body.run(self.node.body)
        returned = [*body.returned, Nothing()] if goes_on else body.returned
        self._result = Many(join(*body.yielded)) if body.yielded else join(*returned)
        self._state = "done"

    def _bind(self, body: Body) -> None:
        given = self.node.args
        every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
        me = self.names[0] if self.owner is not None and self.is_bound and self.names else ""
        if self.owner is not None and me:
            self.scope.set(me, (Class if self._is_class else Instance)(self.owner))
        open_ones: dict[str, Value] = {}
        if any(p.annotation is None and p.arg != me for p in every):
            called = self._is_handed or self.module.project.given.is_handed(self.node)
            called |= self.node.name == "__call__" and self.owner is not None and self.owner.is_module
            open_ones = parameters(self.node, self.module, body.quietly, called=called, me=me)
        by_rule: dict[str, Value] = {}
        if isinstance(self._rule, ast.Attribute):
            function = self._resolve(self._rule.value)
            if not isinstance(function, Name):  # `@mx.vmap` is MLX's own
                by_rule = dict(zip(self.names, handed(self._rule.attr, function), strict=False))
        for parameter, default in with_defaults(given):
            if parameter.arg == me:
                continue
            value = declared(parameter.annotation, self._resolve)
            self.scope.declare(parameter.arg, value)
            if parameter.annotation is None:
                value = of_default(default)
            if value == UNKNOWN and parameter.arg in by_rule:
                value = by_rule[parameter.arg]
            elif parameter.annotation is None:
                value = open_ones.get(parameter.arg, value)
            self.scope.set(parameter.arg, value)
        if given.vararg:
            self.scope.set(given.vararg.arg, Many(declared(given.vararg.annotation, self._resolve)))
        if given.kwarg:
            self.scope.set(given.kwarg.arg, Table(declared(given.kwarg.annotation, self._resolve)))


def _is_rule(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Attribute) and decorator.attr in RULES


def _may_give_numbers(function: AnyFunction) -> bool:
    """Whether something that is returned or yielded looks like a number, so that the body is worth a look."""
    for statement in statements(function.body):
        given = statement.value if isinstance(statement, ast.Expr | ast.Assign) else statement
        if isinstance(given, ast.Return | ast.Yield) and given.value is not None:
            parts = given.value.elts if isinstance(given.value, ast.Tuple) else [given.value]
            for part in parts:
                called = part.func if isinstance(part, ast.Call) else None
                name = getattr(called, "attr", getattr(called, "id", ""))
                if name in ("item", "int", "float", "len") or isinstance(part, ast.Constant | ast.Subscript):
                    return True
    return False


class ClassInfo(Definition):
    """One class."""

    node: ast.ClassDef

    def __init__(self, node: ast.ClassDef, around: Body) -> None:
        self.node = node
        self.module: Module = around.module
        self.born()
        self.bases = [around.quietly(b) for b in node.bases]
        self.methods: dict[str, FunctionInfo] = {}
        self.scope = Scope(around.outer)
        self._resolve = around.quietly
        self._attributes: dict[str, Value] = {}
        self._declared: dict[str, ast.expr] = {
            s.target.id: s.annotation
            for s in node.body
            if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)
        }
        self._assigned_in: dict[str, list[str]] = {}
        for method in node.body:
            if isinstance(method, AnyFunction):
                for name in _assigned(method):
                    self._assigned_in.setdefault(name, []).append(method.name)

    @property
    @answers
    def is_module(self) -> bool:
        """Whether it derives from ``mlx.nn.Module``."""
        return any(
            (isinstance(b, Name) and b.dotted.startswith("mlx.nn."))
            or (isinstance(b, Class) and b.info is not self and b.info.is_module)
            for b in self._known_bases()
        )

    def _known_bases(self) -> list[Value]:
        from .project import resolved

        return [resolved(o) for b in self.bases for o in options(b)]

    def assign(self, name: str, value: Value, by: Module) -> None:
        """``self.name = value`` in one of the methods, or in another file."""
        if by is not self.module:
            by.project.together(by, self.module)
        known = self._attributes.get(name)
        self._attributes[name] = value if known is None else join(known, value)

    @answers
    def attribute(self, name: str) -> Value | None:
        """What ``self.name`` is; None if the class and its bases have no such thing."""
        if name in self._declared:
            said = declared(self._declared[name], self._resolve)
            if said != UNKNOWN:
                return said
        if name in self.methods:
            method = self.methods[name]
            return method.result if method.is_property else Function(method)
        for method_name in self._assigned_in.get(name, ()):
            if method_name in self.methods:
                self.methods[method_name].run()
        if name in self._attributes:
            return self._attributes[name]
        found = self.scope.now.get(name)
        if found is not None:
            return found
        if name in self._assigned_in or name in self._declared:
            return UNKNOWN
        return self._inherited(name)

    def _inherited(self, name: str) -> Value | None:
        for base in self._known_bases():
            if isinstance(base, Class) and base.info is not self:
                found = base.info.attribute(name)
                if found is not None:
                    return found
            elif isinstance(base, Name) and base.dotted.startswith("mlx.nn."):
                last = base.dotted.rpartition(".")[2]
                if name == "training":
                    return Number("bool")
                if last in NN_LAYERS and last != "Module":
                    return of_layer(Layer(last), name)
            else:
                return UNKNOWN
        return None

    @answers
    def above(self) -> Value:
        """What ``super()`` is in its methods, if it has one base."""
        bases = self._known_bases()
        if len(bases) != 1:
            return UNKNOWN
        last = bases[0].dotted.rpartition(".") if isinstance(bases[0], Name) else ("", "", "")
        if last[0].startswith("mlx.nn") and last[2] in NN_LAYERS:
            return Layer(last[2])
        return Instance(bases[0].info) if isinstance(bases[0], Class) else UNKNOWN

    @answers
    def called(self) -> Value:
        """What calling an object of the class gives."""
        found = self.attribute("__call__")
        if isinstance(found, Function):
            return found.info.result
        return found.result if isinstance(found, Returns) else UNKNOWN


def of_layer(layer: Layer, name: str) -> Value:
    """An attribute of a layer of mlx.nn."""
    if name == "__call__" or (name == "as_linear" and layer.name.endswith("Embedding")):
        return Returns(layer_result(layer.name, []))
    if name == "training":
        return Number("bool")
    if name in NN_PARAMETERS and layer.name != "Module":
        return Array()
    return UNKNOWN


def _assigned(method: AnyFunction) -> set[str]:
    """The attributes of its first argument that a method assigns."""
    first = [*method.args.posonlyargs, *method.args.args][:1]
    if not first:
        return set()
    me = first[0].arg
    found: set[str] = set()
    for statement in statements(method.body):
        for target in targets(statement):
            for node in ast.walk(target):
                if (
                    isinstance(node, ast.Attribute)
                    and isinstance(node.ctx, ast.Store)
                    and isinstance(node.value, ast.Name)
                    and node.value.id == me
                ):
                    found.add(node.attr)
    return found

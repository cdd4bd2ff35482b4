"""Declarations: what a word, a layer or a model is, on both sides, and what is demanded of the port.

A spec says everything once; property tests, golden tests, gradient tests, error tests, rows and node
ids follow from it. Nothing here imports a framework or knows a model: targets are strings.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from . import axes
from .bounds import Bound
from .errors import SpecError, unknown
from .inputs import FINITE_KINDS, KINDS, LAYOUTS, Array, Sizes
from .relations import Relation
from .rules import Ratio, Rule

Choices = Sequence[Any] | Callable[[Sizes], Sequence[Any]]
"""The values that an option or axis may take, or a function of the sizes drawn so far."""

AWKWARD: Mapping[str, Sequence[int]] = {
    "b": (1, 2, 3),
    "l": (1, 2, 3, 7, 8, 9, 16, 17, 31, 33, 64, 65, 97, 128, 129, 257),
    "d": (1, 2, 3, 5, 8, 16, 17, 32, 33, 64, 65),
}
"""Sizes for the axes that every spec has: one, odd, prime, and just past a tile or a power of two."""

OTHER: Sequence[int] = (1, 2, 3, 4, 5, 7, 8, 9, 16, 17)
"""Sizes for an axis that neither the spec nor `AWKWARD` names."""

BASE: Mapping[str, int] = {"b": 2, "l": 64, "d": 16}
"""The sizes of a named case where its name gives none."""

OTHER_BASE = 4


def resolve(choices: Choices, sizes: Sizes) -> Sequence[Any]:
    """The choices, given the sizes drawn so far.

    Raises: SpecError if they are a function of an axis that has no size.
    """
    if not callable(choices):
        return choices
    try:
        return choices(sizes)
    except KeyError as error:
        raise SpecError(
            f"choices that follow the sizes ask for axis {error}, and there are only {', '.join(sizes)}; "
            "an axis of no input needs its choices in sizes={...}"
        ) from None


@dataclass(frozen=True)
class ErrorCase:
    """Arguments that both sides must refuse with a message that `says` the value and the remedy.

    `inputs` replaces the axes of arguments (``{"x": "b 3"}``), `values` gives arguments outright,
    `options` and `arguments` replace those of the spec.
    """

    name: str
    says: tuple[str, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.says) < 1:
            raise SpecError(f"error case {self.name!r} says nothing: give the value and the remedy")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call on a module: the method, and which inputs it takes in order.

    An input written ``keyword:name`` goes by keyword, ``=name`` is the size of an axis. The call is made
    only if the constructor's argument `when`, if there is one, is true.
    """

    method: str = "__call__"
    takes: tuple[str, ...] = ()
    when: str | None = None


@dataclass(frozen=True)
class OpSpec:
    """A word: one function on each side, with the same name, argument names and meaning.

    Args:
        name: the word; also the first part of every node id.
        reference, port: ``"package.module:function"``.
        inputs: argument → axes (``"b d l"``) or an `Array`.
        outputs: names of what is returned; several for a tuple.
        options: non-array argument → its choices.
        sizes: axis → its choices, where `AWKWARD` does not serve.
        base: axis → its size in named cases.
        cases: named sizes, ``"l2048 d3"``; the empty name is all base sizes.
        typical: the sizes of a real model, in which profiles are compared; none means the first case's.
        grads: arguments with a gradient; the vector-Jacobian products of both sides are compared.
        rule, grad_rule: what is demanded of outputs and of gradients.
        bound: a forward error bound from theory (`parity.bounds`), by output.
        nonfinite: ``"exact"`` if NaN and infinities must sit where the oracle has them, ``"any"`` if the
            function only has to be non-finite there (transforms mix NaN and infinity).
        kinds, layouts: which inputs to draw.
        errors: arguments that must raise.
        dtype_argument: the argument that takes the working dtype, for functions without arrays.
        kernels: the port's kernels behind the word.
        source: where the word is defined.
        relations: what the function satisfies whatever its values are (`parity.relations`).
        register: whether the suite should find the spec.
    """

    name: str
    reference: str
    port: str
    inputs: Mapping[str, str | Array] = field(default_factory=dict)
    outputs: tuple[str, ...] = ("output",)
    options: Mapping[str, Choices] = field(default_factory=dict)
    sizes: Mapping[str, Choices] = field(default_factory=dict)
    base: Mapping[str, int] = field(default_factory=dict)
    cases: tuple[str, ...] = ("",)
    typical: str = ""
    grads: tuple[str, ...] = ()
    rule: Rule = field(default_factory=Ratio)
    grad_rule: Rule = field(default_factory=Ratio)
    bound: Mapping[str, Bound] = field(default_factory=dict)
    nonfinite: str = "exact"
    kinds: tuple[str, ...] = FINITE_KINDS
    layouts: tuple[str, ...] = LAYOUTS
    errors: tuple[ErrorCase, ...] = ()
    dtype_argument: str | None = None
    kernels: tuple[str, ...] = ()
    source: str = ""
    relations: tuple[Relation, ...] = ()
    register: bool = True

    family = "word"

    def __post_init__(self) -> None:  # noqa: PLR0912 - one branch for each thing that can be wrong
        if not self.name.replace("_", "").isalnum():
            raise SpecError(f"spec name {self.name!r}: use letters, digits and underscores")
        for where in (self.reference, self.port):
            if where.count(":") != 1:
                raise SpecError(f"{self.name}: target {where!r} is not 'package.module:function'")
        for kind in self.kinds:
            if kind not in KINDS:
                raise SpecError(f"{self.name}: " + unknown("kind of input", kind, KINDS))
        for layout in self.layouts:
            if layout not in LAYOUTS:
                raise SpecError(f"{self.name}: " + unknown("layout", layout, LAYOUTS))
        for name in self.grads:
            if name not in self.inputs:
                raise SpecError(f"{self.name}: grads: " + unknown("argument", name, self.inputs))
        for name in self.bound:
            if name not in self.outputs:
                raise SpecError(f"{self.name}: bound: " + unknown("output", name, self.outputs))
        if self.nonfinite not in ("exact", "any"):
            raise SpecError(f"{self.name}: nonfinite={self.nonfinite!r}, expected 'exact' or 'any'")
        if self.register:
            REGISTRY.add(self)

    def arrays(self) -> dict[str, Array]:
        """The arguments that are arrays."""
        return {n: Array(a) if isinstance(a, str) else a for n, a in self.inputs.items()}

    def axis_names(self) -> list[str]:
        """Every axis of the spec, those with choices of their own last, in declaration order."""
        found = [n for a in self.arrays().values() for n in axes.names(a.axes)]
        found += [a.below for a in self.arrays().values() if a.below]
        found = list(dict.fromkeys(found))
        free = [n for n in found if n not in self.sizes]
        return free + list(self.sizes)

    def size_choices(self, axis: str, sizes: Sizes) -> Sequence[int]:
        """The sizes that `axis` may have, given those drawn so far."""
        return resolve(self.sizes.get(axis, AWKWARD.get(axis, OTHER)), sizes)

    def case_sizes(self, name: str) -> dict[str, int]:
        """The sizes of a named case such as ``"l2048 d3"``.

        Raises: SpecError if the name gives a size to an axis that the spec does not have.
        """
        given: dict[str, int] = {}
        for part in name.split():
            letters = part.rstrip("0123456789")
            if letters not in self.axis_names() or letters == part:
                raise SpecError(f"{self.name}: case {name!r}: " + unknown("axis", letters, self.axis_names()))
            given[letters] = int(part[len(letters) :])
        return self.fill_sizes(given)

    def fill_sizes(self, given: Sizes) -> dict[str, int]:
        """The sizes of every axis, from those of some."""
        sizes: dict[str, int] = {}
        for axis in self.axis_names():
            if axis in given:
                sizes[axis] = given[axis]
            elif callable(self.sizes.get(axis)):
                choices = self.size_choices(axis, sizes)
                base = self.base.get(axis, 0)
                sizes[axis] = base if base in choices else max(choices)
            elif axis in self.base:
                sizes[axis] = self.base[axis]
            elif axis in self.sizes:
                sizes[axis] = self.size_choices(axis, sizes)[-1]
            else:
                sizes[axis] = BASE.get(axis, OTHER_BASE)
        return sizes

    def option_sets(self, sizes: Sizes) -> Iterator[dict[str, Any]]:
        """Every combination of options, the first choice of each first."""
        names = list(self.options)
        for values in product(*(resolve(self.options[n], sizes) for n in names)):
            yield dict(zip(names, values, strict=True))


@dataclass(frozen=True)
class LayerSpec(OpSpec):
    """A layer or model: one class on each side, with the same constructor and the same parameters.

    Args:
        arguments: constructor argument → its choices; with `config`, configuration keys.
        config: the configuration classes of both sides, ``("package.module:Class", ...)``, or None.
        calls: output → the call that gives it. A call that returns a dictionary gives its entries.
        load: the port's loader of canonical parameters, ``"package.module:function"``.
        words: the namespaces in which the layers of both sides say words, for tracing.
        outputs: names of what is returned, as for a word.
    """

    arguments: Mapping[str, Choices] = field(default_factory=dict)
    config: tuple[str, str] | None = None
    calls: Mapping[str, Call] = field(default_factory=dict)
    words: tuple[str, str] | None = None
    load: str | None = None

    family = "layer"

    def argument_sets(self, sizes: Sizes) -> Iterator[dict[str, Any]]:
        """Every combination of constructor arguments, the first choice of each first."""
        names = list(self.arguments)
        for values in product(*(resolve(self.arguments[n], sizes) for n in names)):
            yield dict(zip(names, values, strict=True))


@dataclass(frozen=True)
class ModelSpec(LayerSpec):
    """A whole model with a head."""

    family = "model"


@dataclass(frozen=True, kw_only=True)
class Job:
    """The model that ``parity run`` traces whole: a module of specs declares it as ``MAIN_JOB``.

    `arguments` names a configuration object with ``to_dict`` (``"package.module:NAME"``). `tables` name
    functions that yield rows of kind ``accuracy``: whatever else the report should set side by side.
    `trained` and `narrow` name what reads a checkpoint (`parity.given`):
    ``trained(path, root=, config=, length=)`` and ``narrow(path, original)``.
    """

    spec: str
    arguments: str
    sizes: Mapping[str, int]
    title: str
    tables: tuple[str, ...] = ()
    trained: str = ""
    narrow: str = ""


class Registry:
    """The specs that have been declared, by name, in order."""

    def __init__(self) -> None:
        self._specs: dict[str, OpSpec] = {}

    def add(self, spec: OpSpec) -> None:
        """Raises: SpecError if the name is taken by a spec with other targets."""
        old = self._specs.get(spec.name)
        if old is not None and (old.reference, old.port) != (spec.reference, spec.port):
            raise SpecError(
                f"spec {spec.name!r} is declared twice: for {old.reference} and {spec.reference}; "
                "rename one of them"
            )
        self._specs[spec.name] = spec

    def get(self, name: str) -> OpSpec:
        """The spec called `name`.

        Raises: SpecError naming the nearest ones if there is none.
        """
        if name not in self._specs:
            raise SpecError(unknown("spec", name, self._specs))
        return self._specs[name]

    def __iter__(self) -> Iterator[OpSpec]:
        return iter(tuple(self._specs.values()))

    def __contains__(self, name: str) -> bool:
        return name in self._specs

    def __len__(self) -> int:
        return len(self._specs)

    @contextmanager
    def isolated(self) -> Iterator[None]:
        """Within the context there are only the specs declared in it; afterwards the old ones are back."""
        old, self._specs = self._specs, {}
        try:
            yield
        finally:
            self._specs = old


REGISTRY = Registry()
"""Every declared spec: the one global of the harness."""

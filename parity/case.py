"""A case: one spec with everything fixed but the numbers, written as one line that repeats it."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from .dtypes import AnyArray, WorkingDtype, parse_dtype
from .errors import UsageError, unknown
from .given import Given
from .inputs import KINDS, LAYOUTS, draw
from .sides.base import resolve_target
from .spec import REGISTRY, LayerSpec, OpSpec


@dataclass(frozen=True)
class Case:
    """Sizes, dtype, kind of input, layout, options and seed of one spec; `vjp` asks for gradients.

    `left_out` names the optional arguments that are absent. `given` stands in the place of drawn numbers;
    the line does not have it, so a command that gives them says how to repeat it.
    """

    spec: OpSpec
    sizes: Mapping[str, int]
    dtype: WorkingDtype
    kind: str = "normal"
    layout: str = "contiguous"
    options: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    seed: int = 0
    vjp: bool = False
    given: Given | None = field(default=None, repr=False, compare=False)

    def inputs(self, seed: int | None = None) -> dict[str, AnyArray]:
        """The arrays of the case, for its own seed or another."""
        seed = self.seed if seed is None else seed
        if self.given is not None and self.given.inputs is not None:
            return dict(self.given.inputs(seed))
        return {
            name: draw(
                name,
                array,
                self.sizes,
                kind=self.kind,
                dtype=self.dtype,
                seed=seed,
                layout=self.layout,
            )
            for name, array in self.spec.arrays().items()
            if name not in self.left_out
        }

    def with_seed(self, seed: int) -> "Case":
        """The same case with other numbers."""
        return replace(self, seed=seed)

    def __str__(self) -> str:
        parts = [self.spec.name]
        parts += [f"{axis}={n}" for axis, n in self.sizes.items()]
        parts += [f"arg.{name}={value!r}" for name, value in self.arguments.items()]
        parts += [f"opt.{name}={value!r}" for name, value in self.options.items()]
        parts += [f"no={name}" for name in self.left_out]
        parts.append(f"dtype={self.dtype.short}")
        if self.kind != "normal":
            parts.append(f"kind={self.kind}")
        if self.layout != "contiguous":
            parts.append(f"layout={self.layout}")
        parts.append(f"seed={self.seed}")
        if self.vjp:
            parts.append("vjp")
        return ";".join(part.replace(" ", "") for part in parts)

    @classmethod
    def parse(cls, text: str) -> "Case":  # noqa: PLR0912 - one branch for each key of the format
        """The case that `str` wrote.

        Raises: UsageError naming the part that cannot be read.
        """
        name, *parts = text.strip().split(";")
        if name not in REGISTRY:
            raise UsageError(unknown("spec", name, [s.name for s in REGISTRY]))
        spec = REGISTRY.get(name)
        sizes: dict[str, int] = {}
        options: dict[str, Any] = {}
        arguments: dict[str, Any] = {}
        left_out: list[str] = []
        fixed: dict[str, Any] = {"dtype": parse_dtype("float32")}
        for part in parts:
            key, equals, value = part.partition("=")
            if part == "vjp":
                fixed["vjp"] = True
            elif not equals:
                raise UsageError(f"case {text!r}: {part!r} is not key=value")
            elif key == "dtype":
                fixed["dtype"] = parse_dtype(value)
            elif key == "seed":
                fixed["seed"] = _integer(text, key, value, least=0)
            elif key == "kind":
                fixed["kind"] = _one_of(text, "kind", value, KINDS)
            elif key == "layout":
                fixed["layout"] = _one_of(text, "layout", value, LAYOUTS)
            elif key == "no":
                optional = [n for n, a in spec.arrays().items() if a.optional]
                left_out.append(_one_of(text, "optional argument", value, optional))
            elif key.startswith("opt."):
                options[_one_of(text, "option", key[4:], spec.options)] = _literal(text, value)
            elif key.startswith("arg."):
                arguments[_one_of(text, "argument", key[4:], _arguments(spec))] = _literal(text, value)
            else:
                sizes[_one_of(text, "axis", key, spec.axis_names())] = _integer(text, key, value, least=1)
        sizes = spec.fill_sizes(sizes)
        if isinstance(spec, LayerSpec):
            arguments = next(spec.argument_sets(sizes)) | arguments
        return cls(
            spec,
            sizes,
            options=next(spec.option_sets(sizes)) | options,
            arguments=arguments,
            left_out=tuple(left_out),
            **fixed,
        )


def _arguments(spec: OpSpec) -> list[str]:
    """The constructor arguments of a layer: those of its spec, and every key of its configuration."""
    if not isinstance(spec, LayerSpec):
        return []
    keys: list[str] = []
    if spec.config is not None:
        for target in spec.config:  # either will do, and one of the frameworks may be missing
            try:
                keys = [f.name for f in fields(resolve_target(target))]
                break
            except ModuleNotFoundError:
                continue
    return list(dict.fromkeys([*spec.arguments, *keys]))


def _integer(text: str, key: str, value: str, *, least: int) -> int:
    try:
        number = int(value)
    except ValueError:
        raise UsageError(f"case {text!r}: {key}={value!r} is not an integer") from None
    if number < least:
        raise UsageError(f"case {text!r}: {key}={number}, expected at least {least}")
    return number


def _one_of(text: str, what: str, value: str, known: Any) -> str:
    if value not in known:
        raise UsageError(f"case {text!r}: " + unknown(what, value, list(known)))
    return value


def _literal(text: str, value: str) -> Any:
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError):
        raise UsageError(f"case {text!r}: {value!r} is not a literal; quote strings") from None


def named(spec: OpSpec, name: str, dtype: WorkingDtype, *, seed: int = 0, vjp: bool = False) -> Case:
    """The named case of a spec with its first options: what a test id stands for.

    Optional arguments (a bias, labels) are there in a case with gradients, and absent in one without.
    """
    sizes = spec.case_sizes(name)
    arguments = next(spec.argument_sets(sizes)) if isinstance(spec, LayerSpec) else {}
    optional = tuple(n for n, a in spec.arrays().items() if a.optional)
    return Case(
        spec,
        sizes,
        dtype,
        options=next(spec.option_sets(sizes)),
        arguments=arguments,
        left_out=() if vjp else optional,
        seed=seed,
        vjp=vjp,
    )

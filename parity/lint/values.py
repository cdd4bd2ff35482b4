"""What an expression can be: an array, a Python number, a sequence of them, a function; or unknown.

Inference is honest: what is not known is `UNKNOWN`, and nothing is said about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .promotion import promote

if TYPE_CHECKING:
    import ast

    from .definitions import ClassInfo, FunctionInfo
    from .project import Module

MOST_OPTIONS = 6
"""An expression that can be more things than this is unknown."""


@dataclass(frozen=True, slots=True)
class Value:
    """Something of which nothing is known."""


UNKNOWN = Value()


@dataclass(frozen=True, slots=True)
class Array(Value):
    """An ``mx.array``; `dtype` is empty where it is not known."""

    dtype: str = ""


@dataclass(frozen=True, slots=True)
class Number(Value):
    """A Python scalar: ``int``, ``float``, ``bool``, ``complex``, or empty for any of them."""

    kind: str = ""


@dataclass(frozen=True, slots=True)
class Text(Value):
    """A string."""


@dataclass(frozen=True, slots=True)
class Nothing(Value):
    """None."""


@dataclass(frozen=True, slots=True)
class Dtype(Value):
    """A dtype of MLX; `name` is empty where it is not known."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Many(Value):
    """A sequence or an iterable: each element is an `each`; `items` where every one is known."""

    each: Value = UNKNOWN
    items: tuple[Value, ...] | None = None

    @classmethod
    def of(cls, items: Iterable[Value]) -> Many:
        """A sequence of known elements."""
        known = tuple(items)
        return cls(join(*known) if known else UNKNOWN, known)


@dataclass(frozen=True, slots=True)
class Table(Value):
    """A mapping with text as keys: `each` value, and those of known keys."""

    each: Value = UNKNOWN
    items: Mapping[str, Value] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Name(Value):
    """A thing of another package by its full name: ``mlx.core.add``, ``numpy``, ``builtins.float``."""

    dotted: str


@dataclass(frozen=True, slots=True)
class Layer(Value):
    """An object of a class of ``mlx.nn``; `gives` is what a call gives, where its name does not say it."""

    name: str
    gives: Value = UNKNOWN


@dataclass(frozen=True, slots=True)
class Method(Value):
    """An attribute of a value that is most likely called."""

    of: Value
    name: str


@dataclass(frozen=True, slots=True)
class Function(Value):
    """A function of the code that is read."""

    info: FunctionInfo


@dataclass(frozen=True, slots=True)
class Class(Value):
    """A class of the code that is read."""

    info: ClassInfo


@dataclass(frozen=True, slots=True)
class Instance(Value):
    """An object of a class of the code that is read."""

    info: ClassInfo


@dataclass(frozen=True, slots=True)
class Package(Value):
    """A module of the code that is read."""

    module: Module


@dataclass(frozen=True, slots=True)
class Later(Value):
    """A name of another module, looked up when it is used: modules import each other in circles."""

    module: Module
    name: str


@dataclass(frozen=True, slots=True)
class Returns(Value):
    """A callable of which only the result is known; of a lambda, also which and what it takes."""

    result: Value
    of: ast.Lambda | None = None
    takes: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Either(Value):
    """One of several."""

    options: tuple[Value, ...]


def options(value: Value) -> Iterator[Value]:
    """Everything that a value can be."""
    if isinstance(value, Either):
        yield from value.options
    else:
        yield value


def join(*values: Value) -> Value:
    """What is one of `values`. None beside something else is left out: an optional array is an array."""
    found: list[Value] = []
    for value in values:
        for option in options(value):
            if option == UNKNOWN:
                return UNKNOWN
            if option not in found:
                found.append(option)
    if len(found) > 1:
        found = [v for v in found if not isinstance(v, Nothing)]
    found = _merged(found)
    if not found:
        return UNKNOWN
    if len(found) == 1:
        return found[0]
    return Either(tuple(found)) if len(found) <= MOST_OPTIONS else UNKNOWN


def _merged(found: list[Value]) -> list[Value]:
    """Several arrays as one of unknown dtype, several numbers as one of the widest kind, and so on."""
    rest = [v for v in found if not isinstance(v, Array | Number | Dtype | Many | Table)]
    arrays = [v for v in found if isinstance(v, Array)]
    if arrays:
        rest.append(arrays[0] if len(arrays) == 1 else Array())
    numbers = [v for v in found if isinstance(v, Number)]
    if numbers:
        rest.append(numbers[0] if len(numbers) == 1 else Number(widest(n.kind for n in numbers)))
    dtypes = [v for v in found if isinstance(v, Dtype)]
    if dtypes:
        rest.append(dtypes[0] if len(dtypes) == 1 else Dtype())
    sequences = [v for v in found if isinstance(v, Many)]
    if sequences:
        rest.append(sequences[0] if len(sequences) == 1 else _one_of_sequences(sequences))
    tables = [v for v in found if isinstance(v, Table)]
    if tables:
        rest.append(tables[0] if len(tables) == 1 else _one_of_tables(tables))
    return rest


def _one_of_sequences(sequences: list[Many]) -> Many:
    known = [s.items for s in sequences if s.items is not None]
    # An empty list is where many a list of arrays starts: it says nothing of its elements.
    full = [s for s in sequences if s.items != ()]
    each = join(*(s.each for s in full)) if full else UNKNOWN
    if len(known) == len(sequences) and len({len(k) for k in known}) == 1:
        return Many(each, tuple(join(*column) for column in zip(*known, strict=True)))
    return Many(each)


def _one_of_tables(tables: list[Table]) -> Table:
    full = [t for t in tables if t.items or t.each != UNKNOWN]
    keys = {k for t in tables for k in t.items}
    items = {k: join(*(t.items[k] for t in tables if k in t.items)) for k in sorted(keys)}
    return Table(join(*(t.each for t in full)) if full else UNKNOWN, items)


_KINDS = ("bool", "int", "float", "complex")


def widest(kinds: Iterable[str]) -> str:
    """The kind of number that holds all of some kinds; unknown if one of them is."""
    ranks = [_KINDS.index(k) if k else -1 for k in kinds]
    return "" if not ranks or min(ranks) < 0 else _KINDS[max(ranks)]


def is_array(value: Value) -> bool:
    """Whether it is an array, for certain."""
    return all(isinstance(v, Array) for v in options(value))


def is_number(value: Value) -> bool:
    """Whether it is a Python number, for certain."""
    return all(isinstance(v, Number) for v in options(value))


def dtype_of(value: Value) -> str:
    """The dtype of an array; empty if it is not known."""
    return value.dtype if isinstance(value, Array) else ""


def believed(said: Value, seen: Value) -> Value:
    """What a declared thing is: what is seen of it, or where nothing is, what is said of it."""
    if seen == UNKNOWN:
        return said
    both_inexact = isinstance(seen, Many | Table) and type(seen) is type(said)
    return said if both_inexact and not _is_exact(seen) else seen


def unless_contradicted(said: Value, seen: Value) -> Value:
    """What is said of a result, without the parts that are seen to be numbers where arrays are said."""
    if is_array(said) and seen != UNKNOWN and is_number(seen):
        return UNKNOWN
    if isinstance(said, Many) and isinstance(seen, Many):
        each = unless_contradicted(said.each, seen.each)
        if said.items is None or seen.items is None or len(said.items) != len(seen.items):
            return Many(each, None if each != said.each else said.items)
        return Many.of(unless_contradicted(a, b) for a, b in zip(said.items, seen.items, strict=True))
    return said


def _is_exact(value: Value) -> bool:
    if isinstance(value, Many | Table):
        return _is_exact(value.each)
    return value != UNKNOWN


def element(value: Value) -> Value:
    """What iterating over a value gives."""
    found: list[Value] = []
    for v in options(value):
        if isinstance(v, Array):
            found.append(v)
        elif isinstance(v, Many):
            found.append(v.each)
        elif isinstance(v, Table | Text):
            found.append(Text())
        else:
            return UNKNOWN
    return join(*found)


def contains_array(value: Value) -> bool:
    """Whether it is an array, or a sequence of arrays."""
    return is_array(value) or (isinstance(value, Many) and is_array(value.each))


def arithmetic(left: Value, right: Value) -> Value:
    """What an operation on two values gives, at least one of them an array."""
    if is_array(left) and is_array(right):
        return Array(promote(dtype_of(left), dtype_of(right)))
    array, other = (left, right) if is_array(left) else (right, left)
    if not is_number(other):
        return Array()
    kind = widest(v.kind for v in options(other) if isinstance(v, Number))
    name = dtype_of(array)
    keeps = kind in ("bool", "int") or name.startswith(("float", "bfloat", "complex"))
    return Array(name if keeps and kind != "complex" and name != "bool_" else "")

"""What an einsum pattern says: the axes of every array and of the result, by name or by letter."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_letters
from types import EllipsisType

from .errors import EinopsError, UnsupportedPatternError
from .parse import parse
from .recipe import CACHED

Term = tuple[str | EllipsisType, ...]
Names = tuple[str, ...]

_TOO_MANY = f"Too many axes: MLX's einsum tells {len(ascii_letters)} apart"


@dataclass(frozen=True, slots=True)
class Equation:
    """A sum of products for arrays of given shapes, with a letter for each axis and ``...`` spelled out.

    Attributes:
        terms: the letters of each array.
        result: the letters of the result.
        text: all of it, as ``mx.einsum`` takes it.
    """

    terms: tuple[str, ...]
    result: str
    text: str


@lru_cache(maxsize=CACHED)
def equation(pattern: str, letters: bool, shapes: tuple[tuple[int, ...], ...]) -> Equation:
    """The equation of a pattern of names, or of single `letters`, for arrays of these shapes.

    Raises: EinopsError if the pattern is wrong or does not fit the shapes.
    """
    terms, result = _by_letters(pattern) if letters else _by_names(pattern)
    if len({axis for term in terms for axis in term} - {...}) > len(ascii_letters):
        raise EinopsError(_TOO_MANY)
    if len(terms) != len(shapes):
        raise EinopsError(f"The pattern has the axes of {len(terms)} arrays, but there are {len(shapes)}")
    widths = [len(s) - sum(axis is not ... for axis in t) for t, s in zip(terms, shapes, strict=True)]
    spelled = [_spelled(t, w if ... in t else 0) for t, w in zip(terms, widths, strict=True)]
    for i, (term, names, shape) in enumerate(zip(terms, spelled, shapes, strict=True)):
        if len(names) != len(shape):
            least, more = sum(axis is not ... for axis in term), " or more" if ... in term else ""
            raise EinopsError(f"Array {i} has {len(shape)} axes, but the pattern has {least}{more} for it")
    _agree(spelled, shapes)
    dots = max((w for t, w in zip(terms, widths, strict=True) if ... in t), default=0)
    out = _spelled(result, dots)
    code: dict[str, str] = {}
    for name in (name for names in (*spelled, out) for name in names):
        if name not in code:
            if len(code) == len(ascii_letters):
                raise EinopsError(_TOO_MANY)
            code[name] = ascii_letters[len(code)]
    inputs = tuple("".join(code[name] for name in names) for names in spelled)
    output = "".join(code[name] for name in out)
    return Equation(inputs, output, f"{','.join(inputs)}->{output}")


def _spelled(term: Term, dots: int) -> Names:
    """The names of a term; those that ``...`` stands for are ``.2``, ``.1``, from its end."""
    names: list[str] = []
    for axis in term:
        names += [f".{i}" for i in range(dots, 0, -1)] if isinstance(axis, EllipsisType) else [axis]
    return tuple(names)


def _agree(terms: Sequence[Names], shapes: Sequence[tuple[int, ...]]) -> None:
    """Axes of one name have one size, or one element, which is broadcast (not within one array)."""
    sizes: dict[str, tuple[int, int]] = {}
    for i, (names, shape) in enumerate(zip(terms, shapes, strict=True)):
        own: dict[str, int] = {}
        for name, size in zip(names, shape, strict=True):
            called = (
                f"Axis {name!r}" if not name.startswith(".") else f"Axis {name[1:]} from the end of '...'"
            )
            if own.setdefault(name, size) != size:
                raise EinopsError(f"{called} has {own[name]} and {size} elements in array {i}")
            first, seen = sizes.get(name, (i, 1))
            if size != 1 and seen not in (1, size):
                raise EinopsError(f"{called} has {seen} elements in array {first}, but {size} in array {i}")
            if size != 1 or name not in sizes:
                sizes[name] = (i, size)


def _by_names(pattern: str) -> tuple[tuple[Term, ...], Term]:
    """``'b i, i j -> b j'``: axes by names of any length, blanks between them."""
    parts = pattern.split("->")
    if len(parts) != 2:
        raise EinopsError(f"Einsum pattern with {len(parts) - 1} arrows, expected one: 'b i, i j -> b j'")
    left, right = parts
    terms = tuple(_term(text, repeats=True) for text in left.split(","))
    result = _term(right, repeats=False)
    for axis in result:
        if axis is not ... and not any(axis in term for term in terms):
            raise EinopsError(f"Unknown axis {axis!r} on the right: it is in none of the arrays")
    return terms, result


def _term(text: str, *, repeats: bool) -> Term:
    names: list[str | EllipsisType] = []
    for group in parse(text, underscore=True, repeats=repeats).groups:
        if isinstance(group, EllipsisType):
            names.append(group)
            continue
        if not group:
            raise UnsupportedPatternError("Singleton axes (1 or ()) are not for einsum: rearrange first")
        axis = group[0]
        if len(group) > 1 or isinstance(axis, EllipsisType):
            raise UnsupportedPatternError("Shape rearrangement (a b) is not for einsum: rearrange first")
        if isinstance(axis, int):
            raise UnsupportedPatternError(f"Anonymous axes like {axis} are not for einsum: give a name")
        names.append(axis)
    return tuple(names)


def _by_letters(pattern: str) -> tuple[tuple[Term, ...], Term]:
    """``'bi,ij->bj'``: a letter an axis; without an arrow the result has those that stand once, sorted."""
    parts = pattern.split("->")
    if len(parts) > 2:
        raise EinopsError(f"Einsum pattern with {len(parts) - 1} arrows, expected at most one: 'bi,ij->bj'")
    terms = tuple(_run(text) for text in parts[0].split(","))
    letters = [axis for term in terms for axis in term if isinstance(axis, str)]
    if len(parts) == 2:
        result = _run(parts[1])
        if len({*result}) != len(result):
            raise EinopsError(f"Axes stand twice on the right, in {parts[1].strip()!r}")
        for axis in result:
            if axis is not ... and axis not in letters:
                raise EinopsError(f"Unknown axis {axis!r} on the right: it is in none of the arrays")
    else:
        dots: Term = (...,) if any(... in term for term in terms) else ()
        result = (*dots, *sorted(axis for axis in letters if letters.count(axis) == 1))
    return terms, result


def _run(text: str) -> Term:
    """The letters of one array."""
    text = text.strip()
    if " " in text:
        raise EinopsError(
            f"The last argument is the pattern if it has names with blanks between them, as in {text!r}; a "
            "pattern that stands first has a letter an axis and no blanks: einsum('bi,ij->bj', x, y)"
        )
    axes: list[str | EllipsisType] = []
    before, dots, after = text.partition("...")
    axes += before
    axes += [...] if dots else []
    axes += after
    for axis in axes:
        if isinstance(axis, str) and axis not in ascii_letters:
            raise EinopsError(
                f"Invalid axis {axis!r} in {text!r}: a pattern that stands first is made of letters"
            )
    return tuple(axes)

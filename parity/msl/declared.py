"""How a declaration is read: a type with its address space, stars, names, subscripts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .tokens import PLAIN, Token, skip_angles, skip_pair, text_at

SPACES = ("device", "constant", "threadgroup", "thread")
QUALIFIERS = {"const", "volatile", "static", "constexpr", "inline", "restrict", "__restrict"}
_LENGTHS = {"unsigned", "signed", "long", "short", "int", "char"}
VALUE_FOLLOWS = {"return", "else", "do", "case", "goto", "throw", "sizeof", "and", "or", "not", "xor"}
_NO_TYPE = VALUE_FOLLOWS | {
    "for",
    "while",
    "if",
    "switch",
    "break",
    "continue",
    "default",
    "using",
    "typedef",
}
_NO_TYPE |= {"template", "namespace", "struct", "class", "union", "enum", "operator", "delete", "new"}


@dataclass
class Piece(Token):
    """A token that is neither space nor comment nor of a directive."""

    at: int
    """Its index in the text's tokens."""
    sure: bool
    """Is it outside every ``#if``?"""


@dataclass(frozen=True)
class Place:
    """What a name is: a pointer into a space, an array or a value that lies there."""

    space: str
    kind: str
    dimensions: int = 0


Names = dict[str, Place | None]
"""What is known of names; None if they are declared and not understood."""


@dataclass(frozen=True)
class Function:
    """A function outside classes. Its body goes from `first` to `last`; a declaration has none."""

    name: str
    template: bool
    kernel: bool
    parameters: tuple[tuple[str, Place | None], ...]
    first: int
    last: int
    sure: bool


@dataclass(frozen=True)
class Text:
    """The text in pieces, what its macros are called and have in them, its functions and its constants."""

    code: list[Piece]
    macros: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    functions: list[Function] = field(default_factory=list)
    constants: Names = field(default_factory=dict)


@dataclass(frozen=True)
class Base:
    """A declaration's type, without the star, and the index of what follows it."""

    name: str
    spaces: tuple[str, ...]
    fixed: bool
    """Is it static or constexpr, so that its space is not a thread's?"""
    end: int

    def place(self, star: str, dimensions: int) -> Place | None:
        if self.name == "auto" or star == "?" or len(self.spaces) > 1 or (star and dimensions):
            return None
        if not self.spaces and (star or self.fixed or not PLAIN.match(self.name)):
            return None
        space = self.spaces[0] if self.spaces else "thread"
        return Place(space, "pointer" if star == "*" else "array" if dimensions else "value", dimensions)


def base_type(text: Text, i: int) -> Base | None:
    """The type that starts at `i`, or None if none does or a macro is in it."""
    code, name, spaces, fixed = text.code, "", [], False
    while i < len(code) and code[i].kind == "word":
        t = code[i].text
        if t in text.macros or t in _NO_TYPE:
            return None
        if t in SPACES:
            spaces.append(t)
        elif t == "alignas":
            i = skip_pair(code, i + 1, "(", ")") - 1
        elif t in QUALIFIERS:
            fixed |= t in ("static", "constexpr")
        elif not name or (name in _LENGTHS and t in _LENGTHS):
            name = t
            while text_at(code, i + 1) == "::":
                i += 2
            if text_at(code, i + 1) == "<":
                i = max(i, skip_angles(code, i + 1) - 1)
                name += "<>"
        else:
            break
        i += 1
    return Base(name, tuple(spaces), fixed, i) if name else None


def stars(code: Sequence[Piece], i: int) -> tuple[str, int]:
    """One star or one ``&``, a question mark for more, and the index of what follows."""
    star = ""
    while text_at(code, i) in ("*", "&", "&&") or (star and text_at(code, i) in (*SPACES, *QUALIFIERS)):
        if code[i].text not in QUALIFIERS:
            star = "?" if star or code[i].text in SPACES else code[i].text
        i += 1
    return star, i


def subscripts(code: Sequence[Piece], i: int) -> tuple[int, int]:
    """How many pairs of brackets there are from `i` on, and the index of what follows them."""
    count = 0
    while text_at(code, i) == "[":
        i = skip_pair(code, i, "[", "]")
        count += 1
    return count, i


def arguments(code: Sequence[Piece], first: int, last: int) -> list[tuple[int, int]]:
    """The parts between the commas of a list."""
    parts, start, i = [], first, first
    while i < last:
        t = code[i].text
        if t in ("(", "[", "{", "[["):
            i = skip_pair(code, i, t[0], {"(": ")", "[": "]", "{": "}"}[t[0]])
            continue
        if t == "<":
            i = max(i, skip_angles(code, i) - 1)
        if t == ",":
            parts.append((start, i))
            start = i + 1
        i += 1
    return [*parts, (start, last)] if first < last else []


def declarations(text: Text, i: int, last: int, names: Names) -> set[int]:
    """Note what the declaration at `i` declares, if it is one; where the names stand."""
    base = base_type(text, i)
    if base is None:
        return set()
    code, seen, i = text.code, set(), base.end
    while i < last:
        star, i = stars(code, i)
        if i >= last or code[i].kind != "word":
            break
        dimensions, end = subscripts(code, i + 1)
        if text_at(code, end) not in ("=", ";", ",", "{", "(", ":", "[["):
            break
        plain = text_at(code, end) in ("=", ";", ",")
        note(names, code[i].text, base.place(star, dimensions) if plain else None)
        seen.add(i)
        while end < last and code[end].text not in (",", ";", ")", ":"):
            closing = {"(": ")", "[": "]", "[[": "]", "{": "}"}.get(code[end].text)
            end = skip_pair(code, end, code[end].text[0], closing) if closing else end + 1
        if text_at(code, end) != ",":
            break
        i = end + 1
    return seen


def note(names: Names, name: str, place: Place | None) -> None:
    names[name] = place if names.get(name, place) == place else None

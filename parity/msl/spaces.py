"""Which address space a name points into, where the text says so beyond doubt.

A name that is declared in two ways, by a macro, by ``auto``, or in a way that is not understood has none.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .overloads import is_function
from .tokens import PLAIN, Token, ends_line, skip_angles, skip_pair, text_at

SPACES = ("device", "constant", "threadgroup", "thread")
_QUALIFIERS = {"const", "volatile", "static", "constexpr", "inline", "restrict", "__restrict"}
_LENGTHS = {"unsigned", "signed", "long", "short", "int", "char"}
_VALUE_FOLLOWS = {"return", "else", "do", "case", "goto", "throw", "sizeof", "and", "or", "not", "xor"}
_NO_TYPE = _VALUE_FOLLOWS | {
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
CONTROL = {"if", "for", "while", "switch", "catch", "constexpr"}


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


def read(found: Sequence[Token]) -> Text:
    """The text without its directives, and what is declared outside functions."""
    text = Text([])
    depth = i = 0
    while i < len(found):
        t = found[i]
        if t.text == "#" or t.kind == "directive":
            end = i
            while end < len(found) and not ends_line(found[end]):
                end += 1
            words = [w.text for w in found[i:end] if w.kind == "word"]
            kind = words[0] if words and t.text == "#" else ""
            depth += kind in ("if", "ifdef", "ifndef")
            depth -= kind == "endif"
            if kind == "define":
                text.macros.add(words[1])
                text.hidden.update(words[2:])
            i = end
        elif t.kind not in ("space", "comment"):
            text.code.append(Piece(t.kind, t.text, i, depth == 0))
        i += 1
    _outside(text)
    return text


def _outside(text: Text) -> None:
    """Functions and constants, in namespaces too. What classes have in them is not looked at."""
    code, start, i = text.code, 0, 0
    while i < len(code):
        if code[i].text == "(":
            i = skip_pair(code, i, "(", ")")
            continue
        if code[i].text in ("{", ";"):
            head = code[start:i]
            opens = code[i].text == "{"
            after = skip_pair(code, i, "{", "}") if opens else i + 1
            words = {p.text for p in head}
            if is_function(head) and not words & {"operator", "using", "typedef"}:
                _function(text, start, i, after - 1 if opens else i)
                i, start = after, after
            elif not opens:
                if "template" not in words:
                    declarations(text, start, i, text.constants)
                i, start = after, after
            elif words & {"namespace", "extern"} and "=" not in words:
                i, start = i + 1, i + 1
            else:  # a class, whose name may follow its end, or an initialiser
                i = after
            continue
        if code[i].text == "}":
            start = i + 1
        i += 1


def _function(text: Text, start: int, head: int, last: int) -> None:
    code, i = text.code, start
    template = kernel = False
    while i < head and code[i].text != "(":
        t = code[i].text
        template |= t == "template"
        if t == "<":
            i = max(i + 1, skip_angles(code, i))
        elif t == "[[":
            end = skip_pair(code, i, "[", "]")
            kernel |= any(p.text == "kernel" for p in code[i:end])
            i = end
        elif t in ("__attribute__", "alignas"):
            i = skip_pair(code, i + 1, "(", ")")
        else:
            kernel |= t == "kernel"
            i += 1
    if i >= head or code[i - 1].kind != "word" or text_at(code, i - 2) in ("::", "~"):
        return
    parameters = tuple(
        _parameter(text, a, b) for a, b in arguments(code, i + 1, skip_pair(code, i, "(", ")") - 1)
    )
    sure = all(p.sure for p in code[start : last + 1])
    text.functions.append(Function(code[i - 1].text, template, kernel, parameters, head + 1, last, sure))


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


def _parameter(text: Text, first: int, last: int) -> tuple[str, Place | None]:
    """Its name, or nothing if it has none or is not understood."""
    base = base_type(text, first)
    if base is None:
        return "", None
    star, i = stars(text.code, base.end)
    if i >= last or text.code[i].kind != "word":
        return "", None
    dimensions, end = subscripts(text.code, i + 1)
    if end < last and text.code[end].text not in ("=", "[["):
        return "", None
    return text.code[i].text, base.place(star, dimensions)


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
        elif t in _QUALIFIERS:
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
    while text_at(code, i) in ("*", "&", "&&") or (star and text_at(code, i) in (*SPACES, *_QUALIFIERS)):
        if code[i].text not in _QUALIFIERS:
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


def known(text: Text, f: Function) -> Names:
    """The names in a function of which everything is known that is declared there."""
    names: Names = {}
    for name, place in f.parameters:
        _note(names, name, place)
    seen: set[int] = set()
    for i in _starts(text.code, f.first, f.last):
        seen |= declarations(text, i, f.last, names)
    for i in range(f.first, f.last):
        t = text.code[i]
        if t.kind == "word" and i not in seen and _may_declare(text.code, i):
            names[t.text] = None
        if t.text in text.macros and text_at(text.code, i + 1) == "(":
            for p in text.code[i + 2 : skip_pair(text.code, i + 1, "(", ")")]:
                names[p.text] = None
    for name in text.hidden | text.macros:
        names[name] = None
    return {**text.constants, **names}


def _note(names: Names, name: str, place: Place | None) -> None:
    names[name] = place if names.get(name, place) == place else None


def _starts(code: Sequence[Piece], first: int, last: int) -> Iterator[int]:
    """Where statements may begin."""
    yield first
    for i in range(first, last):
        t = code[i].text
        if t in (";", "{", "}", "else", "do"):
            yield i + 1
        elif t == "(" and code[i - 1].text in CONTROL | {"_Pragma"}:
            yield i + 1
            yield skip_pair(code, i, "(", ")")
        elif (t == ":" and "case" in (text_at(code, i - 2), text_at(code, i - 4))) or t == "default":
            yield i + (2 if t == "default" else 1)


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
        _note(names, code[i].text, base.place(star, dimensions) if plain else None)
        seen.add(i)
        while end < last and code[end].text not in (",", ";", ")", ":"):
            closing = {"(": ")", "[": "]", "[[": "]", "{": "}"}.get(code[end].text)
            end = skip_pair(code, end, code[end].text[0], closing) if closing else end + 1
        if text_at(code, end) != ",":
            break
        i = end + 1
    return seen


def _may_declare(code: Sequence[Piece], i: int) -> bool:
    """Does this look like a declaration of the word at `i`: a lambda's parameter, or of a type unknown?"""
    before = code[i - 1]
    if text_at(code, i + 1) == "=" and before.text in ("[", ","):
        return True
    j = i - 1
    while code[j].text in ("*", "&", "&&", *_QUALIFIERS):
        j -= 1
    if code[j].text in (",", "["):  # auto [a, b] = pair;
        while j > 0 and code[j].text not in ("[", ";", "{", "}", "("):
            j -= 1
        return code[j].text == "[" and bool(re.match(r"auto\Z|&&?\Z", code[j - 1].text))
    angle = code[j].text == ">" and _closes(code, j)
    if not angle and (code[j].kind != "word" or code[j].text in _VALUE_FOLLOWS):
        return False
    if j == i - 1 or angle:
        return True
    while text_at(code, j - 1) == "::":
        j -= 2
    ahead = code[j - 1]
    if ahead.text in ("(", ","):
        depth = 1
        while j > 0 and depth:
            j -= 1
            depth += (code[j].text == ")") - (code[j].text == "(")
        return code[j - 1].text == "]" or code[j - 1].text in CONTROL
    return ahead.text in (";", "{", "}") or (ahead.kind == "word" and ahead.text not in _VALUE_FOLLOWS)


def _closes(code: Sequence[Piece], i: int) -> bool:
    """Is the ``>`` at `i` the end of template arguments?"""
    for j in range(i - 1, max(0, i - 64), -1):
        if code[j].text in (";", "{", "}"):
            return False
        if code[j].text == "<" and skip_angles(code, j) == i + 1:
            return True
    return False

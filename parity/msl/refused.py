"""What Apple's compiler refuses and the host's takes, found in the text before it is seen on a Mac."""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .converted import converted
from .overloads import is_function
from .tokens import PLAIN, Token, Wrong, significant, skip_angles, skip_pair, text_at, tokens

_WORDS = {"const", "volatile", "static", "inline"}
_CONTROL = {"if", "else", "for", "while", "switch", "return", "do"}

SPACE = "write device, constant, threadgroup or thread before its type"
DOUBLE = "use float, or two floats for a number and its rounding error"


@dataclass(frozen=True)
class Refusal:
    """The line of the text, from one, what is wrong with it, and what to write instead."""

    line: int
    message: str
    remedy: str


@functools.lru_cache(maxsize=64)
def refused(text: str) -> tuple[Refusal, ...]:
    """What Metal refuses in a text, by line."""
    found = tokens(text)
    lines = [1]
    for t in found:
        lines.append(lines[-1] + t.text.count("\n"))
    aliases = set(re.findall(r"^\s*#\s*define\s+(\w+)", text, re.MULTILINE))
    wrong = {
        (lines[i], message): remedy
        for i, message, remedy in (*_types(found), *_pointers(found, aliases), *converted(found))
    }
    return tuple(Refusal(line, message, wrong[line, message]) for line, message in sorted(wrong))


def _types(found: Sequence[Token]) -> Iterator[Wrong]:
    for i, t in enumerate(found):
        if t.kind == "word" and t.text == "double":
            yield i, "Metal has no double", DOUBLE


def _pointers(found: Sequence[Token], aliases: set[str]) -> Iterator[Wrong]:
    """Parameters of functions, and variables of plain types."""
    start = 0
    i = 0
    while i < len(found):
        t = found[i]
        if t.text == "#" or t.kind == "directive":
            while i + 1 < len(found) and not (found[i].kind == "space" and "\n" in found[i].text[:1]):
                i += 1
            start = i + 1
        elif t.text in (";", "{", "}"):
            if t.text == "{" and is_function(found[start:i]):
                yield from _parameters(found, start, i, aliases)
            elif t.text == ";":
                yield from _variable(found, start, aliases)
            start = i + 1
        elif t.text == "(" and start <= i:
            i = skip_pair(found, i, "(", ")") - 1
        i += 1


def _parameters(found: Sequence[Token], start: int, end: int, aliases: set[str]) -> Iterator[Wrong]:
    if any(t.text in _CONTROL for t in found[start:end]):
        return
    opening = start
    while opening < end and found[opening].text != "(":
        skipped = skip_angles(found, opening) if found[opening].text == "<" else opening
        opening = max(opening + 1, skipped)
    closing = skip_pair(found, opening, "(", ")") - 1
    first = i = opening + 1
    while i <= min(closing, end):
        if found[i].text == "<":
            i = max(i, skip_angles(found, i) - 1)
        elif found[i].text in ("(", "["):
            i = skip_pair(found, i, found[i].text, ")" if found[i].text == "(" else "]") - 1
        elif i == closing or found[i].text == ",":
            yield from _declared("parameter", found, first, i, aliases)
            first = i + 1
        i += 1


def _variable(found: Sequence[Token], start: int, aliases: set[str]) -> Iterator[Wrong]:
    """A statement that starts with a plain type, a star and a name declares a pointer."""
    i = significant(found, start - 1, 1)
    while text_at(found, i) in ("const", "static", "volatile"):
        i = significant(found, i, 1)
    star = significant(found, i, 1)
    name = significant(found, star, 1)
    if PLAIN.match(text_at(found, i)) and text_at(found, star) in ("*", "&") and name < len(found):
        yield from _declared("variable", found, start, name + 1, aliases)


def _declared(what: str, found: Sequence[Token], first: int, end: int, aliases: set[str]) -> Iterator[Wrong]:
    """Is what is declared there a pointer or a reference to a plain type, in no address space?

    Types that depend on a template may hold a space, and those of the text's own may be defined with one.
    """
    words: list[str] = []
    star = name = -1
    for i in range(first, end):
        t = found[i]
        if t.text in ("=", "[["):
            break
        if t.text in ("<", "(", "..."):
            return
        if t.text in ("*", "&"):
            star = i
        elif t.kind == "word":
            words.append(t.text)
            name = i
    types = [w for w in words[:-1] if w not in _WORDS]
    if not 0 <= star < name or len(types) != 1 or types[0] in aliases or not PLAIN.match(types[0]):
        return
    kind = "pointer" if found[star].text == "*" else "reference"
    yield name, f"the {what} {found[name].text!r} is a {kind} without an address space", SPACE

"""Functions that differ only in the address spaces of their pointers: of each family, the first is kept."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

SPACES = {"device", "constant", "thread", "threadgroup", "const"}


class Piece(Protocol):
    """A token of the text."""

    kind: str
    text: str


T = TypeVar("T", bound=Piece)


def _matching(found: Sequence[Piece], i: int, opening: str, closing: str) -> int:
    """The index of the token that closes the one at `i`, or the length."""
    depth = 0
    while i < len(found):
        text = found[i].text
        depth += text == opening
        depth -= text == closing
        if depth == 0:
            return i
        i += 1
    return len(found)


def _line_end(found: Sequence[Piece], i: int) -> int:
    """The last token of a directive that starts at `i`; a backslash continues its line."""
    while i + 1 < len(found):
        following = found[i + 1]
        if following.kind == "space" and "\n" in following.text and not following.text.startswith("\\"):
            break
        i += 1
    return i


def _signature(pieces: Sequence[Piece]) -> str:
    """A head with its address spaces taken out.

    ``constant`` stays as the const that it implies, but for the qualifier of a member function.
    """
    words = [p.text for p in pieces if p.kind not in ("space", "comment")]
    last = len(words) - words[::-1].index(")") if ")" in words else len(words)
    kept: list[str] = []
    for i, word in enumerate(words):
        plain = "const" if word == "constant" and i < last else word
        if (plain in SPACES and plain != "const") or (plain == "const" and kept[-1:] == ["const"]):
            continue
        kept.append(plain)
    return " ".join(kept)


def _blank(found: list[T], first: int, last: int) -> None:
    """Take the tokens out and leave their line ends."""
    for k in range(first, last + 1):
        found[k].text = "\n" * found[k].text.count("\n")
        found[k].kind = "space"


class _Scan:
    """A walk through the text that knows in which braces it is."""

    def __init__(self, found: list[T]) -> None:
        self.found = found
        self.seen: set[tuple[tuple[int, ...], str]] = set()
        self.scope: list[int] = [-1]
        self.classes: set[int] = set()

    def repeated(self, pieces: Sequence[Piece]) -> bool:
        """Has this head, address spaces aside, been seen in this scope, and does it name an address space?"""
        key = (tuple(self.scope), _signature(pieces))
        known = key in self.seen
        self.seen.add(key)
        return known and _names_space(pieces)

    def open(self, head: int, i: int) -> int:
        """At a brace: the token to go on after, which is its other end if the body is not looked into."""
        pieces = self.found[head:i]
        end = min(_matching(self.found, i, "{", "}"), len(self.found) - 1)
        if is_function(pieces):
            if self.repeated(pieces):
                _blank(self.found, head, end)
            elif self.scope[-1] in self.classes:
                _plain_member(pieces)
            return end
        if _is_class(pieces) and _names_space(pieces) and self.repeated(pieces):
            _blank(self.found, head, end)
            return end
        if _is_class(pieces):
            self.classes.add(i)
        self.scope.append(i)
        return i


def drop_repeated(found: list[T]) -> list[T]:
    """Remove a function, method or class whose head, address spaces aside, has been seen in the same scope.

    Only heads that name an address space are looked at, so that nothing is taken from a text that has none.
    """
    scan = _Scan(found)
    head = i = 0
    while i < len(found):
        text = found[i].text
        ends = text in (";", "{", "}")
        if found[i].kind == "directive" or text == "#":
            i, ends = _line_end(found, i), True
        elif text == "(":
            i = _matching(found, i, "(", ")")
        elif text == ":":
            ends = not is_function(found[head:i])
        elif text == "{":
            i = scan.open(head, i)
        elif text == "}" and len(scan.scope) > 1:
            scan.scope.pop()
        i += 1
        head = i if ends else head
    return found


def _names_space(pieces: Sequence[Piece]) -> bool:
    return any(p.text in SPACES - {"const"} for p in pieces)


def _is_class(pieces: Sequence[Piece]) -> bool:
    return any(p.text in ("struct", "class") for p in pieces) and not is_function(pieces)


def _plain_member(pieces: Sequence[Piece]) -> None:
    """``template <> float f(float)`` inside a class: not every compiler has it; a plain overload does."""
    marks = [p for p in pieces if p.kind not in ("space", "comment")]
    if [p.text for p in marks[:3]] == ["template", "<", ">"]:
        for p in marks[:3]:
            p.text = ""


def is_function(pieces: Sequence[Piece]) -> bool:
    """Does this head belong to a function's body, not to a class, namespace or initialiser?"""
    words = [p.text for p in pieces if p.kind not in ("space", "comment")]
    if ")" not in words or "=" in words[: words.index(")")]:
        return False
    plain = [w for w in words if w not in ("template",)]
    depth = 0
    for w in plain:
        depth += (w == "<") - (w == ">")
        if depth == 0 and w in ("struct", "class", "namespace", "enum", "union"):
            return False
        if w == "(":
            break
    return True

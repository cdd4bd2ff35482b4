"""Which address space each name of a function points into, where the text says so beyond doubt.

A name that is declared in two ways, by a macro, by ``auto``, or in a way that is not understood has none.
"""

import re
from collections.abc import Iterator, Sequence

from .declared import QUALIFIERS, VALUE_FOLLOWS, Function, Names, Piece, Text, declarations, note
from .tokens import skip_angles, skip_pair, text_at

CLASSES = {"struct", "class", "union"}
_OF_TYPE = {"decltype", "typeof", "__typeof__"}
CONTROL = {"if", "for", "while", "switch", "catch", "constexpr"}


def known(text: Text, f: Function) -> Names:
    """The names in a function of which everything is known that is declared there."""
    names: Names = {}
    if any(p.text in CLASSES for p in text.code[f.first : f.last]):  # their members have names of their own
        return names
    for name, place in f.parameters:
        note(names, name, place)
    seen: set[int] = set()
    for i in _starts(text.code, f.first, f.last):
        seen |= declarations(text, i, f.last, names)
    for i in range(f.first, f.last):
        t = text.code[i]
        if t.kind == "word" and i not in seen and _may_declare(text.code, i):
            names[t.text] = None
        if t.text in text.macros | _OF_TYPE and text_at(text.code, i + 1) == "(":
            for p in text.code[i + 2 : skip_pair(text.code, i + 1, "(", ")") + 1]:
                names[p.text] = None
    for name in text.hidden | text.macros:
        names[name] = None
    constants = {n: p for n, p in text.constants.items() if p is None or p.space == "constant"}
    return {**constants, **names}


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


def _may_declare(code: Sequence[Piece], i: int) -> bool:
    """Does this look like a declaration of the word at `i`: a lambda's parameter, or of a type unknown?"""
    before = code[i - 1]
    if text_at(code, i + 1) == "=" and before.text in ("[", ","):
        return True
    if before.text == "*" and code[i - 2].text == "(" and text_at(code, i + 1) == ")":
        return text_at(code, i + 2) in ("[", "(")  # float (*p)[4] = tile;
    j = i - 1
    while code[j].text in ("*", "&", "&&", *QUALIFIERS):
        j -= 1
    if code[j].text in (",", "["):  # auto [a, b] = pair;
        while j > 0 and code[j].text not in ("[", ";", "{", "}", "("):
            j -= 1
        return code[j].text == "[" and bool(re.match(r"auto\Z|&&?\Z", code[j - 1].text))
    if code[j].text == ">":
        return _closes(code, j)
    if code[j].kind != "word" or code[j].text in VALUE_FOLLOWS or j == i - 1:
        return code[j].kind == "word" and code[j].text not in VALUE_FOLLOWS
    return _starts_declaration(code, j)


def _starts_declaration(code: Sequence[Piece], j: int) -> bool:
    """Can the word at `j`, with a star behind it, be a type and no factor?"""
    while text_at(code, j - 1) == "::":
        j -= 2
    ahead = code[j - 1]
    if ahead.text in ("(", ","):
        depth = 1
        while j > 0 and depth:
            j -= 1
            depth += (code[j].text == ")") - (code[j].text == "(")
        return code[j - 1].text == "]" or code[j - 1].text in CONTROL
    return ahead.text in (";", "{", "}") or (ahead.kind == "word" and ahead.text not in VALUE_FOLLOWS)


def _closes(code: Sequence[Piece], i: int) -> bool:
    """Is the ``>`` at `i` the end of template arguments?"""
    for j in range(i - 1, max(0, i - 64), -1):
        if code[j].text in (";", "{", "}"):
            return False
        if code[j].text == "<" and skip_angles(code, j) == i + 1:
            return True
    return False

"""From Metal to the C++ of a host compiler, word by word, with every line where it was.

Three things in Metal have no spelling in C++ that a header could give them:

- ``threadgroup float tile[8][9], sum;`` declares memory that all threads of a threadgroup share, while
  ``threadgroup float* p`` is a pointer of one thread;
- ``constant float table[4] = {…};`` is a constant, ``constant float* p`` points to one;
- ``v.xzy`` picks components, and ``v.xz = …`` assigns to them.

Besides, functions that differ only in an address space are one function once there are no address spaces.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .overloads import drop_repeated

_TOKEN = re.compile(
    r"""
      (?P<comment>//[^\n]*(?:\\\n[^\n]*)*|/\*.*?\*/)
    | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
    | (?P<word>[A-Za-z_]\w*)
    | (?P<directive>^[ \t]*\#[ \t]*(?:include|pragma)[^\n]*)
    | (?P<space>\s+|\\\n)
    | (?P<mark>->|::|<<=|>>=|<=|>=|==|!=|&&|\|\||\+\+|--|[-+*/%&|^]=|<<|\[\[|.)
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)

_SWIZZLE = re.compile(r"(?:[xyzw]{2,4}|[rgba]{2,4})\Z")
_COMPONENT = {c: i for letters in ("xyzw", "rgba") for i, c in enumerate(letters)}
_ASSIGNS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
_QUALIFIERS = {
    "const",
    "constexpr",
    "static",
    "volatile",
    "device",
    "constant",
    "thread",
    "threadgroup",
    "alignas",
}


@dataclass
class Token:
    kind: str
    text: str


def tokens(text: str) -> list[Token]:
    """The text in pieces; joined, they are the text again."""
    return [Token(m.lastgroup or "mark", m.group()) for m in _TOKEN.finditer(text)]


def _significant(found: Sequence[Token], i: int, step: int) -> int:
    """The next token from `i` that is not space or comment, or -1 (or the length) at the end."""
    i += step
    while 0 <= i < len(found) and found[i].kind in ("space", "comment"):
        i += step
    return i


def _text(found: Sequence[Token], i: int) -> str:
    return found[i].text if 0 <= i < len(found) else ""


def _skip_angles(found: Sequence[Token], i: int) -> int:
    """From a ``<`` to the token after the ``>`` that closes it; `i` itself if nothing closes it."""
    depth, j = 0, i
    while j < len(found):
        t = found[j].text
        if t == "<":
            depth += 1
        elif t == ">":
            depth -= 1
        elif t == "(":
            j = _skip_pair(found, j, "(", ")") - 1
        elif t in (";", "{", "}", "&&", "||"):
            return i
        j += 1
        if depth == 0:
            return j
    return i


def _skip_pair(found: Sequence[Token], i: int, opening: str, closing: str) -> int:
    depth = 0
    while i < len(found):
        t = found[i].text
        depth += t == opening or (opening == "[" and t == "[[") * 2
        depth -= t == closing
        i += 1
        if depth == 0:
            return i
    return i


def _after_type(found: Sequence[Token], i: int) -> tuple[int, list[str]]:
    """Past qualifiers and a type's name, from the token after `i`: where the declarator starts, and the words passed."""
    words: list[str] = []
    named = False
    j = _significant(found, i, 1)
    while j < len(found):
        t = found[j]
        if t.kind == "word" and t.text in _QUALIFIERS | {"typename", "struct", "unsigned", "signed", "long"}:
            words.append(t.text)
            named = named or t.text in ("unsigned", "signed")
            j = _significant(found, j, 1)
            if t.text == "alignas":
                j = _significant(found, _skip_pair(found, j, "(", ")") - 1, 1)
        elif t.kind == "word" and not named:
            named = True
            j = _significant(found, j, 1)
            while _text(found, j) in ("::", "<"):
                if found[j].text == "<":
                    k = _skip_angles(found, j)
                    if k == j:
                        return j, words
                    j = _significant(found, k - 1, 1)
                else:
                    j = _significant(found, j, 1)
                    if _text(found, j) == "template":
                        j = _significant(found, j, 1)
                    j = _significant(found, j, 1)
        elif t.kind == "word" and t.text in ("int", "short", "char") and words:
            j = _significant(found, j, 1)  # unsigned int
        else:
            break
    return j, words


def _is_variable(found: Sequence[Token], i: int) -> bool:
    """Does the address space at `i` start the declaration of an object, not of a pointer, reference or parameter?"""
    j, _ = _after_type(found, i)
    if j >= len(found) or found[j].kind != "word":
        return False
    return _text(found, _significant(found, j, 1)) in ("[", ";", ",", "=", "{")


def _inside_parentheses(found: Sequence[Token], i: int) -> bool:
    depth = 0
    for t in reversed(found[:i]):
        if t.text == ")":
            depth += 1
        elif t.text == "(":
            depth -= 1
            if depth < 0:
                return True
        elif t.text in ("{", "}", ";") and depth == 0:
            return False
    return False


def _statement_start(found: Sequence[Token], i: int) -> int:
    """Back from an address space over the qualifiers before it."""
    j = i
    while True:
        k = _significant(found, j, -1)
        if k >= 0 and found[k].text in _QUALIFIERS:
            j = k
        else:
            return j


def _threadgroup_variables(found: list[Token], i: int, site: int) -> int:
    """Rewrite one declaration of threadgroup variables that starts with the word at `i`; how many it declares."""
    start = _statement_start(found, i)
    declarator, _ = _after_type(found, i)
    end = declarator
    depth = 0
    names: list[tuple[int, int]] = []
    expecting = True
    initialiser = -1
    while end < len(found):
        t = found[end]
        if t.text in ("[", "(", "{"):
            depth += 1
        elif t.text == "[[":
            depth += 2
        elif t.text in ("]", ")", "}"):
            depth -= 1
        elif depth == 0 and t.text == ";":
            break
        elif depth == 0 and t.text == ",":
            expecting, initialiser = True, -1
        elif depth == 0 and t.text == "=":
            initialiser = end
        elif depth == 0 and expecting and t.kind == "word":
            names.append((end, site + len(names)))
            expecting = False
        if initialiser >= 0:
            found[end] = Token("space", "")  # Metal allows none; a zero is what some write
        end += 1
    for k in range(start, declarator):
        if found[k].text == "alignas":  # the runtime aligns to 16 bytes, and to the type's own alignment
            for m in range(k, _skip_pair(found, _significant(found, k, 1), "(", ")")):
                found[m] = Token("space", "")
        if found[k].text in ("threadgroup", "static", "constexpr", "device", "thread", "volatile"):
            found[k] = Token("space", "")
    found[start] = Token("word", "typedef " + found[start].text)
    references = ""
    for k, number in names:
        name = found[k].text
        found[k] = Token("word", f"msl_tg_{number}_{name}")
        references += (
            f' msl_tg_{number}_{name}& {name} = msl_declare<msl_tg_{number}_{name}>({number}, "{name}");'
        )
    if end < len(found):
        found[end] = Token("mark", ";" + references)
    return len(names)


def _threadgroup(found: list[Token]) -> None:
    site = 1
    for i, t in enumerate(found):
        if t.text != "threadgroup" or t.kind != "word":
            continue
        if not _inside_parentheses(found, i) and _is_variable(found, i) and not _is_member(found, i):
            site += _threadgroup_variables(found, i, site)
        else:
            found[i] = Token("space", "")


def _is_member(found: Sequence[Token], i: int) -> bool:
    """``) threadgroup {`` and ``) const threadgroup;`` qualify a member function."""
    return _text(found, _significant(found, _statement_start(found, i), -1)) == ")"


def _constant(found: list[Token]) -> None:
    for i, t in enumerate(found):
        if t.text != "constant" or t.kind != "word":
            continue
        _, after = _after_type(found, i)
        j, before = _significant(found, i, -1), []
        while j >= 0 and found[j].text in _QUALIFIERS:
            before.append(found[j].text)
            j = _significant(found, j, -1)
        # A reference or pointer to a constant may also have its const after the type: `constant float const*`.
        is_const = "const" in before or "const" in after
        if _is_member(found, i) and _text(found, _significant(found, i, 1)) in ("{", ":", ";", "="):
            found[i] = Token("space", "")
        elif is_const or ("constexpr" in [*before, *after] and _is_variable(found, i)):
            found[i] = Token("space", "")
        else:
            found[i] = Token("word", "const")


def _swizzles(found: list[Token]) -> None:
    declared = _declared_members(found)
    for i, t in enumerate(found):
        if t.kind != "word" or not _SWIZZLE.match(t.text) or t.text in declared:
            continue
        before = _text(found, _significant(found, i, -1))
        following = _text(found, _significant(found, i, 1))
        if before not in (".", "->") or following == "(":
            continue
        indices = ",".join(str(_COMPONENT[c]) for c in t.text)
        method = "lv" if following in _ASSIGNS else "sw"
        found[i] = Token("word", f"template {method}<{indices}>()")


def _declared_members(found: Sequence[Token]) -> set[str]:
    """Words that look like components but that the text declares: ``float2 xy;`` in a structure."""
    names = set()
    for i, t in enumerate(found):
        if t.kind == "word" and _SWIZZLE.match(t.text):
            j = _significant(found, i, -1)
            before = found[j] if j >= 0 else Token("mark", "")
            if (
                before.kind == "word"
                and before.text != "return"
                and _text(found, _significant(found, i, 1)) in ";,[={"
            ):
                names.add(t.text)
    return names


def _attributes(found: list[Token]) -> None:
    """``[[threadgroup(0)]]`` means nothing here; a function constant that nobody sets is zero."""
    for i, t in enumerate(found):
        if t.text != "[[":
            continue
        j = _significant(found, i, 1)
        word = _text(found, j)
        if word not in ("threadgroup", "function_constant"):
            continue
        end = j
        while end < len(found) and found[end].text != "]":
            end += 1
        for k in range(i, min(end + 2, len(found))):
            found[k] = Token("space", "")
        if word == "function_constant":
            found[i] = Token("mark", "= {}")


def _simple(found: list[Token]) -> None:
    """Words that C++ does not know, or that a directive needs; includes of the Metal library are in scope already."""
    for i, t in enumerate(found):
        if t.kind == "directive" and ("include" in t.text or t.text.endswith("once")):
            found[i] = Token("space", "")
        elif t.kind == "word" and t.text in ("device", "thread", "ray_data", "object_data"):
            found[i] = Token("space", "")
        elif t.kind == "word" and t.text == "kernel" and _text(found, _significant(found, i, -1)) != "[[":
            found[i] = Token("space", "")


def rewrite(text: str) -> str:
    """C++ with the meaning of the Metal text, each line in its place."""
    found = tokens(text)
    found = drop_repeated(found)
    _attributes(found)
    _swizzles(found)
    _threadgroup(found)
    _constant(found)
    _simple(found)
    return "".join(t.text for t in found)

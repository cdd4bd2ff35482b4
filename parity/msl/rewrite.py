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

from .declarations import after_type, is_member, is_variable, rewrite_threadgroup
from .overloads import drop_repeated
from .tokens import QUALIFIERS, Token, significant, text_at, tokens

_SWIZZLE = re.compile(r"(?:[xyzw]{2,4}|[rgba]{2,4})\Z")
_COMPONENT = {c: i for letters in ("xyzw", "rgba") for i, c in enumerate(letters)}
_ASSIGNS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}


def _constant(found: list[Token]) -> None:
    for i, t in enumerate(found):
        if t.text != "constant" or t.kind != "word":
            continue
        _, after = after_type(found, i)
        j, before = significant(found, i, -1), []
        while j >= 0 and found[j].text in QUALIFIERS:
            before.append(found[j].text)
            j = significant(found, j, -1)
        # A pointer to a constant may also have its const after the type: `constant float const*`.
        implied = "const" in before or "const" in after
        implied |= "constexpr" in [*before, *after] and is_variable(found, i)
        of_member = is_member(found, i) and text_at(found, significant(found, i, 1)) in ("{", ":", ";", "=")
        found[i] = Token("space", "") if implied or of_member else Token("word", "const")


def _swizzles(found: list[Token]) -> None:
    declared = _declared_members(found)
    for i, t in enumerate(found):
        if t.kind != "word" or not _SWIZZLE.match(t.text) or t.text in declared:
            continue
        before = text_at(found, significant(found, i, -1))
        following = text_at(found, significant(found, i, 1))
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
            j = significant(found, i, -1)
            before = found[j] if j >= 0 else Token("mark", "")
            if (
                before.kind == "word"
                and before.text != "return"
                and text_at(found, significant(found, i, 1)) in ";,[={"
            ):
                names.add(t.text)
    return names


def _attributes(found: list[Token]) -> None:
    """``[[threadgroup(0)]]`` means nothing here; a function constant that nobody sets is zero."""
    for i, t in enumerate(found):
        if t.text != "[[":
            continue
        j = significant(found, i, 1)
        word = text_at(found, j)
        if word not in ("threadgroup", "function_constant"):
            continue
        end = j
        while end < len(found) and found[end].text != "]":
            end += 1
        for k in range(i, min(end + 2, len(found))):
            found[k] = Token("space", "")
        if word == "function_constant":
            found[i] = Token("mark", "= {}")


def _coherent(found: list[Token]) -> None:
    """``coherent(device) device float*``: threads of the executor share one memory, which is coherent."""
    for i, t in enumerate(found):
        if t.text != "coherent" or t.kind != "word":
            continue
        opening = significant(found, i, 1)
        scope = significant(found, opening, 1)
        closing = significant(found, scope, 1)
        scoped = text_at(found, opening) + text_at(found, closing) == "()"
        scoped &= text_at(found, scope) in ("device", "system")
        beside = {text_at(found, significant(found, i, -1)), text_at(found, opening)}
        if scoped or "device" in beside:
            for k in range(i, closing + 1 if scoped else i + 1):
                found[k] = Token("space", "")


def _simple(found: list[Token]) -> None:
    """Words that C++ does not know. Includes of the Metal library are in scope already."""
    for i, t in enumerate(found):
        idle = t.kind == "directive" and ("include" in t.text or t.text.endswith("once"))
        idle |= t.kind == "word" and t.text in ("device", "thread", "ray_data", "object_data")
        idle |= t.kind == "word" and t.text == "kernel" and text_at(found, significant(found, i, -1)) != "[["
        if idle:
            found[i] = Token("space", "")


_ALIAS = re.compile(
    r"^([ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+((?:[^\n]*\W)?threadgroup\b[^\n]*))$", re.MULTILINE
)


def _expand_aliases(text: str) -> str:
    """``#define SHARED threadgroup``: what a name stands for has to be seen where it is used."""
    for whole, name, body in _ALIAS.findall(text):
        if body.endswith("\\"):
            continue
        text = text.replace(whole, "", 1)
        text = "".join(body if t.kind == "word" and t.text == name else t.text for t in tokens(text))
    return text


def rewrite(text: str) -> str:
    """C++ with the meaning of the Metal text, each line in its place."""
    found = tokens(_expand_aliases(text))
    found = drop_repeated(found)
    _attributes(found)
    _coherent(found)
    _swizzles(found)
    rewrite_threadgroup(found)
    _constant(found)
    _simple(found)
    return "".join(t.text for t in found)

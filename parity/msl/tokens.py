"""Metal's text in pieces: words, marks, space, comments. Joined, they are the text again."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<comment>//[^\n]*(?:\\\n[^\n]*)*|/\*.*?\*/)
    | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
    | (?P<word>[A-Za-z_]\w*)
    | (?P<directive>^[ \t]*\#[ \t]*(?:include|pragma)[^\n]*)
    | (?P<space>\n|[^\S\n]+|\\\n)
    | (?P<mark>->|::|<<=|>>=|<=|>=|==|!=|&&|\|\||\+\+|--|[-+*/%&|^]=|<<|\[\[|.)
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)

QUALIFIERS = {
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
"""Words before a declaration's type, and address spaces."""


_SCALARS = (
    "bool char uchar short ushort int uint long ulong half bfloat float complex64_t float16_t bfloat16_t "
)
_SCALARS += "int8_t uint8_t int16_t uint16_t int32_t uint32_t int64_t uint64_t size_t"
PLAIN = re.compile(rf"(?:packed_)?(?:{'|'.join(_SCALARS.split())})[234]?\Z")
"""Types that hold no address space of their own."""


@dataclass
class Token:
    kind: str
    text: str


Wrong = tuple[int, str, str]
"""The index of a token, what is wrong with it, and what mends it."""


def tokens(text: str) -> list[Token]:
    """The text in pieces; joined, they are the text again."""
    return [Token(m.lastgroup or "mark", m.group()) for m in _TOKEN.finditer(text)]


def significant(found: Sequence[Token], i: int, step: int) -> int:
    """The next token from `i` that is not space or comment, or -1 (or the length) at the end."""
    i += step
    while 0 <= i < len(found) and found[i].kind in ("space", "comment"):
        i += step
    return i


def text_at(found: Sequence[Token], i: int) -> str:
    return found[i].text if 0 <= i < len(found) else ""


def ends_line(token: Token) -> bool:
    """Is it a line end that no backslash takes away?"""
    return token.kind == "space" and "\n" in token.text and not token.text.startswith("\\")


def skip_angles(found: Sequence[Token], i: int) -> int:
    """From a ``<`` to the token after the ``>`` that closes it; `i` itself if nothing closes it."""
    depth, j = 0, i
    while j < len(found):
        t = found[j].text
        if t == "<":
            depth += 1
        elif t == ">":
            depth -= 1
        elif t == "(":
            j = skip_pair(found, j, "(", ")") - 1
        elif t in (";", "{", "}", "&&", "||"):
            return i
        j += 1
        if depth == 0:
            return j
    return i


def skip_pair(found: Sequence[Token], i: int, opening: str, closing: str) -> int:
    depth = 0
    while i < len(found):
        t = found[i].text
        depth += t == opening or (opening == "[" and t == "[[") * 2
        depth -= t == closing
        i += 1
        if depth == 0:
            return i
    return i

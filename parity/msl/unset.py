"""Local variables of floating point that hold NaN until the kernel sets them.

A compiler's own filling may be finite, as g++'s is, and then vanishes where it is multiplied by zero: the
first turn of an online softmax scales what it has summed so far by ``exp(-INFINITY - m)``.
"""

from collections.abc import Sequence

from .declared import Function, Piece, Text, arguments, base_type, subscripts
from .outline import read
from .spaces import CLASSES
from .tokens import skip_pair, text_at, tokens


def with_nan(text: str) -> str:
    """The text with each such variable filled behind its declaration, every line where it was."""
    found = tokens(text)
    whole = read(found)
    for f in whole.functions:
        if not any(p.text in CLASSES for p in whole.code[f.first : f.last]):
            for end, names in _declared(whole, f):
                found[whole.code[end].at].text = ";" + "".join(f" msl_unset({name});" for name in names)
    return "".join(t.text for t in found)


def _is_word(code: Sequence[Piece], i: int) -> bool:
    return i < len(code) and code[i].kind == "word"


def _declared(whole: Text, f: Function) -> list[tuple[int, list[str]]]:
    """The ends of declarations that leave a variable unset, and its name."""
    code, i, ends = whole.code, f.first, []
    while i < f.last:
        base = base_type(whole, i) if code[i - 1].text in ("{", ";", "}") else None
        if base and not base.fixed and not {*base.spaces} - {"thread"} and _is_word(code, base.end):
            end = base.end
            while end < f.last and code[end].text not in (";", "{", "}", "("):
                end = skip_pair(code, end, "[", "]") if code[end].text == "[" else end + 1
            names = [
                code[first].text
                for first, last in arguments(code, base.end, end)
                if code[first].kind == "word" and subscripts(code, first + 1)[1] == last
            ]
            if text_at(code, end) == ";" and names and not whole.macros & set(names):
                ends.append((end, names))
        i = skip_pair(code, i, "(", ")") if code[i].text == "(" else i + 1
    return ends

"""What stands in a text outside its functions: macros, constants, and the heads of functions themselves."""

from collections.abc import Sequence

from .declared import Function, Piece, Place, Text, arguments, base_type, declarations, stars, subscripts
from .overloads import is_function
from .tokens import Token, ends_line, skip_angles, skip_pair, text_at


def read(found: Sequence[Token]) -> Text:
    """The text without its directives, and what is declared outside functions."""
    text = Text([])
    depth = behind = 0
    for i, t in enumerate(found):
        if i < behind or t.kind in ("space", "comment"):
            continue
        if t.text != "#" and t.kind != "directive":
            text.code.append(Piece(t.kind, t.text, i, depth == 0))
            continue
        behind = next((k for k in range(i, len(found)) if ends_line(found[k])), len(found))
        words = [w.text for w in found[i:behind] if w.kind == "word"]
        kind = words[0] if words and t.text == "#" else ""
        depth += kind in ("if", "ifdef", "ifndef")
        depth -= kind == "endif"
        if kind == "define":
            text.macros.update(words[1:2])
            text.hidden.update(words[2:])
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

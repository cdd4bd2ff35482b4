"""Pointers that change their address space: Metal compiles no such cast, initialisation, assignment or call.

C++ has no address spaces, so only the text can tell. What is said is certain; where a macro, a template or an
overload may give a name another meaning, nothing is.
"""

from collections.abc import Iterator, Mapping, Sequence

from .declared import SPACES, Function, Names, Piece, Place, Text, arguments, base_type, stars, subscripts
from .loops import statement_end
from .outline import read
from .spaces import known
from .tokens import Token, Wrong, skip_angles, skip_pair, text_at

KEEP = "a pointer keeps its address space: declare it with {space}, or copy the elements"
SMALL = (
    "MLX passes an input of fewer than 8 elements in constant memory: take the pointer with auto or as the "
    "type of a template, or make the input longer"
)
OVERLOAD = "write the function for {space} pointers too, or as a template over the pointer"
_OPERATORS = set("? : == != < > <= >= && || & | ^ << >> = , - += -= ++ --".split())
_POSTFIX = {"[", "(", ".", "->", "::", "++", "--"}
_OF_LIBRARY = ("atomic_", "simd", "quad_", "metal", "elem_to_loc")
_CALLED_AFTER = {"return", "else", "do", "case"}


def converted(found: Sequence[Token]) -> Iterator[Wrong]:
    """What changes its address space in the text's functions."""
    text = read(found)
    if text.macros & {*SPACES, "const"}:
        return
    called = _called(text)
    for f in text.functions:
        if f.first <= f.last and (f.kernel or not f.template):
            yield from _Body(text, f, called).wrong()


def _called(text: Text) -> dict[str, Function]:
    """Functions whose parameters' places do not depend on which of them is meant."""
    ways: dict[str, set[tuple[Place | None, ...] | None]] = {}
    for f in text.functions:
        certain = f.sure and not f.template and not f.name.startswith(_OF_LIBRARY)
        ways.setdefault(f.name, set()).add(tuple(p for _, p in f.parameters) if certain else None)
    return {
        f.name: f
        for f in text.functions
        if len(ways[f.name]) == 1 and None not in ways[f.name] and f.name not in text.macros
    }


class _Body:
    """A function's body, with what its names are."""

    def __init__(self, text: Text, f: Function, called: Mapping[str, Function]) -> None:
        self.text, self.code, self.f, self.called = text, text.code, f, called
        self.names: Names = known(text, f)
        self.small = {
            name
            for name, place in f.parameters
            if f.kernel
            and place
            and place.space == "constant"
            and not name.endswith(("_shape", "_strides", "_ndim"))
        }

    def wrong(self) -> Iterator[Wrong]:
        i = self.f.first
        while i < self.f.last:
            if self.code[i].text == "constexpr" and self.code[i - 1].text == "if" and self.f.template:
                i = _choice_end(self.code, i)  # what is not chosen in a template is not compiled
                continue
            if self.code[i].sure:
                yield from self._at(i)
            i += 1

    def _at(self, i: int) -> Iterator[Wrong]:
        t = self.code[i]
        if t.text in ("(", "static_cast", "reinterpret_cast"):
            yield from self._cast(i)
        elif t.kind == "word" and text_at(self.code, i + 1) == "=":
            place = self.names.get(t.text)
            if place and place.kind == "pointer" and self._stands_alone(i):
                parts = arguments(self.code, i + 2, self._end(i + 2))
                source = self._value(*parts[0]) if parts else None
                if source and source[0] != place.space:
                    yield self._say(
                        i, f"{t.text!r} points to {place.space} memory and is set to", source, KEEP
                    )
        elif t.text in self.called and text_at(self.code, i + 1) == "(" and t.text not in self.names:
            yield from self._call(i)

    def _stands_alone(self, i: int) -> bool:
        """Is the name at `i` a variable, and not a member or what a pointer points to?"""
        before = self.code[i - 1].text
        if before in (";", "{", "}", ")", ","):
            return before != ")" or self._control(i - 1)
        # In a declaration the star is the type's: `device float* p = …`.
        j = i - 1
        while self.code[j].text in ("*", "const"):
            j -= 1
        word = self.code[j].kind == "word" and self.code[j].text not in _CALLED_AFTER
        return j < i - 1 and (word or self.code[j].text == ">")

    def _control(self, i: int) -> bool:
        depth = 0
        while i > self.f.first:
            depth += (self.code[i].text == ")") - (self.code[i].text == "(")
            if depth == 0:
                break
            i -= 1
        return self.code[i - 1].text in ("if", "for", "while")

    def _end(self, i: int) -> int:
        while i < self.f.last and self.code[i].text not in (";", ")", "}"):
            closing = {"(": ")", "[": "]", "{": "}"}.get(self.code[i].text)
            i = skip_pair(self.code, i, self.code[i].text, closing) if closing else i + 1
        return i

    def _cast(self, i: int) -> Iterator[Wrong]:
        target = self._target(i)
        if target is None:
            return
        space, after = target
        if self.code[i].text == "(":
            source = self._unary(after)
            if source is None and text_at(self.code, after) == "(" and self._target(after) is None:
                end = skip_pair(self.code, after, "(", ")")
                source = self._value(after + 1, end - 1) if text_at(self.code, end) not in _POSTFIX else None
        else:
            source = self._value(after + 1, skip_pair(self.code, after, "(", ")") - 1)
        if source and source[0] != space:
            yield self._say(i, f"a cast to a pointer to {space} memory is made of", source, KEEP)

    def _target(self, i: int) -> tuple[str, int] | None:
        """The space that a cast at `i` names, and the index of what is cast."""
        opening = i if self.code[i].text == "(" else i + 1
        end = skip_pair(self.code, i, "(", ")") if opening == i else skip_angles(self.code, opening)
        base = base_type(self.text, opening + 1)
        if base is None or len(base.spaces) != 1 or base.name == "auto":
            return None
        star, after = stars(self.code, base.end)
        return (base.spaces[0], end) if star == "*" and after == end - 1 else None

    def _call(self, i: int) -> Iterator[Wrong]:
        before = self.code[i - 1]
        if before.text in (".", "->", "::") or (before.kind == "word" and before.text not in _CALLED_AFTER):
            return
        f = self.called[self.code[i].text]
        given = arguments(self.code, i + 2, skip_pair(self.code, i + 1, "(", ")") - 1)
        if len(given) != len(f.parameters):
            return
        for (first, last), (name, place) in zip(given, f.parameters, strict=True):
            source = self._value(first, last)
            if source and place and place.kind in ("pointer", "array") and place.space != source[0]:
                what = f"the parameter {name!r} of {f.name!r} points to {place.space} memory and is given"
                yield self._say(first, what, source, OVERLOAD)

    def _value(self, first: int, last: int) -> tuple[str, str] | None:
        """The space into which what stands there points, and its name, if that is certain."""
        if text_at(self.code, first) == "(" and skip_pair(self.code, first, "(", ")") == last:
            return self._value(first + 1, last - 1)
        i = first + (text_at(self.code, first) == "&")
        while i < last:
            if self.code[i].text in _OPERATORS:
                return None
            closing = {"(": ")", "[": "]", "{": "}"}.get(self.code[i].text)
            i = skip_pair(self.code, i, self.code[i].text, closing) if closing else i + 1
        target = self._target(first) if first < last and self.code[first].text == "(" else None
        if target:
            return target[0], "a cast"
        source = self._unary(first)
        return source if source and text_at(self.code, self._after(first)) in (",", ")", ";", "+") else None

    def _after(self, i: int) -> int:
        return subscripts(self.code, i + 2)[1] if self.code[i].text == "&" else i + 1

    def _unary(self, i: int) -> tuple[str, str] | None:
        """``p``, ``&p[…]`` and ``&value``."""
        address = text_at(self.code, i) == "&"
        name = text_at(self.code, i + address)
        place = self.names.get(name)
        after = self._after(i) if i < len(self.code) else i
        if place is None or text_at(self.code, after) in _POSTFIX:
            return None
        count = subscripts(self.code, i + 2)[0] if address else 0
        if place.kind == "pointer":
            fits = count == int(address)
        else:
            fits = count <= place.dimensions if address else place.kind == "array"
        return (place.space, name) if fits else None

    def _say(self, i: int, what: str, source: tuple[str, str], remedy: str) -> Wrong:
        space, name = source
        shown = "a pointer" if name == "a cast" else repr(name)
        mend = SMALL if name in self.small else remedy.format(space=space)
        return self.code[i].at, f"{what} {shown}, which is in {space} memory", mend


def _choice_end(code: Sequence[Piece], i: int) -> int:
    """The end of an ``if constexpr`` with its ``else``, from its second word on."""
    end = statement_end(code, skip_pair(code, i + 1, "(", ")"))
    return statement_end(code, end + 1) if text_at(code, end) == "else" else end

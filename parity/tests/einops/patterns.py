"""Random patterns, valid as they are drawn and then spoilt: text, sizes and the shape of the input."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

NAMES = ("a", "b", "c1", "Head", "x_y", "for", "ß", "axis")
"""Names of axes; keywords, capitals and letters of other alphabets are names too."""

SIZES = (1, 2, 3, 2, 4, 1, 0)

ODDITIES = (
    "(", ")", "()", "...", "..", "....", "->", "1", "0", "2", "01", "_", "_a", "a_", "1a", "a-b", "a.",
    "a...", ",", "*", "…", "\t", "\n", "²", "٣", "((a))", "A", "b", "a", "c1", "new", "(a b)", "(...)", "-",
    "→", "é·",
)  # fmt: skip
"""What may stand in a pattern by mistake, and some of what may stand there rightly."""


KINDS = ("insert", "insert", "delete", "twice", "swap", "size", "no size", "name", "axes")
"""What a mistake may do: to the text of a side, to the sizes given, to the shape."""


@dataclass(frozen=True)
class Case:
    """A call: of a word, on an array of a shape, with a pattern and sizes."""

    word: str
    pattern: str
    shape: tuple[int, ...]
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass
class _Parts:
    """A pattern while it is made: the tokens of both sides, the shape, the sizes."""

    left: list[str]
    right: list[str]
    shape: list[int]
    sizes: dict[str, int]


@st.composite
def cases(draw: Any, word: str) -> Case:
    """Calls of ``rearrange``, ``repeat`` or a reduction: about half of them valid."""
    parts = draw(valid(word))
    if draw(st.booleans()):
        for _ in range(draw(st.integers(1, 2))):
            _spoil(draw, parts)
    space = draw(st.sampled_from((" ", " ", "  ")))
    arrow = draw(st.sampled_from((" -> ", "->", " ->", "  ->  ")))
    pattern = space.join(parts.left) + arrow + space.join(parts.right)
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(pattern)))
        odd = draw(st.sampled_from(("", *ODDITIES)))
        pattern = pattern[:at] + odd + pattern[at + draw(st.integers(0, 1)) :]
    return Case(word, pattern, tuple(parts.shape), parts.sizes)


@st.composite
def valid(draw: Any, word: str) -> _Parts:
    """The parts of a pattern that fits its word and shape."""
    names = draw(st.permutations(NAMES))[: draw(st.integers(0, 5))]
    size = {name: draw(st.sampled_from(SIZES)) for name in names}
    items = [*names]
    given: dict[str, int] = {}
    left: list[
        tuple[list[str], list[int]]
    ] = []  # the axes of a group, and the sizes of its axes in the input
    for group in _grouped(draw, names):
        inferred = next((name for name in group if size[name]), group[0])
        given |= {n: size[n] for n in group if n != inferred or draw(st.integers(0, 3)) == 0}
        left.append((group, [_product(size, group)]))
    if draw(st.booleans()):
        dots = [draw(st.sampled_from(SIZES)) for _ in range(draw(st.integers(0, 2)))]
        left.insert(draw(st.integers(0, len(left))), (["..."], dots))
        items.append("...")
    for _ in range(draw(st.sampled_from((0, 0, 1, 2)))):
        left.insert(draw(st.integers(0, len(left))), ([], [1]))
    if word == "repeat":
        for new in draw(st.sampled_from(((), ("new",), ("2",), ("new", "3"), ("new", "other")))):
            items.append(new)
            given |= {} if new.isdecimal() else {new: draw(st.sampled_from(SIZES))}
    elif word != "rearrange":
        items = [item for item in items if draw(st.booleans())]
        for group, _ in left:
            for i, name in enumerate(group):
                if name not in items and size.get(name, 0) > 1 and draw(st.integers(0, 3)) == 0:
                    given.pop(name, None)  # an axis that goes may have its size for a name
                    group[i] = str(size[name])
    right = _grouped(draw, draw(st.permutations(items)))
    for _ in range(draw(st.sampled_from((0, 0, 1, 2)))):
        right.insert(draw(st.integers(0, len(right))), [])
    return _Parts(
        [_written(draw, group) for group, _ in left],
        [_written(draw, group) for group in right],
        [n for _, dims in left for n in dims],
        given,
    )


def _grouped(draw: Any, items: Sequence[str]) -> list[list[str]]:
    """Some neighbours in one group."""
    found: list[list[str]] = []
    for item in items:
        if found and draw(st.integers(0, 2)) == 0:
            found[-1].append(item)
        else:
            found.append([item])
    return found


def _written(draw: Any, group: Sequence[str]) -> str:
    if not group:
        return str(draw(st.sampled_from(("1", "()", "(1)"))))
    if len(group) == 1 and (group[0] == "..." or draw(st.integers(0, 5))):
        return group[0]
    words = [*group]
    if draw(st.integers(0, 5)) == 0:
        words.insert(draw(st.integers(0, len(words))), "1")
    return f"({' '.join(words)})"


def _product(size: dict[str, int], group: Sequence[str]) -> int:
    total = 1
    for name in group:
        total *= size[name]
    return total


def _spoil(draw: Any, parts: _Parts) -> None:
    """One mistake."""
    kind = draw(
        st.sampled_from(("insert", "insert", "delete", "twice", "swap", "size", "no size", "name", "axes"))
    )
    side = parts.left if draw(st.booleans()) else parts.right
    at = draw(st.integers(0, max(0, len(side) - 1)))
    if kind == "insert":
        side.insert(at, draw(st.sampled_from(ODDITIES)))
    elif kind == "delete" and side:
        del side[at]
    elif kind == "twice" and side:
        side.insert(draw(st.integers(0, len(side))), side[at])
    elif kind == "swap":
        parts.left, parts.right = parts.right, parts.left
    elif kind == "size" and parts.sizes:
        name = draw(st.sampled_from(sorted(parts.sizes)))
        parts.sizes[name] = draw(st.sampled_from((-1, 0, 1, 2, 3, 5, -2)))
    elif kind == "no size" and parts.sizes:
        del parts.sizes[draw(st.sampled_from(sorted(parts.sizes)))]
    elif kind == "name":
        name = draw(st.sampled_from((*NAMES, "unknown", "_a", "a_", "1", "a b", "...", "()")))
        parts.sizes[name] = draw(st.sampled_from(SIZES))
    elif kind == "axes":
        if parts.shape and draw(st.booleans()):
            i = draw(st.integers(0, len(parts.shape) - 1))
            parts.shape[i] = draw(st.sampled_from(SIZES))
        elif parts.shape and draw(st.booleans()):
            del parts.shape[draw(st.integers(0, len(parts.shape) - 1))]
        else:
            parts.shape.insert(draw(st.integers(0, len(parts.shape))), draw(st.sampled_from(SIZES)))

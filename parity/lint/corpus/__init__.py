"""Snippets on which the rules are tried: a bad one says where it breaks which rule, a good one is silent.

A file is one subject. A snippet starts with ``== bad: name`` or ``== good: name``; a line that breaks rules
ends in ``#! CODE CODE``. It stands in a module that imports ``math``, ``mx`` and ``nn``; or, if it does not
begin with a definition or an import, in a function of it with arrays ``x, y, mask``, a list of arrays ``xs``,
numbers ``n`` (int) and ``s`` (float), a shape ``shape``, and ``z``, of which nothing is known.
``== bad raw:`` and ``== good raw:`` are files of their own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PRELUDE = "import math\nimport mlx.core as mx\nfrom mlx import nn\n"
FUNCTION = (
    "def f(x: mx.array, y: mx.array, mask: mx.array, xs: list[mx.array], n: int, s: float, "
    "shape: tuple[int, ...], z):\n"
)
_HEAD = re.compile(r"^== (bad|good)( raw)?: (.+)$")
_MARK = re.compile(r"[ \t]*#! ?((?:MXP\d{3} ?)+)$")
_DEFINES = ("import ", "from ", "def ", "async def ", "class ", "@")


@dataclass(frozen=True)
class Snippet:
    """One snippet.

    Args:
        name: the file's subject and its own name.
        text: a whole module.
        expected: line and code of everything that is to be found, in order.
        is_bad: whether something is.
    """

    name: str
    text: str
    expected: tuple[tuple[int, str], ...]
    is_bad: bool


def snippets() -> Iterator[Snippet]:
    """All of them.

    Raises: ValueError if a file is not as it should be.
    """
    for path in sorted(Path(__file__).parent.glob("*.txt")):
        yield from _of_file(path)


def _of_file(path: Path) -> Iterator[Snippet]:
    head: re.Match[str] | None = None
    lines: list[str] = []
    for line in [*path.read_text(encoding="utf-8").splitlines(), "== good: end"]:
        found = _HEAD.match(line)
        if line.startswith("==") and found is None:
            raise ValueError(f"{path.name}: {line!r} is no head of a snippet")
        if found is None:
            lines.append(line)
            continue
        if head is not None:
            yield _snippet(path.stem, head, "\n".join(lines).strip("\n").split("\n"))
        head, lines = found, []


def _snippet(subject: str, head: re.Match[str], lines: list[str]) -> Snippet:
    kind, is_raw, name = head.groups()
    snippet = made(f"{subject}: {name}", lines, raw=bool(is_raw))
    if snippet.is_bad != (kind == "bad"):
        raise ValueError(
            f"{subject}: {name!r} is {kind}, and {'no line' if kind == 'bad' else 'a line'} is marked"
        )
    return snippet


def made(name: str, lines: list[str], *, raw: bool = False) -> Snippet:
    """A snippet from its lines, marks among them."""
    before, indent = "" if raw else PRELUDE, ""
    if not raw and not lines[0].startswith(_DEFINES):
        before, indent = PRELUDE + FUNCTION, "    "
    expected: list[tuple[int, str]] = []
    plain = []
    for i, line in enumerate(lines, start=before.count("\n") + 1):
        mark = _MARK.search(line)
        if mark:
            expected += [(i, code) for code in mark[1].split()]
        plain.append(indent + line[: mark.start()] if mark else indent + line)
    text = before + "\n".join(plain) + "\n"
    return Snippet(name, text, tuple(sorted(expected)), bool(expected))

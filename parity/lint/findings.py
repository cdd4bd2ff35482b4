"""What a rule finds, and where."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .rules import RULES

LONGEST = 60


@dataclass(frozen=True, order=True)
class Finding:
    """One finding.

    Args:
        path: the file, as it was given.
        line, column: where it starts, both from 1.
        end_line: where it ends; a suppression there counts too.
        code: of the rule.
        what: what stands there.
        fix: what should.
        column_end: the column behind the last character.
    """

    path: str
    line: int
    column: int
    end_line: int
    code: str
    what: str
    fix: str
    column_end: int = 0

    def __str__(self) -> str:
        why = RULES[self.code].why
        return f"{self.path}:{self.line}:{self.column}: {self.code} {self.what}; {why}; {self.fix}"

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "end_line": self.end_line,
            "code": self.code,
            "rule": RULES[self.code].name,
            "what": self.what,
            "why": RULES[self.code].why,
            "fix": self.fix,
        }


class Sink:
    """Where the rules of one file put what they find. Code that is read twice is reported once."""

    def __init__(self, path: str, lines: Sequence[str] = ()) -> None:
        self.path = path
        self._lines = lines
        self.found: dict[tuple[int, int, int, int, str], Finding] = {}

    def report(self, code: str, node: ast.AST, what: str, fix: str) -> None:
        """Add a finding at a node."""
        line = getattr(node, "lineno", 1)
        end = getattr(node, "end_lineno", None) or line
        column = self._column(line, getattr(node, "col_offset", 0))
        column_end = self._column(end, getattr(node, "end_col_offset", None) or 0)
        finding = Finding(self.path, line, column, end, code, what, fix, column_end)
        self.found.setdefault((line, column, end, column_end, code), finding)

    def _column(self, line: int, offset: int) -> int:
        """The column, from 1, of an offset that counts bytes."""
        if not 1 <= line <= len(self._lines) or self._lines[line - 1].isascii():
            return offset + 1
        return len(self._lines[line - 1].encode()[:offset].decode(errors="ignore")) + 1


def source(node: ast.AST) -> str:
    """An expression as text, cut where it is long."""
    return shortened(ast.unparse(node))


def shortened(text: str) -> str:
    """Text on one line, cut where it is long."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"

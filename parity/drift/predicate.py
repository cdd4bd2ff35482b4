"""A question of one's own in place of the verdict: a column of the row, or any command."""

import hashlib
import operator
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from parity.dtypes import AnyArray
from parity.errors import UsageError, unknown
from parity.record import Row

from .prober import Score

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_COLUMN = re.compile(r"^\s*([a-z_][\w. ]*?)\s*(<=|>=|==|!=|<|>)\s*(\S+)\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """``port.rms > 1e-5``: bad where a figure of the row compares so."""

    name: str
    operator: str
    value: str

    def value_in(self, row: Mapping[str, Any]) -> Any:
        """The column of a row (or of its figures).

        Raises: UsageError if the row has no such column, naming the nearest.
        """
        columns = _columns(row)
        if self.name not in columns:
            raise UsageError("--predicate: " + unknown("column", self.name, columns))
        return columns[self.name]

    def bad(self, row: Mapping[str, Any]) -> bool:
        """Whether the row is bad by the question."""
        have: Any = self.value_in(row)
        want: Any = self.value
        try:
            have, want = float(have), float(self.value)
        except (TypeError, ValueError):
            have = str(have)
        return OPERATORS[self.operator](have, want)


@dataclass(frozen=True)
class Command:
    """Any command: bad where it does not end with 0.

    ``{outputs}`` is a safetensors file of the results, ``{python}`` the interpreter that is to be asked.
    """

    text: str

    def digest(self, folder: Path) -> str:
        """What the files hold that the command names: others are another question."""
        files = [folder / w for w in shlex.split(self.text) if (folder / w).is_file()]
        found = hashlib.sha256()
        for file in files:
            found.update(file.read_bytes())
        return found.hexdigest()[:16] if files else ""

    def run(self, folder: Path, outputs: Path | None = None, env: Mapping[str, str] | None = None) -> int:
        """The exit code of the command in a folder."""
        around = {**os.environ, **(env or {})}
        there = {"{outputs}": str(outputs or ""), "{python}": around.get("PARITY_PYTHON", sys.executable)}
        words = shlex.split(self.text)
        for name, value in there.items():
            words = [w.replace(name, value) for w in words]
        try:  # what it prints is for people to read: standard output may be JSON
            done = subprocess.run(words, cwd=folder, env=around, stdout=2, check=False)
        except OSError as error:
            raise UsageError(f"--predicate {self.text!r}: {error}") from None
        return done.returncode


def parse(text: str) -> Column | Command:
    """The question that a text asks.

    Raises: UsageError if it is empty.
    """
    if not text.strip():
        raise UsageError("--predicate is empty: give a column ('port.rms > 1e-5') or a command")
    found = _COLUMN.match(text)
    return Column(found[1], found[2], found[3]) if found else Command(text)


def judged_by(question: Column | Command) -> Callable[[Row, Mapping[str, AnyArray]], Score]:
    """The question as a judge of hybrids."""

    def judge(row: Row, results: Mapping[str, AnyArray]) -> Score:
        if isinstance(question, Column):
            plain = asdict(row)
            value = question.value_in(plain)
            bad = question.bad(plain)
            return Score(bad, row.ratio, row.result, f"{question.name} is {value}")
        with tempfile.TemporaryDirectory(prefix="parity-") as folder:
            outputs = Path(folder) / "outputs.safetensors"
            save_file({n: np.ascontiguousarray(x) for n, x in results.items()}, outputs)
            code = question.run(Path.cwd(), outputs)
        return Score(code != 0, row.ratio, row.result, f"the command ends with {code}")

    return judge


def _columns(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Every plain value of a row under its dotted name; figures also without their prefix."""
    found: dict[str, Any] = {}
    for name, v in value.items():
        path = f"{prefix}{name}"
        if isinstance(v, Mapping):
            found |= _columns(v, "" if path == "figures" else f"{path}.")
        elif not isinstance(v, list | tuple):
            found[path] = v
    return found

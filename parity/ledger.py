"""The ledger: how good every case was, so that getting worse is seen inside the gate too.

``reports/baseline.json`` holds, for each class of environment, the ratios of every named case with the
upper ends of their intervals. A case is worse when its interval lies wholly above the recorded one. In an
environment that the ledger does not know it says nothing.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from .errors import UsageError
from .files import write_text
from .record import Row

SCHEMA = 1
KINDS = ("word", "gradient", "layer", "model")
"""Kinds of row whose case is the same in every run: a search may draw other cases tomorrow."""

Entries = Mapping[str, Mapping[str, Mapping[str, list[float]]]]


@dataclass(frozen=True)
class Ledger:
    """Environment class → row id → norm → [ratio, upper end of its interval], for one seed."""

    path: Path
    seed: int
    entries: Entries

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """The ledger in a file, or None if there is no file.

        Raises: UsageError if the file is not a ledger.
        """
        if not path.is_file():
            return None
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["schema"] != SCHEMA:
                raise UsageError(f"{path} has schema {data['schema']!r}, this version reads {SCHEMA}")
            return cls(path, int(data["seed"]), dict(data["entries"]))
        except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            message = f"{path} is not a ledger: {error}; restore it from version control"
            raise UsageError(message) from None

    def knows(self, environment: str) -> bool:
        """Whether there are figures of this class of environment."""
        return environment in self.entries

    def worse(self, row: Row) -> str | None:
        """Why a row is worse than it was, or None if it is not, or nothing is known of it."""
        known = self.entries.get(row.environment, {}).get(row.id, {})
        for norm, (ratio, high) in known.items():
            now = row.figures.get(norm)
            if isinstance(now, Mapping) and not float(now["low"]) <= high:
                mean, low = float(now["ratio"]), float(now["low"])
                return (
                    f"{norm} ratio {mean:.3g} (from {low:.3g}) is under the gate but worse than the "
                    f"{ratio:.3g} (to {high:.3g}) of {self.path.name}; if that is the price of something "
                    "better, run pytest with --update-baseline and say so in the commit"
                )
        return None


def update(path: Path, rows: Iterable[Row], seed: int) -> int:
    """Put the figures of some rows into the ledger in place of older ones; how many there are.

    Figures of environments that the rows are not of stay, unless they are of another seed.
    """
    old = Ledger.load(path)
    entries: dict[str, Any] = {}
    if old is not None and old.seed == seed:
        entries = {environment: dict(known) for environment, known in old.entries.items()}
    count = 0
    for row in rows:
        # No error at all on a few inputs is luck: a rule for what is exact stands in a spec.
        figures = {n: row.figures[n] for n in ("rms", "max") if n in row.figures}
        found = {n: _pair(f) for n, f in figures.items() if float(f["high"]) > 0}
        if row.kind in KINDS and row.status == "pass" and row.environment and found:
            entries.setdefault(row.environment, {})[row.id] = found
            count += 1
    write_text(path, _text({"schema": SCHEMA, "seed": seed, "entries": entries}))
    return count


def _pair(figures: Mapping[str, Any]) -> list[float]:
    """Ratio and upper end with three digits, the latter rounded up: what is recorded is never in the way."""
    ratio, high = float(figures["ratio"]), float(figures["high"])
    step = 10.0 ** (math.floor(math.log10(high)) - 2)
    return [float(f"{ratio:.3g}"), float(f"{math.ceil(high / step) * step:.6g}")]


def _text(data: Mapping[str, Any]) -> str:
    """JSON with one case a line: a change of one figure is a change of one line."""
    blocks = []
    for environment in sorted(data["entries"]):
        known = data["entries"][environment]
        lines = ",\n".join(f"  {json.dumps(i)}: {json.dumps(known[i])}" for i in sorted(known))
        blocks.append(f" {json.dumps(environment)}: {{\n{lines}\n }}")
    body = ",\n".join(blocks)
    head = f'"schema": {data["schema"]}, "seed": {data["seed"]}, "entries": '
    return "{" + head + "{\n" + body + "\n}}\n"


def describe(path: Path, rows: Iterable[Row]) -> str:
    """What the ledger had to say of a run, in a line."""
    found = Ledger.load(path)
    if found is None:
        return f"no ledger at {path}"
    judged = [r for r in rows if r.kind in KINDS and r.environment]
    known = [r for r in judged if r.id in found.entries.get(r.environment, {})]
    if judged and not known:
        return (
            f"{path.name} has no figures of this environment ({judged[0].environment}): take them with "
            "pytest --update-baseline"
        )
    return f"{len(known)} rows held against the figures of {path.name}"

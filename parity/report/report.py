"""What a run's rows say together."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from parity import errors, sides
from parity.environment import environment
from parity.files import write_text
from parity.ledger import describe
from parity.margins import Margin, read_rates
from parity.margins import read as read_margins
from parity.messages import counted
from parity.nodes import KERNEL_SIDES
from parity.record import SCHEMA, Row
from parity.settings import NUMERICS, PORT_SIDES, Settings
from parity.sides.kernel_use import NATIVE
from parity.spec import REGISTRY

FAMILIES = ("word", "gradient", "layer", "model", "property", "metamorphic")
"""Kinds of row that say something of one spec on one side, and stand in the matrix."""


def _is_layer(path: str) -> bool:
    """Whether a path has a line of its own: ``bert.embeddings``, ``encoder.layer.3``, not what is within."""
    parts = path.split(".")
    return len(parts) <= 2 or (parts[-1].isdigit() and sum(p.isdigit() for p in parts) == 1)


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _natural(path: str) -> list[tuple[int, int | str]]:
    """A key that sorts layer 2 before layer 10."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in path.split(".")]


@dataclass(frozen=True)
class Report:
    """Rows, what they were measured on, and with which settings."""

    rows: tuple[Row, ...]
    environment: dict[str, Any]
    settings: dict[str, Any]
    out: Path
    created: str
    ledger: str = ""
    margins: Mapping[str, Margin] = field(default_factory=dict)
    rates: Mapping[str, Any] | None = None

    @classmethod
    def make(
        cls, rows: Sequence[Row], settings: Settings, root: Path, *, measured_on: dict[str, Any] | None = None
    ) -> Self:
        """The report on a run that ends now. Paths in it are relative to `root` where they can be.

        `measured_on` is the environment where another process measured; none means that it was this one.
        """
        plain: dict[str, Any] = {}
        for key, value in asdict(settings).items():
            plain[key] = _relative(value, root) if isinstance(value, Path) else value
        ordered = sorted(rows, key=lambda r: (r.kind, r.id, r.result))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        ledger = describe(settings.baseline, ordered)
        margins = read_margins(settings.baseline.with_name("margins.json"))
        rates = read_rates(settings.baseline.with_name("alarms.json"))
        where = measured_on or environment()
        return cls(tuple(ordered), where, plain, settings.out, now, ledger, margins, rates)

    def exit_code(self, require_side: Sequence[str] = ()) -> int:
        """A mismatch is 1, goldens out of order 11, a required side missing 12, nothing compared 10.

        A side of the port that is required and compared nothing, for whatever reason, counts as nothing.
        """
        failed = self.failures()
        if failed:
            stale = all(r.kind == "golden" and r.rule == "files" for r in failed)
            return errors.EXIT_STALE_GOLDEN if stale else errors.EXIT_MISMATCH
        if any(sides.why_not(side) for side in require_side):
            return errors.EXIT_SIDE_UNAVAILABLE
        return errors.EXIT_NOTHING_COMPARED if self.idle(require_side) else errors.EXIT_OK

    # -- questions ------------------------------------------------------------------------------------

    def of(self, *kinds: str) -> list[Row]:
        """The rows of some kinds."""
        return [r for r in self.rows if r.kind in kinds]

    @property
    def counts(self) -> dict[str, int]:
        """Rows by status."""
        found = Counter(r.status for r in self.rows)
        return {s: found.get(s, 0) for s in ("pass", "fail", "undecided", "not run")}

    @property
    def compared(self) -> list[Row]:
        """Rows in which numbers of a side were compared with what they should be."""
        return [r for r in self.rows if r.compared and r.kind != "probe"]

    @property
    def about_the_port(self) -> list[Row]:
        """Those of them that say something of a side of the port, not only of the reference or of files."""
        return [r for r in self.compared if r.side in PORT_SIDES]

    def idle(self, required: Sequence[str] = ()) -> list[str]:
        """The sides of the port that are required and compared nothing; ``any`` if no side did."""
        compared = {r.side for r in self.about_the_port}
        missing = [s for s in required if s in PORT_SIDES and s not in compared]
        return missing if compared else [*missing, "any"]

    def natively(self) -> list[Row]:
        """Layers and models that sides of kernels ran, with words in them that ran on no kernel."""
        return [r for r in self.compared if r.side in KERNEL_SIDES and any(NATIVE in n for n in r.notes)]

    @property
    def verdict(self) -> str:
        """The whole in one sentence."""
        counts = self.counts
        numbers = sum(r.n for r in self.compared)
        held = f"{counted(len(self.compared), 'comparison')} of {numbers:,} numbers"
        if counts["fail"]:
            failing = f"{counts['fail']:,} of {counted(len(self.rows), 'row')} fail"
            return f"Parity does NOT hold: {failing} ({held})."
        if counts["undecided"]:
            return f"Undecided: {counts['undecided']} rows need more inputs (--seeds); {held}."
        if not self.about_the_port:
            return "Nothing of the port was compared."
        if idle := self.idle(self.settings.get("require_side", ())):
            return f"Nothing was compared on {', '.join(idle)}, which the run requires; elsewhere {held}."
        return f"Parity holds: {held}."

    def failures(self) -> list[Row]:
        """Rows that are not a pass, failures first, the worst first."""
        bad = [r for r in self.rows if r.status in ("fail", "undecided")]
        return sorted(bad, key=lambda r: (r.status != "fail", -r.ratio, r.id))

    def worst(self, n: int = 10) -> list[Row]:
        """The port's `n` rows nearest to their gates (or furthest past them)."""
        judged = [r for r in self.about_the_port if "gate" in r.figures and r.ratio > 0]
        return sorted(judged, key=lambda r: (-r.ratio, r.id))[:n]

    def two_sided(self) -> list[tuple[str, float, Margin]]:
        """Spec, noise (its largest ratio here), and the smallest known bug; the narrowest margin first.

        With words swapped the noise is no noise, and there is nothing to show.
        """
        if self.settings.get("swap"):
            return []
        found = []
        for spec, line in self.matrix().items():
            if spec in self.margins:
                noise = max((r.ratio for r in line.values() if math.isfinite(r.ratio)), default=0.0)
                found.append((spec, noise, self.margins[spec]))
        return sorted(found, key=lambda f: f[2].effect / max(f[1], 1e-3))

    def not_run(self) -> list[Row]:
        """What did not run, with its reason."""
        return [r for r in self.rows if r.status == "not run"]

    def columns(self) -> list[tuple[str, str, str]]:
        """Side, device and dtype of every column of the matrix."""
        order = {"float32": 0, "float16": 1, "bfloat16": 2}
        found = {(r.side, r.device, r.dtype) for r in self.of(*FAMILIES) if r.side}
        return sorted(found, key=lambda c: (c[0], c[1], order.get(c[2], 3)))

    def matrix(self) -> dict[str, dict[tuple[str, str, str], Row]]:
        """The worst row of every spec in every column."""
        rank = {"fail": 3, "undecided": 2, "pass": 1, "not run": 0}
        table: dict[str, dict[tuple[str, str, str], Row]] = {}
        for row in self.of(*FAMILIES):
            line = table.setdefault(row.spec, {})
            column = (row.side, row.device, row.dtype)
            old = line.get(column)
            key = (rank[row.status], row.ratio)
            if old is None or key > (rank[old.status], old.ratio):
                line[column] = row
        declared = {spec.name: i for i, spec in enumerate(REGISTRY)}
        order = sorted(table, key=lambda name: (declared.get(name, len(declared)), name))
        return {name: table[name] for name in order}

    @property
    def numerics(self) -> str:
        """The numerical profile that the port ran with."""
        return str(self.settings.get("numerics", "canonical"))

    def profiles(self) -> list[Row]:
        """The rows that set numerical profiles side by side: by word, in their own order within one."""
        declared = {spec.name: i for i, spec in enumerate(REGISTRY)}
        order = {name: i for i, name in enumerate(NUMERICS)}
        found = [r for r in self.of("profile") if "profile" in r.figures]
        return sorted(
            found,
            key=lambda r: (
                r.side,
                r.device,
                declared.get(r.spec, len(declared)),
                order.get(str(r.figures["profile"]), len(order)),
            ),
        )

    def layers(self) -> list[tuple[Row, Row | None]]:
        """The rows of a trace down to single layers, each with what is nearest to its gate within it."""
        rows = self.of("trace")
        found = []
        for row in rows:
            path = row.result
            if "/" in path or row.status == "not run" or not _is_layer(path):
                continue
            inside = [r for r in rows if r.side == row.side and r.result.startswith((path + ".", path + "/"))]
            found.append((row, max(inside, key=lambda r: r.ratio, default=None)))
        return sorted(found, key=lambda pair: _natural(pair[0].result))

    def narrow(self) -> list[Row]:
        """What narrower weights cost, down to single layers: information, not gated."""
        rows = [r for r in self.of("drift") if r.rule == "information"]
        return sorted((r for r in rows if _is_layer(r.result)), key=lambda r: _natural(r.result))

    def packed(self) -> list[Row]:
        """The tensors with narrower weights, each held against the original."""
        return [r for r in self.of("drift") if "-weights-" in r.id]

    # -- files ----------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON has it."""
        return {
            "schema": SCHEMA,
            "created": self.created,
            "verdict": self.verdict,
            "counts": self.counts,
            "settings": self.settings,
            "environment": self.environment,
            "ledger": self.ledger,
            "rows": [json.loads(r.to_json()) for r in self.rows],
        }

    def write(self, out: Path) -> None:
        """Write ``report.json`` and ``report.md`` to a folder."""
        from .markdown import markdown

        write_text(out / "report.json", json.dumps(self.to_dict(), ensure_ascii=False, indent=1) + "\n")
        write_text(out / "report.md", markdown(self))

    def terminal(self) -> list[str]:
        """The summary for a terminal."""
        from .terminal import lines

        return lines(self)


def figure(x: float | str | None, digits: int = 2) -> str:
    """A number for a table: short, and ``–`` for none."""
    if x is None:
        return "–"
    value = float(x)
    if math.isnan(value) or math.isinf(value):
        return str(value)
    return f"{value:.{digits}g}" if value < 10 else f"{value:,.0f}"


def cell(row: Row) -> str:
    """How near its gate a row is: ``=`` bit for bit, ``2/5 ulp``, or the ratio whose gate is 1."""
    if row.rule == "exact":
        text = "="
    elif row.rule.endswith("ulp"):
        text = f"{row.figures.get('ulps', 0)}/{row.rule}"
    else:
        text = f"{row.ratio:.2f}" if row.ratio < 100 else f"{row.ratio:.3g}"
    return {"pass": text, "fail": f"✗ {text}", "undecided": f"? {text}", "not run": "–"}[row.status]

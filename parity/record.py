"""Rows: what was judged, one JSON object a line, on disk as soon as it is known."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .compare import Comparison, Errors
from .errors import ParityError, unknown
from .verdict import Interval, Verdict, overall, worst_of

SCHEMA = 1

KINDS = (
    "accuracy",
    "word",
    "gradient",
    "layer",
    "model",
    "property",
    "metamorphic",
    "golden",
    "trace",
    "drift",
    "bisect",
    "mutant",
    "alarm",
    "profile",
    "error",
    "side",
    "probe",
    "test",
)
STATUSES = ("pass", "fail", "undecided", "not run")


@dataclass(frozen=True)
class Row:
    """One judged result, or one thing that was not run and why.

    `id` is the node (``long_conv-l2048-bf16-mlx``), `result` the output, gradient or path within it,
    `repeat` the command that does exactly this again, `environment` what must be equal for another
    row's figures to be comparable (`parity.environment.environment_class`).
    """

    kind: str
    id: str
    status: str
    spec: str = ""
    result: str = ""
    side: str = ""
    device: str = ""
    dtype: str = ""
    case: str = ""
    rule: str = ""
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    n: int = 0
    seeds: int = 0
    figures: Mapping[str, Any] = field(default_factory=dict)
    repeat: str = ""
    environment: str = ""
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ParityError(unknown("kind of row", self.kind, KINDS))
        if self.status not in STATUSES:
            raise ParityError(unknown("status", self.status, STATUSES))

    @property
    def compared(self) -> bool:
        """Whether the row says that values were compared."""
        return self.status != "not run" and self.n > 0

    @property
    def ratio(self) -> float:
        """How near to its gate the result is: 1 is the gate."""
        value = self.figures.get("gate")
        return math.inf if value == "inf" else float(value or 0.0)

    def to_json(self) -> str:
        """One line of JSON; numbers that JSON does not have become text."""
        return json.dumps(_plain(vars(self)), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Row":
        """The row that `to_json` wrote.

        Raises: ParityError if its schema is another one.
        """
        if data.get("schema") != SCHEMA:
            raise ParityError(
                f"row has schema {data.get('schema')!r}, this version reads {SCHEMA}; "
                "write the rows again with one version of the package"
            )
        known = {k: v for k, v in data.items() if k in cls.__dataclass_fields__}
        for key in ("reasons", "notes"):
            known[key] = tuple(known.get(key, ()))
        return cls(**known)


def _plain(value: Any) -> Any:
    """Floats that are not finite as text, tuples as lists, the rest as it is."""
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def figures(verdict: Verdict) -> dict[str, Any]:
    """The numbers behind a verdict; those of the worst input where they belong to one."""
    found: dict[str, Any] = {"gate": verdict.ratio}
    for name, interval in (("rms", verdict.rms), ("max", verdict.max)):
        if interval is not None:
            found[name] = _interval(interval)
    for name in ("ulps", "over_bound", "bias"):
        value = getattr(verdict, name)
        if value is not None:
            found[name] = value
    if verdict.worst is not None:
        found |= _of_worst(verdict.worst)
    return found


def _interval(x: Interval) -> dict[str, float]:
    return {"ratio": x.mean, "low": x.low, "high": x.high, "limit": x.limit}


def _of_worst(sample: Comparison) -> dict[str, Any]:
    found: dict[str, Any] = {"scale": sample.scale}
    for name, errors in (("port", sample.error), ("reference", sample.reference)):
        if errors is not None:
            found[name] = _errors(errors)
    if sample.floor is not None:
        found["floor"] = {"rms": sample.floor.rms, "max": sample.floor.max}
    if sample.histogram:
        found["ulp_histogram"] = list(sample.histogram)
    if sample.worst:
        found["worst"] = sample.worst
    return found | dict(sample.info)


def _errors(x: Errors) -> dict[str, float]:
    return {"rms": x.rms, "max": x.max, "shift": x.shift, "shrink": x.shrink}


def row_of(verdicts: Mapping[str, Verdict], **identity: Any) -> Row:
    """Verdicts on the results of one run as a row: figures of the worst, how near its gate each is."""
    name, worst = worst_of(verdicts)
    several = len(verdicts) > 1
    reasons = tuple(
        f"{n}: {reason}" if several else reason
        for n, v in verdicts.items()
        if v.status != "pass"
        for reason in v.reasons
    )
    found = figures(worst)
    if several:
        found["results"] = {n: round(v.ratio, 4) for n, v in verdicts.items()}
    return Row(
        status=overall(v.status for v in verdicts.values()),
        result=name,
        rule=worst.rule,
        reasons=reasons,
        notes=tuple(dict.fromkeys(note for v in verdicts.values() for note in v.notes)),
        n=sum(v.n for v in verdicts.values()),
        seeds=worst.seeds,
        figures=found,
        **identity,
    )


class RowWriter:
    """Appends rows to a file and flushes each, so that a crash loses nothing that was known.

    A file of an earlier run is replaced by the first row of this one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[Row] = []

    def write(self, row: Row) -> None:
        """Put one row on disk."""
        first = not self.rows
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("w" if first else "a", encoding="utf-8") as file:
            file.write(row.to_json() + "\n")
            file.flush()
        self.rows.append(row)

    def write_all(self, rows: Iterable[Row]) -> None:
        """Put several on disk, in order."""
        for row in rows:
            self.write(row)


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a file; a last line that a crash cut short is left out.

    Raises: ParityError if another line is not a row.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            yield Row.from_dict(json.loads(line))
        except json.JSONDecodeError as error:
            if number == len(lines):
                return
            raise ParityError(f"{path}:{number} is not JSON ({error}); is it a rows file?") from None

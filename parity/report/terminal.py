"""The report in a terminal: what a developer reads first."""

from collections import Counter

from parity.messages import counted
from parity.record import Row
from parity.sides.kernel_use import NATIVE

from .report import Report, cell, figure

MOST_FAILURES = 8


def lines(report: Report) -> list[str]:
    """The summary: failures, worst ten, matrix, what did not run, the probe, where the report is."""
    found: list[str] = []
    found += _failures(report)
    found += _layers(report)
    found += _narrow(report)
    found += _worst(report)
    found += _matrix(report)
    found += _profiles(report)
    found += _not_run(report)
    found += probe_lines(report.of("probe"))
    found += [
        "",
        f"numerical profile: {report.numerics}",
        report.verdict,
        f"report: {report.out / 'report.md'}",
    ]
    return found


def table(rows: list[list[str]], *, right_from: int = 1) -> list[str]:
    """Columns padded to their width; those from `right_from` on are flush right."""
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            text.rjust(w) if i >= right_from else text.ljust(w)
            for i, (text, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _failures(report: Report) -> list[str]:
    bad = report.failures()
    found = []
    for row in bad[:MOST_FAILURES]:
        found += [f"{row.status}: {row.id} ({row.result or row.kind})", f"  {row.repeat}"]
    if len(bad) > MOST_FAILURES:
        found.append(f"… and {len(bad) - MOST_FAILURES} more rows that are not a pass")
    return found


def _layers(report: Report) -> list[str]:
    layers = report.layers()
    if not layers:
        return []
    head = ["layer by layer", "ratio", "port", "reference", "floor", "nearest to its gate within"]
    body = [
        [
            row.result,
            cell(row),
            _norm(row, "port"),
            _norm(row, "reference"),
            _norm(row, "floor"),
            f"{near.result.removeprefix(row.result).lstrip('.')} {cell(near)}" if near else "–",
        ]
        for row, near in layers
    ]
    return ["", *table([head, *body])]


def _narrow(report: Report) -> list[str]:
    rows = report.narrow()
    if not rows:
        return []
    head = ["what narrower weights cost", "narrower", "port", "reference"]
    body = [
        [r.result, *(figure(r.figures.get(who)) for who in ("narrow", "port", "reference"))] for r in rows
    ]
    packed = report.packed()
    steps = [float(r.figures["largest_steps"]) for r in packed if "largest_steps" in r.figures]
    line = "relative error, not gated"
    if all(r.status == "pass" for r in packed):
        line += f"; {sum(r.n for r in packed):,} weights are the nearest that their format has"
    if steps:
        beyond = max(float(r.figures.get("beyond_last_level", 0)) for r in packed)
        line += f"; up to {beyond:.1%} of a matrix beyond the last level, {max(steps):.2f} steps at most"
    return ["", *table([head, *body]), line]


def _worst(report: Report) -> list[str]:
    worst = report.worst()
    if not worst:
        return []
    head = ["nearest to the gate (1 is the gate)", "ratio", "port", "reference", "floor"]
    body = [
        [
            f"{row.id} {row.result}".strip(),
            f"{row.ratio:.3g}",
            _norm(row, "port"),
            _norm(row, "reference"),
            _norm(row, "floor"),
        ]
        for row in worst
    ]
    return ["", *table([head, *body])]


def _norm(row: Row, who: str) -> str:
    errors = row.figures.get(who)
    return figure(errors["rms"]) if errors else "–"


def _matrix(report: Report) -> list[str]:
    columns = report.columns()
    if not columns:
        return []
    devices = {(side, device) for side, device, _ in columns}
    several = len(devices) > len({side for side, _ in devices})
    head = ["", *(f"{s}{'/' + d if several else ''} {t}" for s, d, t in columns)]
    body = [
        [spec, *(cell(line[c]) if c in line else "" for c in columns)]
        for spec, line in report.matrix().items()
    ]
    return ["", *table([head, *body])]


def _profiles(report: Report) -> list[str]:
    rows = report.profiles()
    if not rows:
        return []
    head = ["numerical profiles", "", "error", "× reference's", "ratio", "× canonical time"]
    body = [
        [
            row.spec if i == 0 or rows[i - 1].spec != row.spec else "",
            str(row.figures["profile"]),
            figure(row.figures.get("rms_over_oracle")),
            figure(row.figures.get("over_reference")),
            cell(row),
            figure(row.figures.get("time")),
        ]
        for i, row in enumerate(rows)
    ]
    return ["", *table([head, *body], right_from=2)]


def _not_run(report: Report) -> list[str]:
    missing = report.not_run()
    sides = [r for r in missing if r.kind == "side"]
    others = [r for r in missing if r.kind != "side"]
    found = [f"did not run: {r.id.removeprefix('side-')}: {'; '.join(r.reasons)}" for r in sides]
    if others:
        reasons = {"; ".join(r.reasons) for r in others}
        found += [
            f"did not run: {counted(sum('; '.join(r.reasons) == why for r in others), 'test')}: {why}"
            for why in sorted(reasons)
        ]
    natively = Counter(n for r in report.natively() for n in r.notes if NATIVE in n)
    found += [f"in {counted(n, 'row')} of kernels {note}" for note, n in natively.items()]
    return ["", *found] if found else []


def probe_lines(rows: list[Row]) -> list[str]:
    """Effective bits by side and operation, and what is wrong with them."""
    findings = [f"finding: {reason}" for r in rows for reason in r.reasons]
    rows = [r for r in rows if "bits" in r.figures]
    if not rows:
        return findings
    operations = list(dict.fromkeys(r.spec for r in rows))
    head = ["effective bits", *operations]
    lines_: dict[str, dict[str, str]] = {}
    for r in rows:
        key = f"{r.side}/{r.device} {r.dtype}"
        lines_.setdefault(key, dict.fromkeys(operations, ""))[r.spec] = f"{float(r.figures['bits']):.1f}"
    return ["", *table([head, *([k, *v.values()] for k, v in lines_.items())]), *findings]

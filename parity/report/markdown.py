"""The report as Markdown: for a pull request, a job summary, or somebody who was not there."""

from collections.abc import Sequence

from parity.ledger import KINDS as LEDGER_KINDS
from parity.record import Row
from parity.sides.kernel_use import NATIVE

from .goldens import goldens
from .report import Report, cell, figure
from .tables import table

HOW_TO_READ = """\
Every error is taken in float64 against the same model in float64. The *ratio* of a result is the port's
error over what is allowed: twice (root mean square) or four times (largest element) the larger of
PyTorch's own error in the same dtype and the *floor*, which is how far the reference moves when its inputs
move by one unit in the last place and its sums and roundings change. **1 is the gate**; above it a row fails.
`=` is bit for bit, `2/5 ulp` is two units in the last place of five allowed, `✗` a failure, `?` too few
inputs to tell."""


def markdown(report: Report) -> str:
    """The whole report."""
    sections = [
        [
            "# Tolerance report",
            "",
            f"**{report.verdict}**",
            "",
            f"The port ran with the numerical profile *{report.numerics}*.",
        ],
        _failures(report),
        _trace(report),
        _narrow(report),
        _sequences(report),
        goldens(report),
        _worst(report),
        _matrix(report),
        _profiles(report),
        _accuracy(report),
        _margins(report),
        _rates(report),
        _not_run(report),
        _natively(report),
        _probe(report),
        _environment(report),
        ["## How to read it", "", HOW_TO_READ],
    ]
    return "\n\n".join("\n".join(s) for s in sections if s) + "\n"


def _failures(report: Report) -> list[str]:
    bad = report.failures()
    if not bad:
        return []
    found = ["## What does not hold"]
    for row in bad:
        found += ["", f"### {row.status}: `{row.id}`", ""]
        found += [f"- {reason}" for reason in row.reasons]
        if row.figures.get("worst"):
            found.append(f"- worst element of `{row.result}`: {row.figures['worst']}")
        found += [f"- {note}" for note in row.notes]
        if row.case:
            found.append(f"- case: `{row.case}`")
        found += ["", "```", row.repeat, "```"]
    return found


def _norm(row: Row, who: str) -> str:
    errors = row.figures.get(who)
    return figure(errors["rms"]) if errors else "–"


def _trace(report: Report) -> list[str]:
    rows = [r for r in report.of("trace") if r.status != "not run"]
    if not rows:
        return []
    words = sum("/" in r.result for r in rows)
    intro = (
        f"{rows[0].case}, on `{rows[0].side}`: {len(rows) - words} layer outputs and {words} word results "
        "judged, each where it is made. The last column names what is nearest to its gate within the layer."
    )
    body = [
        [
            f"`{m.result}`",
            _norm(m, "port"),
            _norm(m, "reference"),
            _norm(m, "floor"),
            cell(m),
            f"`{near.result.removeprefix(m.result).lstrip('.')}` {cell(near)}" if near else "–",
        ]
        for m, near in report.layers()
    ]
    head = ["layer", "port's error", "reference's", "floor", "ratio", "nearest within"]
    return ["## Layer by layer", "", intro, "", *table(head, body)]


def _narrow(report: Report) -> list[str]:
    rows = report.narrow()
    if not rows:
        return []
    intro = (
        f"Error relative to the size of the exact result (RMS), {'; '.join(rows[0].notes)}. "
        "Whether each weight is the nearest that its format has to the original's is a check of its own."
    )
    columns = ("narrow", "port", "reference")
    body = [[f"`{r.result}`", *(figure(r.figures.get(who)) for who in columns)] for r in rows]
    found = ["## What narrower weights cost", "", intro, ""]
    found += table(["layer", "narrower weights", "whole weights", "reference"], body)
    names = ("largest_steps", "beyond_last_level", "relative_rms")
    tensors = [
        [f"`{r.result}`", r.status, *(figure(r.figures.get(name)) for name in names)]
        for r in report.packed()
        if r.figures or r.status != "pass"
    ]
    head = [
        "packed tensor",
        "nearest level",
        "largest error, steps",
        "part beyond the last level",
        "relative RMS",
    ]
    return [*found, "", *table(head, tensors)] if tensors else found


def _sequences(report: Report) -> list[str]:
    rows = [r for r in report.of("model") if "-sequence-" in r.id]
    if not rows:
        return []
    body = [["; ".join(r.notes), cell(r), _norm(r, "port"), _norm(r, "reference")] for r in rows]
    head = ["sequence", "ratio", "port's error", "reference's"]
    return ["## Sequence by sequence", "", *table(head, body)]


def _worst(report: Report) -> list[str]:
    worst = report.worst()
    if not worst:
        return []
    body = [
        [
            f"`{row.id}`",
            f"`{row.result}`" if row.result else "",
            f"{row.ratio:.3g}",
            _norm(row, "port"),
            _norm(row, "reference"),
            _norm(row, "floor"),
        ]
        for row in worst
    ]
    head = ["case", "result", "ratio", "port's error", "reference's", "floor"]
    return ["## Nearest to the gate", "", *table(head, body)]


def _matrix(report: Report) -> list[str]:
    columns = report.columns()
    if not columns:
        return []
    body = [
        [f"`{spec}`", *(cell(line[c]) if c in line else "" for c in columns)]
        for spec, line in report.matrix().items()
    ]
    head = ["word, layer or model", *(f"{s}/{d} {t}" for s, d, t in columns)]
    return ["## By word, layer and side", "", *table(head, body)]


def _profiles(report: Report) -> list[str]:
    rows = report.profiles()
    if not rows:
        return []
    intro = (
        "Each profile of each word that has a choice, on the same inputs: error over the exact result's size "
        "(root mean square), over the reference's own error, the ratio to the gate (gradients included), and "
        "the time of a forward pass over that of the canonical profile, measured in turn."
    )
    body = [
        [
            f"`{row.spec}`" if i == 0 or rows[i - 1].spec != row.spec else "",
            str(row.figures["profile"]),
            figure(row.figures.get("rms_over_oracle")),
            figure(row.figures.get("max_over_oracle")),
            figure(row.figures.get("over_reference")),
            cell(row),
            figure(row.figures.get("time")),
        ]
        for i, row in enumerate(rows)
    ]
    head = ["word", "profile", "error, RMS", "largest", "× reference's", "ratio", "× canonical time"]
    return ["## Numerical profiles", "", intro, "", *table(head, body)]


def _accuracy(report: Report) -> list[str]:
    """A table for each title, a line for each row, a column for each figure."""
    found: list[str] = []
    for title in dict.fromkeys(str(r.figures.get("title", "")) for r in report.of("accuracy") if r.compared):
        rows = [r for r in report.of("accuracy") if r.figures.get("title") == title]
        names = list(dict.fromkeys(n for r in rows for n in r.figures if n not in ("title", "order")))
        rows.sort(key=lambda r: float(r.figures.get("order", 0)))
        body = [[r.case, *(figure(r.figures.get(n)) for n in names)] for r in rows]
        found += ["", f"## {title}", "", *table(["", *names], body)]
    return found[1:]


def _margins(report: Report) -> list[str]:
    found = report.two_sided()
    if not found:
        return []
    intro = (
        "Noise lies below the gate, the smallest known bug above it: each as a multiple of the gate. "
        "The bugs are those of `parity mutants --list`."
    )
    body = [
        [f"`{s}`", f"{noise:.2g}", f"{m.effect:.3g}" + ("" if m.effect > 1 else " ✗"), f"`{m.bug}`"]
        for s, noise, m in found
    ]
    head = ["word, layer or model", "noise", "smallest bug", "which"]
    return ["## Noise ← gate → smallest bug", "", intro, "", *table(head, body)]


def _rates(report: Report) -> list[str]:
    rates = report.rates
    if rates is None:
        return []
    alarms, most = f"{rates['alarm_rate']:.3%}", f"{rates['alarm_rate_at_most']:.2%}"
    intro = (
        f"{rates['inputs']:,} inputs of a whole model, {rates['comparisons']:,} runs of the port and of "
        f"correct variants of it: {alarms} alarm at the gate (at most {most} of inputs, 95 %), and "
        f"{rates['kill_rate']:.1%} of {rates['bugs']} known bugs are killed by this one model alone."
    )
    body = [[f"{c['gate']:g}", f"{c['alarms']:.3%}", f"{c['kills']:.1%}"] for c in rates["curve"]]
    head = ["gate ×", "correct variants that alarm", "known bugs that are killed"]
    missed = rates["not_killed"]
    note = ["", "Seen by other stages only: " + ", ".join(f"`{n}`" for n in missed)] if missed else []
    return ["## Where the gate stands", "", intro, "", *table(head, body), *note]


def _not_run(report: Report) -> list[str]:
    missing = report.not_run()
    if not missing:
        return []
    by_reason: dict[str, list[str]] = {}
    for row in missing:
        by_reason.setdefault("; ".join(row.reasons), []).append(row.id)
    found = ["## What did not run", ""]
    for reason, ids in by_reason.items():
        found.append(f"- {_some(ids)}: {reason}")
    return found


def _natively(report: Report) -> list[str]:
    """Layers and models of the sides of kernels: which words in them ran on none, and why."""
    by_note: dict[str, list[str]] = {}
    for row in report.natively():
        for note in row.notes:
            if NATIVE in note:
                by_note.setdefault(note, []).append(row.id)
    if not by_note:
        return []
    found = ["## What ran on no kernel within what was compared on kernels", ""]
    return found + [f"- {note}: in {_some(ids)}" for note, ids in by_note.items()]


def _some(ids: Sequence[str]) -> str:
    """The first of some ids, and how many more."""
    return ", ".join(f"`{i}`" for i in ids[:4]) + (f" and {len(ids) - 4} more" if len(ids) > 4 else "")


def _probe(report: Report) -> list[str]:
    rows = report.of("probe")
    findings = [f"- **finding**: {reason}" for r in rows for reason in r.reasons]
    notes = dict.fromkeys(f"- {note}" for r in rows for note in r.notes)
    apart = [
        f"- products of {r.side}/{r.device} are independent of PyTorch's: not equal to the last bit"
        for r in rows
        if r.spec == "independence" and r.status == "pass"
    ]
    rows = [r for r in rows if "bits" in r.figures]
    if not rows:
        return []
    operations = list(dict.fromkeys(r.spec for r in rows))
    lines: dict[str, dict[str, str]] = {}
    for r in rows:
        key = f"{r.side}/{r.device} {r.dtype}"
        text = f"{float(r.figures['bits']):.1f}" + (" ✗" if r.status != "pass" else "")
        lines.setdefault(key, dict.fromkeys(operations, ""))[r.spec] = text
    expected = {r.dtype: r.figures["expected"] for r in rows}
    formats = ", ".join(f"{n} in {d}" for d, n in expected.items())
    intro = f"Bits of the result that are right on average: correct rounding leaves a little over {formats}"
    body = [[k, *v.values()] for k, v in lines.items()]
    return [
        "## Effective precision",
        "",
        intro + ".",
        "",
        *table(["", *operations], body),
        "",
        *apart,
        *notes,
        *findings,
    ]


def _environment(report: Report) -> list[str]:
    e = report.environment
    machine = e["machine"]
    packages = ", ".join(f"{k} {v}" for k, v in e["packages"].items())
    found = [
        "## Measured on",
        "",
        f"- {machine['system']} {machine['release']}, {machine['architecture']}, {machine['processor']}, "
        f"{machine['cores']} cores",
        f"- Python {e['python']}, {packages}",
        f"- linear algebra: {', '.join(e['blas']) or 'unknown'}",
    ]
    if any(r.kind in LEDGER_KINDS for r in report.rows):
        found.append(f"- ledger: {report.ledger}")
    if e["variables"]:
        found.append("- variables: " + ", ".join(f"`{k}={v}`" for k, v in e["variables"].items()))
    if e["revision"]:
        found.append(f"- revision {e['revision']}")
    settings = {k: v for k, v in report.settings.items() if v not in ((), None, False)}
    found.append("- settings: " + ", ".join(f"{k} {_text(v)}" for k, v in settings.items()))
    found.append(f"- {report.created}")
    return found


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)

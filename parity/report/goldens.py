"""The golden cases in a report."""

from collections.abc import Mapping, Sequence

from parity.record import Row

from .report import Report, cell
from .tables import table

MANY_CASES, FEW_CASES = 40, 10
"""Of a folder with more cases than the first, so many as the second are shown."""


def goldens(report: Report) -> list[str]:
    """The section, empty if there are none: every case, of large folders those that matter."""
    rows = [r for r in report.of("golden") if r.spec != "index"]
    if not rows:
        return []
    cases: dict[str, dict[str, Row]] = {}
    for r in rows:
        exact, own = r.side.endswith("f64"), r.side.startswith("reference")
        column = "reference, float64" if exact else "reference" if own else r.side
        cases.setdefault(r.id.removeprefix("golden-").removesuffix(f"-{r.side}"), {})[column] = r
    sides = sorted({s for line in cases.values() for s in line}, key=lambda s: (s[:9] != "reference", s))
    folders: dict[str, list[str]] = {}
    for case in cases:
        folders.setdefault(case.rpartition("/")[0], []).append(case)
    said, shown = [], []
    for folder, names in folders.items():
        some = _nearest(cases, names) if len(names) > MANY_CASES else names
        shown += some
        if len(some) < len(names):
            said.append(
                f"Of {len(names)} cases in `{folder}` the {len(some)} nearest to their gates, and what does "
                "not hold, if anything; `report.json` has all."
            )
    body = [[f"`{c}`", *(cell(cases[c][s]) if s in cases[c] else "" for s in sides)] for c in shown]
    return [
        "## Golden cases",
        "",
        *(line for text in said for line in (text, "")),
        *table(["case", *sides], body),
    ]


def _nearest(cases: Mapping[str, Mapping[str, Row]], names: Sequence[str]) -> list[str]:
    """The cases that do not hold, and the ports' results that are nearest to their gates."""

    def near(case: str) -> float:
        return max((r.ratio for r in cases[case].values() if not r.side.startswith("reference")), default=0.0)

    bad = [n for n in names if any(r.status not in ("pass", "not run") for r in cases[n].values())]
    nearest = sorted(names, key=near, reverse=True)[:FEW_CASES]
    return [n for n in names if n in {*bad, *nearest}]

"""Pictures of a trace: drift by depth, and each call's own error by layer and word."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from parity.errors import UsageError

from .measure import Drift
from .tree import parts, unit

LOW, HIGH = -1, 3
"""The ends of the colours of the heat map, powers of ten."""

NEEDS = "pictures need matplotlib: pip install 'm2bert-parity[plot]'"


def by_unit(drifts: Sequence[Drift]) -> dict[str, list[Drift]]:
    """Calls by the part of the model that they are in, in order."""
    found: dict[str, list[Drift]] = {name: [] for name in parts(d.point.path for d in drifts)}
    for d in drifts:
        if unit(d.point.path) in found:
            found[unit(d.point.path)].append(d)
    return found


def ends_of_units(drifts: Sequence[Drift]) -> list[Drift]:
    """What each part of the model hands on: its own call if it is a module, else its last."""
    found = []
    for name, inner in by_unit(drifts).items():
        whole = [d for d in inner if d.point.path == name and not d.point.word]
        found.append((whole or inner)[-1])
    return found


def worst_gradients(drifts: Sequence[Drift]) -> dict[str, Drift]:
    """Of each part, the result of a backward trace that is a gradient of its parameters and furthest off."""
    found: dict[str, Drift] = {}
    for d in drifts:
        name = d.point.word.removeprefix("grad param.")
        if d.result and name != d.point.word and d.observed >= 0:
            part = unit(name.rpartition(".")[0])
            if part not in found or d.observed > found[part].observed:
                found[part] = d
    return found


def draw(drifts: Sequence[Drift], folder: Path, title: str) -> list[Path]:
    """Write ``drift.svg`` and ``heat.svg`` into a folder; their paths.

    Raises: UsageError if matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise UsageError(NEEDS) from None
    folder.mkdir(parents=True, exist_ok=True)
    done = []
    for name, plot, size in (
        ("drift.svg", _depth, (10.0, 4.5)),
        ("heat.svg", _heat, (10.0, 1.5 + 0.3 * len(by_unit(drifts)))),
    ):
        figure = Figure(figsize=size, layout="constrained")
        plot(figure, drifts, title)
        figure.savefig(folder / name, metadata={"Date": None})
        done.append(folder / name)
    return done


def _depth(figure: Any, drifts: Sequence[Drift], title: str) -> None:
    """The error of each part's result, the port's beside the reference's, and what the part itself adds.

    Backward, of the gradient that comes to its result; and the worst of its parameters' gradients.
    """
    axes = figure.add_subplot()
    ends = ends_of_units(drifts)
    xs = range(len(ends))
    worst = worst_gradients(drifts)
    learned = [worst.get(d.point.path) for d in ends]
    for label, values, style in (
        ("the port", [d.observed for d in ends], "o-"),
        ("the reference", [d.reference for d in ends], "s--"),
        ("the part itself, on the reference's inputs", [d.local for d in ends], "^:"),
        ("the worst gradient of its parameters", [d.observed if d else math.nan for d in learned], "v:"),
    ):
        shown = [v if v > 0 else math.nan for v in values]
        if any(v > 0 for v in shown):
            axes.plot(xs, shown, style, label=label, markersize=4)
    axes.set_yscale("log")
    axes.set_xticks(list(xs), [d.point.path for d in ends], rotation=45, ha="right", fontsize=7)
    axes.set_ylabel("error ÷ size, RMS")
    if worst:
        axes.set_xlabel("on the way back →", fontsize=8)
    axes.set_title(title, fontsize=10)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=8)


def _heat(figure: Any, drifts: Sequence[Drift], title: str) -> None:
    """The largest own error of each word in each part, over the larger of the reference's and one ulp.

    What is exact has "=", what is not said there nothing.
    """
    rows = by_unit(drifts)
    shown = {d.point.word for ds in rows.values() for d in ds}
    words = list(dict.fromkeys(d.point.word for d in drifts if d.point.word in shown - {""}))
    table = [[_worst(ds, word) for word in words] for ds in rows.values()]
    axes = figure.add_subplot()
    image = axes.imshow(
        [[min(math.log10(v), HIGH + 1) if v > 0 else math.nan for v in row] for row in table],
        aspect="auto",
        cmap="viridis",
        vmin=LOW,
        vmax=HIGH,
    )
    axes.set_xticks(range(len(words)), words, rotation=45, ha="right", fontsize=7)
    axes.set_yticks(range(len(rows)), list(rows), fontsize=7)
    for i, row in enumerate(table):
        for j, value in enumerate(row):
            if value >= 0:
                color = "black" if value == 0 or math.log10(value) > 1 else "white"
                text = "=" if value == 0 else "∞" if math.isinf(value) else f"{value:.2g}"
                axes.text(j, i, text, ha="center", va="center", fontsize=6, color=color)
    bar = figure.colorbar(image, ax=axes, extend="both", label="own error ÷ max(the reference's, 1 ulp)")
    ticks = range(LOW, HIGH + 1)
    bar.set_ticks(list(ticks), labels=[f"{10.0**t:g}" for t in ticks])
    axes.set_title(title, fontsize=10)


def _worst(drifts: Sequence[Drift], word: str) -> float:
    """NaN if the word is not said, or has no numbers."""
    values = [d.excess for d in drifts if d.point.word == word and math.isfinite(d.local)]
    return max(values, default=math.nan)

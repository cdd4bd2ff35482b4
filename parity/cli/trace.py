"""``parity trace``: where error comes in, layer by layer and word by word, and what grows it."""

import argparse
import math
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from parity import errors, sides
from parity.case import Case
from parity.drift.backward import trace_backward
from parity.drift.draw import draw, ends_of_units
from parity.drift.hybrid import Pair
from parity.drift.local import Local, Wrong
from parity.drift.measure import FACTOR, Drift
from parity.drift.trace import Place, trace
from parity.errors import SideUnavailableError, UsageError
from parity.judge import task_of
from parity.nodes import targets
from parity.record import Row, RowWriter
from parity.rules import RMS_LIMIT
from parity.settings import Settings
from parity.sides.points import Point
from parity.spec import LayerSpec
from parity.verdict import OUTLIER

from .common import Progress, case_or_main, command, no_unused_swaps, plain, prepared, print_json
from .common import repeat as repeat_of

MOST = 10
WIDTH = 58
TINY = 1e-300
"""What a size is at least, to divide by."""


def add(commands: Any) -> None:
    """Declare the subcommand."""
    parser = command(
        commands,
        "trace",
        run,
        help="run both models in lock step and measure inherited error, own error and gain of every call",
        example="parity trace --case 'BertForMaskedLM;l=128;dtype=bf16' --backward",
    )
    parser.add_argument("--case", metavar="CASE", help="the case (default: that of 'parity run')")
    parser.add_argument("--backward", action="store_true", help="where the gradient drifts")
    parser.add_argument(
        "--pair",
        metavar="A,B",
        help="the sides to compare, with their devices: torch.cpu,torch.mps or mlx.cpu,mlx.gpu "
        "(default: torch.cpu and each side of the port)",
    )
    parser.add_argument("--all", action="store_true", help="print every call, not only parts and the worst")
    parser.add_argument("--no-plot", action="store_true", help="draw no pictures")


def run(arguments: argparse.Namespace) -> int:
    """1 if a call fails by itself or the numbers do not add up."""
    say = Progress()
    with prepared(arguments) as settings:
        case = case_or_main(arguments, settings)
        if not isinstance(case.spec, LayerSpec):
            raise UsageError(
                f"--case: {case.spec.name} is a word: it has nothing within; give a layer or a model"
            )
        writer = RowWriter(settings.out / "trace" / "rows.jsonl")
        texts = []
        for reference, port in _pairs(arguments.pair, settings):
            start = time.monotonic()
            if arguments.backward:
                # Beside the rows: where the system has temporary files may be memory.
                folder = settings.out / "trace"
                folder.mkdir(parents=True, exist_ok=True)
                task = task_of(case, case.seed)
                drifts = list(trace_backward(task, reference, port, case.seed, say, folder=folder))
            else:
                drifts = list(trace(task_of(case, case.seed), reference, port, say))
            seconds = time.monotonic() - start
            wrong = _judged(case, drifts, reference, port, arguments.backward, say)
            repeat = repeat_of(settings, "trace", "--case", str(case))
            label = ".".join(port)
            writer.write_all(_rows(case, drifts, wrong, port, repeat, arguments.backward))
            way = "backward" if arguments.backward else "forward"
            title = f"{case.spec.name} in {case.dtype.name}, {way}, {label} beside {'.'.join(reference)}"
            texts.append(_text(title, drifts, wrong, seconds, everything=arguments.all))
            if not arguments.no_plot:
                try:
                    files = draw(drifts, settings.out / "trace", title)
                    texts[-1] += [f"picture: {file}" for file in files]
                except UsageError as error:  # the numbers are there without pictures
                    texts[-1].append(f"no picture: {error}")
        no_unused_swaps()
    if arguments.json:
        print_json({"peak_memory_mib": _peak(), "rows": plain(writer.rows)})
    else:
        print("\n".join([line for text in texts for line in text] + [f"rows: {writer.path}"]))
    if not any(r.compared for r in writer.rows):
        return errors.EXIT_NOTHING_COMPARED
    return errors.EXIT_MISMATCH if any(r.status == "fail" for r in writer.rows) else errors.EXIT_OK


def _pairs(text: str | None, settings: Settings) -> Iterator[tuple[Place, Place]]:
    """The pairs of sides to trace.

    Raises: UsageError or SideUnavailableError if one cannot run here.
    """
    if text is None:
        found = targets(settings)
        if not found:
            raise UsageError("no side of the port can run here: 'parity doctor' says why")
        yield from (((("torch", "cpu")), (t.side, t.device)) for t in found)
        return
    names = text.split(",")
    if len(names) != 2:
        raise UsageError(f"--pair {text!r}: expected two sides, e.g. torch.cpu,mlx.gpu")
    places = []
    for name in names:
        side, _, device = name.partition(".")
        reason = sides.why_not(side, device or None)
        if reason is not None:
            raise SideUnavailableError(f"--pair {text!r}: {name}: {reason}")
        places.append((side, device or sides.get(side).devices()[0]))
    yield places[0], places[1]


def _judged(
    case: Case, drifts: Sequence[Drift], reference: Place, port: Place, backward: bool, say: Progress
) -> dict[Point, Wrong]:
    """Calls whose own error stands out, by their own gate with a measured floor."""
    if reference != ("torch", "cpu") or port[0] not in ("mlx", "metal", "msl"):
        return {}
    suspects = {d.point for d in drifts if d.excess > (RMS_LIMIT if d.point.word else OUTLIER * RMS_LIMIT)}
    if not suspects:
        return {}
    say(f"{len(suspects)} calls stand out: their floors")
    pair = Pair(task_of(case, case.seed), *port)
    local = Local(pair, nonfinite=case.spec.nonfinite, vjp=backward)
    return {w.made.point: w for w in local.sweep(say, suspects)}


def _rows(
    case: Case,
    drifts: Sequence[Drift],
    wrong: dict[Point, Wrong],
    port: Place,
    repeat: str,
    backward: bool,
) -> Iterator[Row]:
    way = "grad " if backward else ""
    for d in drifts:
        reasons = [d.problem] if d.problem else []
        if not d.problem and not d.adds_up:
            reasons.append(
                f"inherited × gain + own is {d.explained:.3g} of what is observed, "
                f"expected at least {1 / FACTOR:g}"
            )
        if d.point in wrong:
            reasons += [f"by itself: {reason}" for reason in wrong[d.point].verdict.reasons]
        yield Row(
            kind="drift",
            id="-".join([case.spec.name, way.strip() or "act", d.name, case.dtype.short, ".".join(port)]),
            status="fail" if reasons else "pass",
            spec=case.spec.name,
            result=f"{way}{d.name}",
            side=port[0],
            device=port[1],
            dtype=case.dtype.name,
            case=str(case),
            reasons=tuple(reasons),
            n=math.prod(d.shape) if d.shape else 0,
            seeds=1,
            figures={
                "observed": d.observed,
                "reference": d.reference,
                "inherited": d.inherited,
                "gain": d.gain,
                "local": d.local,
                "local_reference": d.local_reference,
                "grid": d.grid,
                "excess": d.excess,
                "explained": d.explained,
                "gate": wrong[d.point].gate if d.point in wrong else 0.0,
            },
            repeat=repeat,
        )


_HEAD = (
    f"{'':{WIDTH}s} {'observed':>9s} {'reference':>9s} {'inherited':>9s} {'gain':>7s} {'own':>9s} "
    f"{'× ref':>7s}"
)


def _text(
    title: str, drifts: Sequence[Drift], wrong: dict[Point, Wrong], seconds: float, *, everything: bool
) -> list[str]:
    lines = [title, "", "part by part", _HEAD]
    lines += [_line(d) for d in (drifts if everything else ends_of_units(drifts)) if not d.problem]
    if not everything:
        whole = [d for d in drifts if not d.point.path and d.point.word and not d.problem]
        learned = [d for d in whole if d.result and d.point.word.startswith("grad param.")]
        lines += [_line(d) for d in whole if d not in learned]
        far = sorted(learned, key=lambda d: -d.observed / max(d.reference, d.grid, TINY))[:MOST]
        if far:
            title = (
                f"gradients of parameters that are furthest from the reference's errors, of {len(learned)}"
            )
            lines += ["", title, _HEAD, *(_line(d) for d in far)]
        loud = sorted((d for d in drifts if d.point.word and d.excess > 0), key=lambda d: -d.excess)[:MOST]
        if loud:
            lines += ["", "words with the largest error of their own, on the reference's inputs", _HEAD]
            lines += [_line(d) for d in loud]
    lines += ["", *(f"{d.name}: {d.problem}" for d in drifts if d.problem)]
    for point, w in wrong.items():
        lines.append(f"WRONG {point}: {w.gate:.3g} times its own gate ({w.result})")
    off = [d for d in drifts if not d.adds_up and not d.problem]
    lines += [f"DOES NOT ADD UP {d.name}: explains {d.explained:.2g} of {d.observed:.2g}" for d in off]
    measured = [d for d in drifts if not math.isnan(d.gain)]
    explained = [d.explained for d in measured if d.inherited > 0 and d.observed > d.grid]
    if explained:
        lines.append(
            f"inherited × gain + own is between {min(explained):.2g} and {max(explained):.2g} of what is "
            f"observed in {len(explained)} calls"
        )
    verdict = f"{len(wrong)} wrong by themselves" if wrong else "none is wrong by itself"
    lines.append(
        f"{len(drifts)} calls in {seconds:.1f} s, {verdict}; peak memory of the process {_peak():,.0f} MiB"
    )
    return lines


def _line(d: Drift) -> str:
    excess = math.nan if math.isnan(d.local) else d.excess
    values = (d.observed, d.reference, d.inherited, d.gain, d.local, excess)
    cells = [f"{'–':>9s}" if math.isnan(v) else f"{v:9.2g}" for v in values]
    name = d.name.removeprefix("result grad param.")
    return " ".join([f"{name if len(name) <= WIDTH else '…' + name[1 - WIDTH :]:{WIDTH}s}", *cells])


def _peak() -> float:
    """The most memory that this process had, MiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)

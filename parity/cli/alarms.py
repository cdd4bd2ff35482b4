"""``parity alarms``: correct variants of the port over many seeds, beside known bugs at the same gate."""

import argparse
from typing import Any

from parity import errors
from parity.alarms import rates as ledger
from parity.alarms.corpus import Variant, variants
from parity.alarms.draw import draw
from parity.alarms.rates import Rates, measured
from parity.case import Case, named
from parity.dtypes import FLOAT32
from parity.environment import environment_class
from parity.errors import UsageError
from parity.mutants import Bug, load
from parity.mutants.stages import USUAL, said_in
from parity.nodes import targets
from parity.record import Row, RowWriter
from parity.spec import REGISTRY, LayerSpec

from .common import Progress, add_jobs, command, plain, prepared, print_json
from .common import repeat as repeat_of

INPUTS = 100


def add(commands: Any) -> None:
    """Declare the subcommand."""
    parser = command(
        commands,
        "alarms",
        run,
        help="measure how often the gate of a model alarms on correct variants, and misses known bugs",
        example="parity alarms --seeds 1000 --jobs 2",
    )
    parser.add_argument("--case", metavar="CASE", help=f"the model (default: the named case of {USUAL})")
    add_jobs(parser)
    parser.add_argument("--update", action="store_true", help="keep the figures, for reports")
    parser.add_argument("--no-plot", action="store_true", help="draw no curve")


def run(arguments: argparse.Namespace) -> int:
    """1 if a correct variant alarms."""
    say = Progress()
    with prepared(arguments) as settings:
        if settings.swap:
            raise UsageError("--swap with alarms: the variants are swaps themselves")
        case = (
            named(REGISTRY.get(USUAL), "", FLOAT32) if arguments.case is None else Case.parse(arguments.case)
        )
        if not isinstance(case.spec, LayerSpec):
            raise UsageError(
                f"--case: {case.spec.name} is a word; the words' own variants are tested in the suite"
            )
        seeds = settings.seeds or INPUTS
        writer = RowWriter(settings.out / "alarms" / "rows.jsonl")
        texts: list[str] = []
        for target in targets(settings):
            found = measured(
                case,
                target,
                _variants(case),
                _bugs(case),
                seeds=seeds,
                settings=settings,
                jobs=arguments.jobs,
                say=say,
            )
            repeat = repeat_of(settings, "alarms", "--case", str(case), "--seeds", str(seeds))
            for name, values in found.correct.items():
                over = sum(not v <= 1 for v in values)
                writer.write(
                    Row(
                        kind="alarm",
                        id=f"alarm-{name.replace(' ', '-')}-{case.spec.name}-{target.label}",
                        status="fail" if over else "pass",
                        spec=case.spec.name,
                        result=name,
                        side=target.side,
                        device=target.device,
                        dtype=case.dtype.name,
                        case=str(case),
                        reasons=(f"{over} of {len(values)} inputs alarm, and it is correct",) if over else (),
                        n=len(values),
                        seeds=len(values),
                        figures={"gate": max(values)},
                        repeat=repeat,
                    )
                )
            texts += _text(found)
            if not arguments.no_plot:
                try:
                    texts.append(f"picture: {draw(found, settings.out / 'alarms' / 'curve.svg')}")
                except UsageError as error:  # the numbers are there without pictures
                    texts.append(f"no picture: {error}")
            if arguments.update:
                path = settings.baseline.with_name("alarms.json")
                ledger.write(path, found, environment_class(target.side, target.device))
                texts.append(f"kept in {path}")
    if not writer.rows:
        raise UsageError("no side of the port can run here: 'parity doctor' says why")
    if arguments.json:
        print_json(plain(writer.rows))
    else:
        print("\n".join([*texts, f"rows: {writer.path}"]))
    return errors.EXIT_MISMATCH if any(r.status == "fail" for r in writer.rows) else errors.EXIT_OK


def _variants(case: Case) -> list[Variant]:
    """The variants of words that the model says."""
    return [v for v in variants() if v.word in said_in(case)]


def _bugs(case: Case) -> list[Bug]:
    """The bugs that the model could show: of words that it says, and of its own usual case."""
    return [
        b
        for b in load()
        if not b.equivalent
        and not b.is_kernel
        and b.dtype == case.dtype.name
        and not b.case
        and (not b.word or b.word in said_in(case))
    ]


def _text(found: Rates) -> list[str]:
    lines = [f"{found.seeds:,} inputs, {len(found.figures):,} comparisons of correct ports; {found.case}", ""]
    lines.append(f"{'gate ×':>8s} {'alarms':>9s} {'kills':>9s}")
    lines += [f"{g:8g} {a:9.2%} {k:9.2%}" for g, a, k in found.table()]
    lines += ["", "nearest to the gate"]
    lines += [f"{value:8.3f}  {name}" for name, value in found.worst()[:5]]
    missed = [n for n, v in found.bugs.items() if sorted(v)[len(v) // 2] <= 1]
    if missed:
        lines += ["", f"bugs that this model does not show: {', '.join(missed)}"]
    lines += ["", f"alarm rate at the gate {found.alarms():.3%}, at most {found.upper:.2%} of inputs (95 %)"]
    lines.append(f"kill rate at the gate {found.kills():.1%} of {len(found.bugs)} bugs, by this model alone")
    return lines

"""``parity run``: the model side by side, layer by layer, and the canonical cases; or any one case."""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from parity import sides
from parity.case import Case
from parity.dtypes import FLOAT32, WorkingDtype
from parity.environment import environment_class
from parity.errors import NotOnKernelError, SideUnavailableError, UsageError
from parity.golden.format import case_names
from parity.golden.index import folders, full_name, read_floors
from parity.golden.verify import verify
from parity.judge import SEEDS, judge
from parity.mainjob import SEEDS as TRACE_SEEDS
from parity.mainjob import case_of, main_job, trace
from parity.messages import explain
from parity.nodes import Target, not_on_kernel, not_run, require_kernel, targets
from parity.numerics import PROFILED, words_with_a_choice
from parity.probe import probe_all
from parity.probe import rows as probe_rows
from parity.record import Row, RowWriter
from parity.report import Report
from parity.settings import PORT_SIDES, Settings, project_root
from parity.sidebyside import case_of as case_of_profiles
from parity.sidebyside import rows as profile_rows
from parity.sides.base import resolve_target

from . import run_checkpoint
from .common import Progress, command, no_unused_swaps, prepared, print_json
from .common import repeat as repeat_of


def add(commands: Any) -> None:
    """Declare the subcommand."""
    parser = command(
        commands,
        "run",
        run,
        help="run the model on both sides, judge every layer and word, and every canonical golden case",
        example="parity run --case 'long_conv;b=1;d=3;l=97;dtype=bf16;kind=wide;seed=7;vjp'",
    )
    parser.add_argument("--case", metavar="CASE", help="judge this one case, as a failure prints it")
    parser.add_argument(
        "--trace", action="store_true", help="with --case: judge every layer and word within it too"
    )
    run_checkpoint.add_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """The exit code of the report."""
    say = Progress()
    _consistent(arguments)
    with prepared(arguments) as settings:
        if arguments.case is not None and settings.oracle == "golden":
            raise UsageError("--case runs the reference: it cannot be had with --oracle golden")
        case = None if arguments.case is None else Case.parse(arguments.case)
        where = targets(settings)
        for side in settings.require_side:
            if reason := sides.why_not(side):
                raise SideUnavailableError(f"side {side!r} is required: {reason}")
        writer = RowWriter(settings.out / "rows.jsonl")
        writer.write_all(not_run(settings))
        say("the probe")
        live = [("torch", "cpu")] if sides.why_not("torch") is None else []
        pairs = live + [(t.side, t.device) for t in where]
        writer.write_all(probe_rows(probe_all(pairs, settings.working_dtypes())))
        if case is not None:
            rows = _one_case(case, settings, where, arguments.trace, say)
        elif arguments.checkpoint is not None:
            rows = run_checkpoint.rows(arguments, settings, where, say)
        else:
            dtypes = settings.working_dtypes() if arguments.parity_dtypes else [FLOAT32]
            rows = _main(settings, dtypes, where, say)
        for row in rows:
            placed = row.side in PORT_SIDES and not row.environment
            where_run = environment_class(row.side, row.device) if placed else row.environment
            writer.write(replace(row, environment=where_run))
        report = Report.make(writer.rows, settings, project_root())
        report.write(settings.out)
        no_unused_swaps()
    if arguments.json:
        print_json(report.to_dict())
    else:
        print("\n".join(report.terminal()))
    return report.exit_code(settings.require_side)


def _consistent(arguments: argparse.Namespace) -> None:
    """Raises: UsageError if an option would be ignored."""
    run_checkpoint.consistent(arguments)
    if arguments.case is None and arguments.trace:
        raise UsageError("--trace goes with --case; without a case everything is traced anyway")
    for name in ("dtypes", "seed"):
        if arguments.case is not None and getattr(arguments, f"parity_{name}") is not None:
            raise UsageError(f"--{name} with --case: a case has its own, write {name.rstrip('s')}= in it")


def _one_case(
    case: Case, settings: Settings, where: list[Target], traced: bool, say: Progress
) -> Iterator[Row]:
    seeds = settings.seeds or SEEDS[settings.profile]
    for target in where:
        repeat = repeat_of(settings, "run", "--case", str(case), *(["--trace"] if traced else []))
        id = f"{case.spec.name}-case-{case.dtype.short}-{target.label}"
        try:
            require_kernel(case.spec, target)
            if traced:
                yield from trace(case, target, title=str(case), repeat=repeat, seeds=seeds, say=say)
                continue
            judgement = judge(case, target.side, target.device, seeds=seeds)
        except NotOnKernelError as error:
            yield not_on_kernel(error, case.spec.family, id, case, target, repeat)
            continue
        yield judgement.row(case.spec.family, id, repeat)
        if judgement.status != "pass":
            print(
                explain(
                    f"{id}: {judgement.status}",
                    judgement.verdicts,
                    case.dtype,
                    case=str(case),
                    repeat=repeat,
                ),
                file=sys.stderr,
            )


def _main(
    settings: Settings, dtypes: list[WorkingDtype], where: list[Target], say: Progress
) -> Iterator[Row]:
    """The main job's model, then every golden case."""
    job = main_job(settings.specs)
    sides.use_threads(settings.threads or os.cpu_count() or 1)
    reason = sides.why_not("torch") if settings.oracle == "live" else "the run is told --oracle golden"
    if reason:
        yield Row(kind="trace", id=f"run-{job.spec}", status="not run", spec=job.spec, reasons=(reason,))
    else:
        for dtype, target in product(dtypes, where):
            case = case_of(job, dtype, settings.seed)
            say(f"{job.title}, in {dtype.name} on {target.label}")
            repeat = repeat_of(settings, "run", "--case", str(case), "--trace")
            seeds = settings.seeds or TRACE_SEEDS
            yield from trace(case, target, title=job.title, repeat=repeat, seeds=seeds, say=say)
    sides.use_threads(settings.threads or 1)
    yield from _goldens(settings, where, say)
    yield from _profiles(settings, dtypes[0], where, reason, say)
    for table in job.tables:
        say(f"the table {table}")
        yield from resolve_target(table)(repeat_of(settings, "run"))


def _profiles(
    settings: Settings, dtype: WorkingDtype, where: list[Target], reason: str | None, say: Progress
) -> Iterator[Row]:
    """Every numerical profile of every word that has a choice, side by side."""
    specs = words_with_a_choice()
    if specs and reason:
        yield Row(kind="profile", id="profiles", status="not run", reasons=(reason,))
        return
    for target in (t for t in where if t.side in PROFILED):
        for spec in specs:
            say(f"numerical profiles of {spec.name} on {target.label}")
            case = case_of_profiles(spec, dtype, settings.seed)
            yield from profile_rows(case, target, repeat_of(settings, "run", "--case", str(case)), timed=True)


def _goldens(settings: Settings, where: list[Target], say: Progress) -> Iterator[Row]:
    root = settings.fixtures
    floors = read_floors(root)
    for folder in folders(root):
        names = case_names(folder)
        say(f"{len(names)} golden cases in {folder}")
        for name in names:
            for outcome in verify(
                folder,
                name,
                [(t.side, t.device) for t in where],
                floors=floors.get(full_name(root, folder, name)),
                live=settings.oracle == "live",
            ):
                repeat = repeat_of(settings, "golden", "verify", str(folder), "--case", name)
                yield outcome.row(repeat, f"{folder.name}/")

"""``parity mutants``: every known bug against every stage of the suite, and against bisect."""

import argparse
from collections.abc import Sequence
from typing import Any

from parity import errors
from parity.errors import UsageError, unknown
from parity.margins import update
from parity.mutants import Bug, load
from parity.mutants.catalogue import CATALOGUE
from parity.mutants.matrix import NOT_ASKED, NOT_SHOWN, RIGHT, Outcome, counts, run, smallest_effects
from parity.mutants.stages import stages
from parity.nodes import targets
from parity.record import RowWriter
from parity.swap import matches

from .common import Progress, add_jobs, command, plain, prepared, print_json
from .common import repeat as repeat_of


def add(commands: Any) -> None:
    """Declare the subcommand."""
    parser = command(
        commands,
        "mutants",
        run_mutants,
        help="try every known porting bug: which stage sees it first, and does bisect name it",
        example="parity mutants --bug 'gelu-*' --all-stages --jobs 2",
    )
    parser.add_argument(
        "--bug", metavar="NAME", action="append", help="only this one (a pattern; may be repeated)"
    )
    parser.add_argument(
        "--bugs", metavar="FILE", action="append", default=[], help="a TOML or Python file of one's own bugs"
    )
    parser.add_argument("--only-own", action="store_true", help="with --bugs: without the catalogue")
    parser.add_argument("--all-stages", action="store_true", help="do not stop at the first that is red")
    parser.add_argument(
        "--stages", metavar="A,B", default="", help=f"only these stages, of {', '.join(stages())}"
    )
    parser.add_argument("--no-bisect", action="store_true", help="do not bisect")
    parser.add_argument("--list", action="store_true", help="print the bugs and where each was seen")
    add_jobs(parser)
    parser.add_argument(
        "--update-margins", action="store_true", help="put the smallest effects into the ledger of margins"
    )


def run_mutants(arguments: argparse.Namespace) -> int:
    """1 if a bug survives, or bisect names something else."""
    if arguments.only_own and not arguments.bugs:
        raise UsageError("--only-own without --bugs leaves nothing")
    bugs = _chosen(arguments)
    only = _stages(arguments.stages)
    if arguments.list:
        if arguments.json:
            print_json([{"name": b.name, "swap": b.swap, "seen": b.seen} for b in bugs])
        else:
            print("\n".join(f"{b.name:40s} {b.target:44s} {b.seen}" for b in bugs))
        return errors.EXIT_OK
    say = Progress()
    with prepared(arguments) as settings:
        if settings.swap:
            raise UsageError(
                "--swap with mutants: they are swaps themselves; put yours into a file for --bugs"
            )
        writer = RowWriter(settings.out / "mutants" / "rows.jsonl")
        where = targets(settings)
        if not where:
            raise UsageError("no side of the port can run here: 'parity doctor' says why")
        outcomes: list[Outcome] = []
        for target in where:
            n = 0

            def done(o: Outcome, label: str = target.label) -> None:
                nonlocal n
                n += 1
                killer = o.first.stage if o.first else "SURVIVES" if not o.bug.equivalent else "no bug"
                say(f"{n}/{len(bugs)} {label} {o.bug.name}: {killer}; bisect {o.bisected.answer}")

            found = run(
                bugs,
                settings,
                target,
                whole=arguments.all_stages,
                with_bisect=not arguments.no_bisect,
                only=only,
                jobs=min(arguments.jobs, len(bugs)),
                done=done,
            )
            repeat = repeat_of(settings, "mutants", "--bug")
            writer.write_all(o.row(target, f"{repeat} {o.bug.name}") for o in found)
            outcomes += found
        if arguments.update_margins:
            update(settings.baseline.with_name("margins.json"), smallest_effects(outcomes))
    if arguments.json:
        print_json(plain(writer.rows))
    else:
        print("\n".join(_text(outcomes, whole=arguments.all_stages)))
        print(f"rows: {writer.path}")
    return errors.EXIT_MISMATCH if any(r.status == "fail" for r in writer.rows) else errors.EXIT_OK


def _stages(text: str) -> tuple[str, ...]:
    only = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in only:
        if name not in stages():
            raise UsageError(unknown("stage", name, stages()))
    return only


def _chosen(arguments: argparse.Namespace) -> list[Bug]:
    sources = [*(() if arguments.only_own else CATALOGUE), *arguments.bugs]
    bugs = load(sources)
    if not arguments.bug:
        return bugs
    found = [b for b in bugs if any(matches(p, b.name) for p in arguments.bug)]
    for pattern in arguments.bug:
        if not any(matches(pattern, b.name) for b in bugs):
            raise UsageError(unknown("bug", pattern, [b.name for b in bugs]))
    return found


_MARKS = {"killed": "✗", "missed": "·", "not run": " "}


def _text(outcomes: Sequence[Outcome], *, whole: bool) -> list[str]:
    names = list(stages())
    lines = []
    if whole:
        lines.append(f"{'':36s} " + " ".join(f"{n[:9]:>9s}" for n in names) + "    bisect")
        for o in outcomes:
            status = {s.stage: s.status for s in o.seen}
            cells = " ".join(f"{_MARKS[status.get(n, 'not run')]:>9s}" for n in names)
            lines.append(f"{o.bug.name[:36]:36s} {cells}    {o.bisected.answer}")
        lines.append("")
    real = [o for o in outcomes if not o.bug.equivalent]
    killed = [o for o in real if o.first]
    asked = [o for o in real if o.bisected.answer not in (NOT_ASKED, NOT_SHOWN)]
    right = [o for o in asked if o.bisected.answer == RIGHT]
    for stage, n in counts(real):
        if n:
            seconds = sorted(o.seconds_to_kill for o in killed if o.first and o.first.stage == stage)
            median = seconds[len(seconds) // 2]
            lines.append(f"killed first by {stage:12s} {n:4d}   median {median:.2f} s to kill")
    lines += [line for o in outcomes for line in _complaints(o)]
    equivalent = [o for o in outcomes if o.bug.equivalent]
    lines += [f"changes nothing: {o.bug.name}: {o.bug.equivalent}" for o in equivalent]
    if real:
        lines.append(f"kill rate {len(killed)}/{len(real)} ({100 * len(killed) / len(real):.1f} %)")
    if asked:
        lines.append(f"bisect right {len(right)}/{len(asked)} ({100 * len(right) / len(asked):.1f} %)")
    return lines


def _complaints(o: Outcome) -> list[str]:
    """What is not as it should be about one bug."""
    lines = []
    if not o.as_it_should and o.bug.equivalent:
        lines.append(f"RED, and is said to change nothing: {o.bug.name}: {o.bug.equivalent}")
    elif not o.as_it_should:
        lines.append(f"SURVIVES {o.bug.name}: {o.bug.survives or 'no reason is known'}")
    if o.bisected.answer not in (RIGHT, NOT_ASKED):
        lines.append(f"bisect is {o.bisected.answer} on {o.bug.name}: {o.bisected.text}")
    return lines

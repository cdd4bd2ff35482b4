"""``parity golden``: take, check and tidy golden cases."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from parity import errors, sides
from parity.case import Case
from parity.dtypes import WORKING, parse_dtype
from parity.errors import GoldenError, UsageError, unknown
from parity.golden.capture import (
    adopt,
    capture,
    name_of,
    own_cases,
    prunable,
    prune,
    recapture,
    stale,
)
from parity.golden.format import case_names
from parity.golden.index import INDEX, check, folders, full_name, read_floors, read_index
from parity.golden.verify import verify
from parity.messages import counted
from parity.nodes import targets
from parity.record import Row
from parity.report.report import cell
from parity.settings import PORT_SIDES, Settings

from .common import Progress, command, no_unused_swaps, plain, prepared, print_json, repeat


def add(commands: Any) -> None:
    """Declare the subcommand and its own."""
    parser = commands.add_parser("golden", help="take, check and tidy golden cases")
    own = parser.add_subparsers(dest="golden", required=True, metavar="ACTION")
    taking = command(
        own,
        "capture",
        run_capture,
        help="run cases through the reference and keep what it says, with its measured floor",
        example="parity golden capture --case 'gelu;b=1;l=3;dtype=f16;kind=wide;seed=7' --name gelu-odd",
    )
    taking.add_argument("--case", metavar="CASE", help="a case as a failure prints it, or a captured one")
    taking.add_argument("--name", help="what to call it (default: by spec, dtype and seed)")
    taking.add_argument("--into", metavar="DIR", type=Path, help="folder (default: FIXTURES/own)")
    taking.add_argument(
        "--adopt", metavar="PATH", type=Path, help="put a case, or a folder of them, into the index"
    )
    checking = command(
        own,
        "verify",
        run_verify,
        help="check the reference and the port against every case of some folders",
        example="parity golden verify fixtures/canonical --json",
    )
    checking.add_argument("folder", nargs="*", type=Path, help="folders (default: FIXTURES)")
    checking.add_argument("--case", metavar="NAME", help="only the case of this name")
    tidying = command(
        own,
        "prune",
        run_prune,
        help="remove files that the index does not know and entries whose files are gone",
        example="parity golden prune --yes",
    )
    tidying.add_argument("folder", nargs="?", type=Path, help="indexed folder (default: FIXTURES)")
    tidying.add_argument("--yes", action="store_true", help="do it; without, only say what would go")


# -- verify --------------------------------------------------------------------------------------------


def run_verify(arguments: argparse.Namespace) -> int:
    """Every case is checked; the exit code is that of the first that does not hold."""
    rows: list[Row] = []
    with prepared(arguments) as settings:
        given = arguments.folder or [settings.fixtures]
        for row in _verified(given, arguments.case, settings):
            rows.append(row)
            if not arguments.json:
                print(_line(row), flush=True)
        if not rows:
            known = [name for g in given for _, folder in _folders(g) for name in case_names(folder)]
            raise UsageError(unknown("golden case", arguments.case, known))
        no_unused_swaps()
        missing = {s: reason for s in settings.require_side if (reason := sides.why_not(s))}
    compared = [r for r in rows if r.compared]
    bad = [r for r in rows if r.status in ("fail", "undecided")]
    code = next((c for c in map(_code, rows) if c), errors.EXIT_OK)
    if not code and missing:
        code = errors.EXIT_SIDE_UNAVAILABLE
    ran = {r.side for r in compared if r.side in PORT_SIDES}
    idle = [s for s in settings.require_side if s in PORT_SIDES and s not in ran]
    if not code and (idle or not ran):
        code = errors.EXIT_NOTHING_COMPARED
    cases = counted(len({r.case for r in compared}), "case")
    verdict = f"{cases}, {counted(len(compared), 'comparison')}, {len(bad)} do not hold"
    if arguments.json:
        print_json({"verdict": verdict, "exit_code": code, "rows": plain(rows)})
        return code
    print("\n".join([f"{side} did not run: {reason}" for side, reason in missing.items()] + [verdict]))
    if code == errors.EXIT_NOTHING_COMPARED:
        print(f"nothing was compared on {', '.join(idle)}" if ran else "no side of the port was compared")
    return code


def _verified(given: list[Path], only: str | None, settings: Settings) -> Iterator[Row]:
    """Rows of every case (or the one called `only`), then of what the indices find."""
    ports = [(t.side, t.device) for t in targets(settings)]
    for place in given:
        for root, folder in _folders(place):
            floors = read_floors(root)
            for name in case_names(folder):
                full = full_name(root, folder, name)
                if only is not None and only not in (name, full):
                    continue
                again = repeat(settings, "golden", "verify", str(folder), "--case", name)
                live = settings.oracle == "live"
                for outcome in verify(folder, name, ports, floors=floors.get(full), live=live):
                    yield outcome.row(again, f"{folder.name}/")
        if (place / INDEX).is_file() and only is None:
            yield from (_finding(str(f)) for f in check(place) + stale(place))


def _folders(given: Path) -> list[tuple[Path, Path]]:
    """Root and folder of every folder of cases at `given` or right below it.

    Raises: GoldenError if there is none.
    """
    if not given.is_dir():
        raise GoldenError(f"there is no folder {str(given)!r}; give one with golden cases")
    root = given if (given / INDEX).is_file() or not (given.parent / INDEX).is_file() else given.parent
    found = [(root, folder) for folder in folders(given)]
    if not found:
        raise GoldenError(f"{given} holds no golden case: no .json with a .safetensors beside it")
    return found


def _code(row: Row) -> int:
    if row.status not in ("fail", "undecided"):
        return errors.EXIT_OK
    return errors.EXIT_STALE_GOLDEN if row.rule == "files" else errors.EXIT_MISMATCH


def _finding(text: str) -> Row:
    return Row(kind="golden", id="golden-index", status="fail", spec="index", rule="files", reasons=(text,))


def _line(row: Row) -> str:
    if row.spec == "index":
        return "\n".join(row.reasons)
    figure = cell(row) if row.compared else "–"
    line = f"{row.status:9s} {figure:>8s}  {row.case:44s} {row.side}"
    if row.compared and row.result:
        line += f" ({row.result})"
    return "\n".join([line, *(f"    {reason}" for reason in row.reasons)])


# -- capture and prune ---------------------------------------------------------------------------------


def run_capture(arguments: argparse.Namespace) -> int:
    """Raises: UsageError if case or file cannot be what was meant."""
    say = Progress()
    done: list[str] = []
    with prepared(arguments) as settings:
        folder = arguments.into or settings.fixtures / "own"
        fixtures = settings.fixtures
        root = fixtures if folder.resolve().is_relative_to(fixtures.resolve()) else folder
        if arguments.adopt is not None:
            for where, name in _to_adopt(arguments.adopt):
                home = fixtures if where.resolve().is_relative_to(fixtures.resolve()) else where
                say(f"{name}: measuring its floor")
                adopt(home, where, name, source="adopted")
                done.append(full_name(home, where, name))
        elif arguments.case is not None:
            full = full_name(root, folder, arguments.case)
            if full in read_index(root):
                recapture(root, full)
                done.append(full)
            else:
                case = Case.parse(arguments.case)
                name = arguments.name or f"{name_of(case)}-{case.seed}"
                capture(root, folder, name, case)
                done.append(full_name(root, folder, name))
        else:
            for name, case in own_cases({n: parse_dtype(n) for n in WORKING}):
                say(name)
                capture(root, folder, name, case)
                done.append(full_name(root, folder, name))
    if arguments.json:
        print_json({"captured": done})
    else:
        print("\n".join(f"captured {name}" for name in done))
    return errors.EXIT_OK


def _to_adopt(path: Path) -> list[tuple[Path, str]]:
    if path.is_dir():
        return [(path, name) for name in case_names(path)]
    name = path.name.removesuffix(".json").removesuffix(".safetensors")
    if name not in case_names(path.parent):
        raise UsageError(f"--adopt {path}: " + unknown("case", name, case_names(path.parent)))
    return [(path.parent, name)]


def run_prune(arguments: argparse.Namespace) -> int:
    """Without ``--yes`` nothing is removed, and the exit code says whether anything would be."""
    with prepared(arguments) as settings:
        root = arguments.folder or settings.fixtures
        if not (root / INDEX).is_file():
            raise GoldenError(f"{root} has no {INDEX}: prune works on an indexed folder")
        extra, gone = prunable(root)
        if arguments.yes:
            prune(root)
    verb = "removed" if arguments.yes else "would remove"
    if arguments.json:
        print_json({"done": arguments.yes, "files": [str(p) for p in extra], "entries": gone})
    else:
        print("\n".join([f"{verb} {p}" for p in extra] + [f"{verb} the entry of {g}" for g in gone]))
        if not extra and not gone:
            print("nothing to prune")
        elif not arguments.yes:
            print("nothing was removed: say --yes", file=sys.stderr)
    return errors.EXIT_STALE_GOLDEN if (extra or gone) and not arguments.yes else errors.EXIT_OK

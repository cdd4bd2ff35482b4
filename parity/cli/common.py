"""What every subcommand does: read settings, prepare the process, say how far it is."""

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from parity import sides
from parity.case import Case
from parity.dtypes import FLOAT32
from parity.errors import UsageError
from parity.mainjob import case_of, main_job
from parity.numerics import chosen
from parity.record import Row
from parity.session import import_specs
from parity.settings import Settings, add_options, from_namespace, project_root
from parity.swap import swapped, unused


def command(
    commands: Any, name: str, run: Any, *, help: str, example: str, options: bool = True
) -> argparse.ArgumentParser:
    """Declare a subcommand with the options that all share."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help,
        description=help[0].upper() + help[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    if options:
        group = parser.add_argument_group("settings, as in [tool.parity]")
        add_options(group.add_argument, without=("update-golden", "update-baseline", "baseline", "bisect"))
    return parser


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Declare ``--jobs``: how many processes share the work."""
    parser.add_argument(
        "--jobs", metavar="N", type=_jobs, default=os.cpu_count() or 1, help="processes (default: one a core)"
    )


def _jobs(text: str) -> int:
    try:
        n = int(text)
    except ValueError:
        n = 0
    if n < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number of processes, at least 1")
    return n


@contextmanager
def prepared(arguments: argparse.Namespace) -> Iterator[Settings]:
    """Settings in force: BLAS chosen, threads set, specs imported, profile chosen, words swapped.

    Raises: UsageError if one of them is wrong.
    """
    root = project_root()
    settings = from_namespace(root, arguments)
    sides.use_blas(settings.blas)
    sides.use_threads(settings.threads or 1)
    import_specs(settings.specs, root)
    with chosen(settings.numerics), swapped(settings.swap):
        yield settings


def no_unused_swaps() -> None:
    """Raises: UsageError if a swap in force met nothing in what was run."""
    messages = unused()
    if messages:
        raise UsageError("\n".join(messages))


def case_or_main(arguments: argparse.Namespace, settings: Settings) -> Case:
    """The case that ``--case`` gives, else the main job's, for which PyTorch has every core.

    Raises: UsageError if it cannot be read.
    """
    if arguments.case is not None:
        return Case.parse(arguments.case)
    sides.use_threads(settings.threads or os.cpu_count() or 1)
    dtype = settings.working_dtypes()[0] if arguments.parity_dtypes else FLOAT32
    return case_of(main_job(settings.specs), dtype, settings.seed)


class Progress:
    """Says on standard error what is being done, with the time since the start; nothing if told so."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._start = time.monotonic()

    def __call__(self, what: str) -> None:
        if not self._quiet:
            print(f"[{time.monotonic() - self._start:5.0f} s] {what}", file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, ensure_ascii=False, indent=1))


def plain(rows: Iterable[Row]) -> list[Any]:
    """Rows as JSON has them."""
    return [json.loads(row.to_json()) for row in rows]


def repeat(settings: Settings, *words: str) -> str:
    """A command with the options of this one, dtype and seed left to the case."""
    options = settings.as_options(project_root(), skip=("dtypes", "seed"))
    return shlex.join(["parity", *words, *options])

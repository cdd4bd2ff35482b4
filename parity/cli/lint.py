"""``parity lint``: the strict rules of MLX code."""

import argparse
from pathlib import Path
from typing import Any

from parity import errors
from parity.errors import UsageError
from parity.lint import RULES, Outcome, config, files
from parity.lint import lint as check
from parity.lint.rules import chosen, explained

from .common import command, print_json


def add(commands: Any) -> None:
    """Declare the subcommand."""
    parser = command(
        commands,
        "lint",
        run,
        help="check MLX code against the strict rules, without running it",
        example="parity lint mlx_impl --ignore MXP3\n  parity lint --explain MXP403",
        options=False,
    )
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="files and folders (default: paths in [tool.parity.lint], else the current folder)",
    )
    parser.add_argument("--select", metavar="A,B", help="only these rules, by code or its start: MXP2")
    parser.add_argument("--ignore", metavar="A,B", help="not these rules")
    parser.add_argument("--explain", metavar="CODE", help="print a rule in full, or all of them, and stop")
    parser.add_argument(
        "--show-suppressed", action="store_true", help="print what is suppressed too, with the reasons"
    )


def run(arguments: argparse.Namespace) -> int:
    """1 if there is a finding.

    Raises: UsageError if a path or code does not exist, NothingToLintError if a path holds no Python file.
    """
    if arguments.explain is not None:
        return _explain(arguments)
    settings = config.find(Path.cwd())
    select = settings.select if arguments.select is None else _split("--select", arguments.select)
    ignore = settings.ignore if arguments.ignore is None else _split("--ignore", arguments.ignore)
    paths = [_shortened(p) for p in settings.paths] or [Path()]
    if arguments.paths:
        paths = [Path(p) for p in arguments.paths]
    outcome = check(
        files.python_files(paths),
        codes=chosen(select, ignore),
        excepted=settings.exceptions,
        root=settings.root,
    )
    if arguments.json:
        print_json(outcome.plain())
    else:
        print("\n".join(_text(outcome, suppressed=arguments.show_suppressed)))
    return errors.EXIT_MISMATCH if outcome.findings else errors.EXIT_OK


def _explain(arguments: argparse.Namespace) -> int:
    wanted = list(RULES) if arguments.explain.lower() == "all" else arguments.explain.split(",")
    if arguments.json:
        texts = [explained(code) for code in wanted]
        print_json([{"code": t.split()[0], "text": t} for t in texts])
    else:
        print("\n\n".join(explained(code) for code in wanted))
    return errors.EXIT_OK


def _split(option: str, text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not found:
        raise UsageError(f"{option} {text!r} names no rule")
    return found


def _shortened(path: Path) -> Path:
    """A path below the current folder without it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _text(outcome: Outcome, *, suppressed: bool) -> list[str]:
    lines = [str(finding) for finding in outcome.findings]
    if suppressed:
        lines += [
            f"{s.finding.path}:{s.finding.line}: {s.finding.code} accepted: {s.reason}"
            for s in outcome.suppressed
        ]
    n, files_read = len(outcome.findings), outcome.files
    said = f"{n} finding{'s' * (n != 1)}" if n else "no finding"
    accepted = f", {len(outcome.suppressed)} accepted with a reason" if outcome.suppressed else ""
    lines.append(f"{said} in {files_read} file{'s' * (files_read != 1)}{accepted}")
    return lines

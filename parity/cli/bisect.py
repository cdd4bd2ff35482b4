"""``parity bisect``: which word, module or parameter does it; which commit, which version of MLX."""

import argparse
import sys
from pathlib import Path
from typing import Any

from parity import errors
from parity.case import Case
from parity.drift.asked import Answers, answer, command_of
from parity.drift.finding import HOLDS, Finding
from parity.drift.investigate import code_of, investigate
from parity.drift.predicate import Column, Command, parse
from parity.drift.said import as_layer
from parity.drift.timeline import over_commits, over_versions, python_with
from parity.errors import UsageError
from parity.nodes import Target, targets
from parity.settings import NUMERICS, Settings, project_root

from .common import Progress, case_or_main, command, no_unused_swaps, prepared, print_json
from .common import repeat as repeat_of


def add(commands: Any) -> None:
    """Declare the subcommand."""
    parser = command(
        commands,
        "bisect",
        run,
        help="find what makes a model fail: a word, a module, a parameter, a commit, a version of MLX",
        example="parity bisect --case 'BertModel;dtype=f32' --swap mlx_impl.ops.gelu=fast.py:gelu",
    )
    parser.add_argument("--case", metavar="CASE", help="the failing case (default: that of 'parity run')")
    parser.add_argument(
        "--predicate",
        metavar="WHAT",
        help="what is bad, in place of the verdict: a column ('port.rms > 1e-5') or a command, which gets "
        "the results as {outputs}, and with --mlx the interpreter to ask as {python}",
    )
    parser.add_argument("--rev", metavar="GOOD..BAD", help="which commit: in a work tree of its own")
    parser.add_argument("--mlx", metavar="A..B", help="which version of MLX: in environments of their own")
    parser.add_argument(
        "--repeats", metavar="N", type=int, default=2, help="runs to tell races by (default: 2)"
    )
    parser.add_argument("--fresh", action="store_true", help="forget the answers of an interrupted search")
    parser.add_argument("--no-bundle", action="store_true", help="write no folder that reproduces it")


def run(arguments: argparse.Namespace) -> int:
    """1 with a culprit, 0 if there is none."""
    say = Progress()
    if arguments.rev and arguments.mlx:
        raise UsageError("--rev and --mlx are two questions: ask one")
    if arguments.repeats < 2:
        raise UsageError(f"--repeats {arguments.repeats}: it takes at least 2 runs to differ")
    with prepared(arguments) as settings:
        question = None if arguments.predicate is None else parse(arguments.predicate)
        case = case_or_main(arguments, settings)
        if arguments.rev or arguments.mlx:
            return _over_time(arguments, settings, case, question, say)
        findings = [_one(arguments, settings, case, question, target, say) for target in _targets(settings)]
        no_unused_swaps()
    if arguments.json:
        print_json([f.to_dict() for f in findings])
    else:
        for f in findings:
            print("\n".join(f.lines()))
    return errors.EXIT_MISMATCH if any(f.kind != HOLDS for f in findings) else errors.EXIT_OK


def _targets(settings: Settings) -> list[Target]:
    found = targets(settings)
    if not found:
        raise UsageError("no side of the port can run here: 'parity doctor' says why")
    return found


def _one(
    arguments: argparse.Namespace,
    settings: Settings,
    case: Case,
    question: Column | Command | None,
    target: Target,
    say: Progress,
) -> Finding:
    return investigate(
        as_layer(case),
        target,
        settings,
        question=question,
        predicate=arguments.predicate or "",
        repeats=arguments.repeats,
        fresh=arguments.fresh,
        bundles=not arguments.no_bundle,
        repeat=repeat_of(settings, "bisect", "--case", str(case)),
        say=say,
    )


# -- over time ------------------------------------------------------------------------------------------


def _over_time(
    arguments: argparse.Namespace,
    settings: Settings,
    case: Case,
    question: Column | Command | None,
    say: Progress,
) -> int:
    root = project_root()
    about = f"{case} | {arguments.predicate or 'the verdict'} | {' '.join(settings.swap)}"
    if settings.numerics != NUMERICS[0]:
        about += f" | {settings.numerics}"
    if isinstance(question, Command):
        if "{outputs}" in question.text:
            raise UsageError(
                "--predicate: there are no {outputs} with --rev and --mlx: the command has to make its own"
            )
        about += f" | {question.digest(root)}"
    if arguments.mlx:
        about += f" | {code_of(case)}"
    kept = settings.out / "bisect" / ("revisions.jsonl" if arguments.rev else "versions.jsonl")
    if arguments.fresh:
        kept.unlink(missing_ok=True)
    answers = Answers(kept, about)
    if arguments.rev:

        def ask_in(tree: Path) -> str:
            words = command_of(question, str(case), sys.executable, settings.swap, settings.numerics)
            return answer(question, words, tree, {"PYTHONPATH": str(tree)}, say)

        change = over_commits(arguments.rev, root, answers, ask_in, say)
    else:

        def ask_with(version: str) -> str:
            python = python_with(version, say)
            words = command_of(question, str(case), python, settings.swap, settings.numerics)
            return answer(question, words, root, {"PARITY_PYTHON": python, "PYTHONPATH": str(root)}, say)

        change = over_versions(arguments.mlx, answers, ask_with, say)
    if arguments.json:
        print_json({"good": change.good, "bad": change.bad, "between": change.between, "text": change.text})
    else:
        print(f"bisect: {change.text} ({change.asked} asked)")
    return errors.EXIT_MISMATCH

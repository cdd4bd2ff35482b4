"""``parity bisect``: which word, module or parameter does it; which commit, which version of MLX."""

import argparse
import hashlib
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from parity import errors
from parity.case import Case
from parity.drift import bundle
from parity.drift.bisect import bisect
from parity.drift.finding import HOLDS, Culprit, Finding
from parity.drift.narrow import narrow
from parity.drift.predicate import Column, Command, judged_by, parse
from parity.drift.prober import Memory, Prober
from parity.drift.timeline import Answers, answer, command_of, over_commits, over_versions, python_with
from parity.dtypes import FLOAT32
from parity.environment import environment_class
from parity.errors import UsageError
from parity.mainjob import case_of, main_job
from parity.nodes import Target, targets
from parity.settings import Settings, project_root
from parity.sides.points import Point
from parity.spec import LayerSpec

from .common import Progress, command, no_unused_swaps, prepared, print_json, use_threads
from .common import repeat as repeat_of

SEEDS = 3


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
        "the results as {outputs}",
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
        case = _case(arguments, settings)
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


def _case(arguments: argparse.Namespace, settings: Settings) -> Case:
    if arguments.case is not None:
        return Case.parse(arguments.case)
    use_threads(settings.threads or os.cpu_count() or 1)
    dtype = settings.working_dtypes()[0] if arguments.parity_dtypes else FLOAT32
    return case_of(main_job(settings.specs), dtype, settings.seed)


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
    if not isinstance(case.spec, LayerSpec):
        raise UsageError(
            f"--case: {case.spec.name} is a word, and a word has nothing within; give a layer or a model"
        )
    seeds = settings.seeds or SEEDS
    home = settings.out / "bisect"
    prober = Prober(
        case,
        target,
        seeds=seeds,
        judge=None if question is None else judged_by(question),
        memory=memory_of(home, case, target, settings.swap, seeds, arguments.predicate, arguments.fresh),
        say=say,
    )
    finding = bisect(prober, seeds=seeds, repeats=arguments.repeats, say=say)
    repeat = repeat_of(settings, "bisect", "--case", str(case))
    return completed(finding, prober, settings, None if arguments.no_bundle else home, repeat=repeat, say=say)


def memory_of(
    home: Path,
    case: Case,
    target: Target,
    swaps: tuple[str, ...],
    seeds: int,
    predicate: str | None,
    fresh: bool,
) -> Memory:
    """Where the answers on a case are kept, and what they depend on."""
    about = {
        "case": str(case),
        "target": f"{target.side}/{target.device}",
        "swaps": [f"{s} {_digest(s)}" for s in swaps],
        "seeds": seeds,
        "predicate": predicate or "",
        "environment": environment_class(target.side, target.device),
        "code": _code(case),
    }
    name = hashlib.sha256(repr(sorted(about.items())).encode()).hexdigest()[:16]
    path = home / f"answers-{name}.jsonl"
    if fresh:
        path.unlink(missing_ok=True)
    return Memory(path, about)


def _digest(swap: str) -> str:
    """The content of a swap's file: another one is another question."""
    location = swap.partition("=")[2].rpartition(":")[0]
    if location.endswith(".py") and Path(location).is_file():
        return hashlib.sha256(Path(location).read_bytes()).hexdigest()[:16]
    return ""


def _code(case: Case) -> str:
    """The content of both models' packages."""
    found = hashlib.sha256()
    for target in (case.spec.reference, case.spec.port):
        module = sys.modules.get(target.partition(":")[0].partition(".")[0])
        for place in getattr(module, "__path__", ()):
            for file in sorted(Path(place).rglob("*.py")):
                found.update(file.read_bytes())
    return found.hexdigest()[:16]


def completed(
    finding: Finding,
    prober: Prober,
    settings: Settings,
    home: Path | None,
    *,
    repeat: str,
    node: str = "",
    say: Callable[[str], None],
) -> Finding:
    """A finding with what its words do by themselves, and with bundles in a folder if there is one."""
    narrowed, bundles = {}, []
    case, target = prober.case, prober.target
    assert isinstance(case.spec, LayerSpec)
    for culprit in finding.culprits:
        if culprit.what == "word":
            say(f"{culprit.name} by its own spec")
            point = Point.parse(culprit.places[0])
            known = narrow(case.spec, point, case.dtype, target, vjp=case.vjp)
            if known is not None:
                narrowed[culprit.name] = {
                    "dtypes": known.dtypes,
                    "smallest": known.smallest,
                    "lines": known.lines(),
                }
        if home is not None and culprit.confirmed and culprit.name:
            bundles.append(_bundle(home, prober, culprit, settings, repeat, node))
    return replace(finding, narrowed=narrowed, bundles=tuple(bundles))


def _bundle(home: Path, prober: Prober, culprit: Culprit, settings: Settings, repeat: str, node: str) -> str:
    context = bundle.Context(
        str(prober.case),
        prober.target.side,
        prober.target.device,
        settings.swap,
        settings.specs,
        repeat,
        node or _node(prober.case, prober.target),
    )
    return str(bundle.write(home / bundle.name_of(culprit), prober, culprit, context))


def _node(case: Case, target: Target) -> str:
    kind = "models" if case.spec.family == "model" else "words"
    return f"parity/suite/test_{kind}.py -k {case.spec.name}-{case.dtype.short}-{target.label}"


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
    kept = settings.out / "bisect" / ("revisions.jsonl" if arguments.rev else "versions.jsonl")
    if arguments.fresh:
        kept.unlink(missing_ok=True)
    answers = Answers(kept, about)
    if arguments.rev:

        def ask_in(tree: Path) -> str:
            words = command_of(question, str(case), sys.executable, settings.swap)
            return answer(question, words, tree, {"PYTHONPATH": str(tree)})

        change = over_commits(arguments.rev, root, answers, ask_in, say)
    else:

        def ask_with(version: str) -> str:
            python = python_with(version, say)
            words = command_of(question, str(case), python, settings.swap)
            return answer(question, words, root, {"PARITY_PYTHON": python, "PYTHONPATH": str(root)})

        change = over_versions(arguments.mlx, answers, ask_with, say)
    if arguments.json:
        print_json({"good": change.good, "bad": change.bad, "between": change.between, "text": change.text})
    else:
        print(f"bisect: {change.text} ({change.asked} asked)")
    return errors.EXIT_MISMATCH

"""A bisection from beginning to end: the answers kept, the finding narrowed, its bundles written."""

import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from parity import numerics
from parity.case import Case
from parity.environment import environment_class
from parity.expect import silent
from parity.judge import SEEDS as VERDICT
from parity.nodes import Target
from parity.settings import Settings
from parity.sides.points import Point
from parity.spec import LayerSpec

from . import bundle
from .as_one import failing_as_one
from .bisect import bisect
from .finding import AS_ONE, HOLDS, Culprit, Finding
from .inner import made_at
from .narrow import narrow
from .own_specs import by_own_specs, lines_of
from .predicate import Column, Command, judged_by
from .prober import Memory, Prober

SEEDS = 3
"""How many inputs a hybrid is asked on, at most."""


def investigate(
    case: Case,
    target: Target,
    settings: Settings,
    *,
    question: Column | Command | None = None,
    predicate: str = "",
    inputs: int | None = None,
    repeats: int = 2,
    fresh: bool = False,
    bundles: bool = True,
    repeat: str,
    node: str = "",
    say: Callable[[str], None] = silent,
) -> Finding:
    """The finding on a case, narrowed, with its bundles under the run's output folder.

    `inputs` is how many the verdict took that is to be explained; none means as many as `parity run` takes.
    """
    inputs = inputs or settings.seeds or VERDICT[settings.profile]
    seeds = min(inputs, SEEDS)
    home = settings.out / "bisect"
    prober = Prober(
        case,
        target,
        seeds=seeds,
        inputs=inputs,
        judge=None if question is None else judged_by(question),
        memory=memory_of(home, case, target, settings.swap, inputs, predicate, fresh),
        say=say,
    )
    finding = bisect(prober, seeds=inputs, repeats=repeats, say=say)
    if finding.kind == HOLDS and question is None:
        text = failing_as_one(prober, inputs)
        if text is not None:
            finding = replace(finding, kind=AS_ONE, text=text)
        with nullcontext() if text is None else numerics.as_it_runs():
            near = lines_of(by_own_specs(prober, settings.swap, say))
        finding = replace(finding, near=tuple(near), runs=prober.runs)
    return completed(finding, prober, settings, home if bundles else None, repeat=repeat, node=node, say=say)


def memory_of(
    home: Path,
    case: Case,
    target: Target,
    swaps: tuple[str, ...],
    inputs: int,
    predicate: str,
    fresh: bool,
) -> Memory:
    """Where the answers on a case are kept, and what they depend on."""
    about = {
        "case": str(case),
        "target": f"{target.side}/{target.device}",
        "swaps": [f"{s} {_digest(s)}" for s in swaps],
        "inputs": inputs,
        "predicate": predicate,
        "environment": environment_class(target.side, target.device),
        "code": code_of(case),
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


def code_of(case: Case) -> str:
    """The content of both models' packages."""
    found = hashlib.sha256()
    words = case.spec.words if isinstance(case.spec, LayerSpec) else None
    for target in (case.spec.reference, case.spec.port, *(words or ())):
        for file in _files_of(target.partition(":")[0].partition(".")[0]):
            found.update(file.read_bytes())
    return found.hexdigest()[:16]


def _files_of(name: str) -> list[Path]:
    """A package's files; of a module that is one file, those beside it. It may not be imported yet."""
    module = find_spec(name)
    if module is None:
        return []
    if module.submodule_search_locations is not None:
        return sorted(f for place in module.submodule_search_locations for f in Path(place).rglob("*.py"))
    return sorted(Path(module.origin).parent.glob("*.py")) if module.has_location and module.origin else []


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
    found_on, target = prober.case, prober.target
    assert isinstance(found_on.spec, LayerSpec)
    for culprit in finding.culprits:
        case = prober.case = found_on if culprit.seed is None else found_on.with_seed(culprit.seed)
        if culprit.what == "word" and not culprit.writes:
            say(f"{culprit.name} by its own spec")
            point = replace(Point.parse(culprit.places[0]), word=culprit.name)
            made = made_at(prober.pair()[1], Point.parse(culprit.places[0]), culprit.within)
            known = narrow(found_on.spec, point, case.dtype, target, vjp=case.vjp, made=made)
            if known is not None:
                narrowed[culprit.name if culprit.name not in narrowed else culprit.key] = {
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

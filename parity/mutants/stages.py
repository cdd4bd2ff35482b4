"""The stages of the test suite, each asked whether it sees a bug."""

import importlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from parity import sides
from parity.case import Case, named
from parity.drift.tree import Recorder
from parity.dtypes import WorkingDtype, parse_dtype
from parity.errors import NotOnKernelError
from parity.golden.capture import golden_case
from parity.golden.format import case_names
from parity.golden.index import folders
from parity.golden.verify import verify
from parity.judge import Judgement, judge, task_of
from parity.metamorphic import same_bits
from parity.nodes import Target, require_kernel
from parity.search import EXAMPLES, search
from parity.settings import Settings
from parity.spec import REGISTRY, LayerSpec, OpSpec
from parity.strategies import each_argument, each_choice

from .catalogue import Bug
from .linted import linted

PROPERTY, GOLDEN, DETERMINISM, LAYER, MODEL, GRADIENT = (
    "op property",
    "op golden",
    "determinism",
    "layer",
    "model",
    "gradient",
)
LINT, KERNEL = "lint", "kernel check"

RUNS = 120
SEEDS = 3
USUAL = "BertForMaskedLM"
"""The model on which a bug is looked for that does not say on which it shows."""


@dataclass(frozen=True)
class Seen:
    """What a stage saw of a bug.

    Args:
        stage: which.
        status: ``killed``, ``missed`` or ``not run``.
        by: the case or node that was red, or why the stage did not run.
        how: ``numbers``, ``exception``, ``structure``, ``bits`` or ``finding``.
        gate: how many times its gate the red case was off; the nearest of all to it if none was red.
        spec: the spec of that case.
        seconds: until it was red, or until nothing was.
    """

    stage: str
    status: str
    by: str = ""
    how: str = ""
    gate: float = 0.0
    spec: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Place:
    """Where and with what the stages run."""

    target: Target
    settings: Settings


Check = Callable[[Bug, Place], Iterator[Judgement | Seen]]


def stages() -> dict[str, Check]:
    """Every stage by its name, in the order in which a suite runs them."""
    return {
        PROPERTY: _property,
        GOLDEN: _golden,
        DETERMINISM: _determinism,
        LAYER: _layer,
        MODEL: _model,
        GRADIENT: _gradient,
        LINT: _lint,
        KERNEL: _kernel,
    }


def ask(stage: str, bug: Bug, place: Place) -> Seen:
    """Whether a stage sees a bug that is in force; it stops at the first case that is red."""
    start = time.monotonic()
    if bug.is_kernel and stage != KERNEL:
        return Seen(stage, "not run", by="it is a kernel's text that is wrong")
    nearest = Seen(stage, "not run", by="there is nothing for it here to test")
    for found in stages()[stage](bug, place):
        if isinstance(found, Seen):
            seen = replace(found, stage=stage)
            if seen.status == "not run" and nearest.status != "not run":
                continue
        else:
            name, worst = found.worst
            how = "numbers"
            problems = [p for v in found.verdicts.values() if v.worst is not None for p in v.worst.problems]
            if any("raised" in p for p in problems):
                how = "exception"
            elif problems:
                how = "structure"
            status = "killed" if found.status == "fail" else "missed"
            seen = Seen(stage, status, f"{found.case} ({name})", how, worst.ratio, found.case.spec.name)
        seen = replace(seen, seconds=time.monotonic() - start)
        if seen.status == "killed":
            return seen
        if nearest.status == "not run" or seen.gate >= nearest.gate:
            nearest = seen
    return replace(nearest, seconds=time.monotonic() - start)


def dtype_of(bug: Bug) -> WorkingDtype:
    """The dtype in which a bug shows."""
    return parse_dtype(bug.dtype)


def case_of(bug: Bug) -> Case:
    """The case of a layer or model on which a bug shows: its own, or that of the usual model.

    Optional inputs are left out of the usual one, as they are in a named case.
    """
    if bug.case:
        case = Case.parse(bug.case)
        if isinstance(case.spec, LayerSpec):
            return case
    return named(REGISTRY.get(USUAL), "", dtype_of(bug))


def word_spec(bug: Bug) -> OpSpec | None:
    """The spec of a word that is swapped wherever it is said."""
    if "/" in bug.target or not bug.word:
        return None
    port = f"{bug.target.rpartition('.')[0]}:{bug.word}"
    return next((s for s in REGISTRY if s.family == "word" and s.port == port), None)


def _judged(case: Case, place: Place) -> Judgement | Seen:
    try:
        require_kernel(case.spec, place.target)
        return judge(case, place.target.side, place.target.device, seeds=SEEDS)
    except NotOnKernelError as error:
        return Seen("", "not run", by=str(error))


def _property(bug: Bug, place: Place) -> Iterator[Judgement | Seen]:
    spec = word_spec(bug)
    if spec is None:
        yield Seen(PROPERTY, "not run", by="no word is swapped wherever it is said")
        return
    dtype = dtype_of(bug)
    if bug.case and not isinstance(Case.parse(bug.case).spec, LayerSpec):
        own = Case.parse(bug.case)
        if not own.vjp:
            yield _judged(own, place)
    for name in spec.cases:
        yield _judged(named(spec, name, dtype), place)
    for case in each_choice(named(spec, spec.cases[0], dtype), sizes=True):
        yield _judged(case, place)
    found = search(
        spec, dtype, place.target, vjp=False, examples=EXAMPLES["word"]["default"], seed=place.settings.seed
    )
    if found.failure or found.worst:
        yield found.failure or found.worst  # type: ignore[misc]


@cache
def _goldens_of(root: Path) -> dict[str, list[tuple[Path, str]]]:
    """Golden cases by the name of their spec."""
    from parity.golden.format import read
    from parity.golden.parts import parts_of

    found: dict[str, list[tuple[Path, str]]] = {}
    for folder in folders(root):
        for name in case_names(folder):
            for part in parts_of(read(folder, name)):
                found.setdefault(part.task.spec.name, []).append((folder, name))
    return found


def _golden(bug: Bug, place: Place) -> Iterator[Judgement | Seen]:
    spec = word_spec(bug)
    known = _goldens_of(place.settings.fixtures)
    if spec is None or spec.name not in known:
        yield Seen(GOLDEN, "not run", by="there is no golden case of what is swapped")
        return
    where = [(place.target.side, place.target.device)]
    for folder, name in dict.fromkeys(known[spec.name]):
        for outcome in verify(folder, name, where):
            if outcome.side == place.target.side:
                row = outcome.row("", f"{folder.name}/")
                status = {"fail": "killed", "not run": "not run"}.get(outcome.status, "missed")
                by = outcome.reason if status == "not run" else f"{folder.name}/{name}"
                yield Seen(GOLDEN, status, by, "numbers", row.ratio, spec.name)


def _determinism(bug: Bug, place: Place) -> Iterator[Judgement | Seen]:
    spec = word_spec(bug)
    case = case_of(bug) if spec is None else named(spec, spec.cases[0], dtype_of(bug))
    runs = 2 if spec is None else RUNS
    try:
        _, different = same_bits(case, place.target.side, place.target.device, runs=runs)
    except Exception as error:  # it raises every time: not what this stage is for
        yield Seen(DETERMINISM, "missed", f"raised {type(error).__name__}", spec=case.spec.name)
        return
    status = "killed" if different else "missed"
    yield Seen(DETERMINISM, status, str(case), "bits", float(bool(different)), case.spec.name)


def said_in(case: Case) -> frozenset[str]:
    """The words that a layer or model says in a case."""
    return _said(str(case))


@cache
def _said(text: str) -> frozenset[str]:
    recorder = Recorder()
    with suppress(Exception):
        sides.get("torch").open(task_of(Case.parse(text), 0)).run(recorder.around)
    return frozenset(p.word for p in recorder.root.words)


def _layers(bug: Bug) -> Sequence[LayerSpec]:
    specs = [s for s in REGISTRY if isinstance(s, LayerSpec) and s.family == "layer"]
    return [s for s in specs if not bug.word or bug.word in said_in(named(s, "", dtype_of(bug)))]


def _layer(bug: Bug, place: Place) -> Iterator[Judgement | Seen]:
    if bug.target.startswith("weights"):
        yield Seen(LAYER, "not run", by="it is a model's weights that are swapped")
        return
    if bug.case and Case.parse(bug.case).spec.family == "layer" and not Case.parse(bug.case).vjp:
        yield _judged(Case.parse(bug.case), place)
    for spec in _layers(bug):
        case = named(spec, "", dtype_of(bug))
        yield _judged(case, place)
        small = replace(golden_case(spec, dtype_of(bug), 0), vjp=False)
        for other in (small, *each_argument(small)):
            yield _judged(other, place)


def _model(bug: Bug, place: Place) -> Iterator[Judgement | Seen]:
    own = case_of(bug)
    if own.spec.family == "model" and not own.vjp:
        yield _judged(own, place)
    for spec in REGISTRY:
        if spec.family == "model" and spec is not own.spec:
            case = named(spec, "", dtype_of(bug))
            yield _judged(case, place)
            yield _judged(replace(case, left_out=()), place)


def _gradient(bug: Bug, place: Place) -> Iterator[Judgement | Seen]:
    spec = word_spec(bug)
    if bug.case and Case.parse(bug.case).vjp:
        yield _judged(Case.parse(bug.case), place)
    if spec is not None and spec.grads:
        yield _judged(named(spec, spec.cases[0], dtype_of(bug), vjp=True), place)
    elif spec is None:
        yield _judged(replace(case_of(bug), vjp=True), place)


def _lint(bug: Bug, _place: Place) -> Iterator[Judgement | Seen]:
    if bug.target.startswith("weights"):
        yield Seen(LINT, "not run", by="it is a model's weights that are swapped, not its code")
        return
    found = linted(bug)
    if found.why_not:
        yield Seen(LINT, "not run", by=found.why_not)
        return
    by = "; ".join(dict.fromkeys(f"{f.code} {f.what}" for f in found.findings))
    yield Seen(LINT, "killed" if found.findings else "missed", by, "finding")


def _kernel(bug: Bug, _place: Place) -> Iterator[Judgement | Seen]:
    if not bug.is_kernel:
        yield Seen(KERNEL, "not run", by="it is no kernel's text that is wrong")
        return
    where, _, name = bug.swap.partition("=")[2].rpartition(":")
    made = getattr(importlib.import_module(where), name)()
    try:
        wrong, mended = (kernel_findings(made, text) for text in ("wrong", "mended"))
    except msl_errors() as error:
        yield Seen(KERNEL, "not run", by=f"the executor cannot run here: {error}")
        return
    killed = made["kind"] in wrong and not mended
    by = f"{made['kind']} among {sorted(wrong)}" if not mended else f"the mended kernel has {sorted(mended)}"
    yield Seen(KERNEL, "killed" if killed else "missed", by, "finding")


def kernel_findings(made: Mapping[str, Any], text: str) -> set[str]:
    """The kinds of mistake that the executor finds in one text of a kernel's bug."""
    if "edit" in made:
        from .bugs._edits import edited, findings

        if text == "mended":
            return findings(made["edit"])
        with edited(made["edit"]):
            return findings(made["edit"])
    import mlx.core as mx

    from parity import msl

    from .bugs.kernels import inputs_of

    names = made.get("inputs", ())
    run = msl.metal_kernel(name="mutant", input_names=list(names), output_names=["out"], source=made[text])
    found: list[msl.Finding] = []
    with (
        msl.observing(lambda _k, _c, outcome: found.extend(outcome.findings)),
        msl.configured(on_findings="ignore", schedules=4),
    ):
        run(
            inputs=inputs_of(names, made["shape"]),
            output_shapes=[(made["shape"],)],
            output_dtypes=[mx.float32],
            grid=(made["grid"], 1, 1),
            threadgroup=(made["threadgroup"], 1, 1),
            init_value=made.get("init_value"),
        )
    return {f.kind for f in found if f.severity == "error"}


def msl_errors() -> type[Exception]:
    """What the executor raises where there is no compiler."""
    from parity.msl import CompilerMissingError

    return CompilerMissingError

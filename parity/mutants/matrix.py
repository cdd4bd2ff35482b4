"""The matrix: every bug against every stage, and bisect's answer against the truth."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from typing import Any

from parity.case import Case
from parity.drift.bisect import bisect
from parity.drift.finding import HOLDS, Finding
from parity.drift.prober import Prober, wrong_parameters
from parity.errors import ParityError
from parity.judge import SEEDS
from parity.nodes import Target
from parity.processes import processes
from parity.record import Row
from parity.settings import Settings
from parity.spec import LayerSpec
from parity.swap import matches, swapped

from .catalogue import Bug
from .stages import LAYER, MODEL, Place, Seen, ask, case_of, said_in, stages, word_spec

RIGHT, WRONG, SILENT, NOT_SHOWN, NOT_ASKED = "right", "wrong", "silent", "not shown", "not asked"


@dataclass(frozen=True)
class Bisected:
    """Bisect's answer on a bug: ``right``, ``wrong`` (another culprit), ``silent`` (none).

    It is ``not shown`` what bisect cannot find: neither a layer nor a model is off. And it is ``not asked``
    about words that no model says.
    """

    answer: str
    text: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What the harness makes of one bug."""

    bug: Bug
    seen: tuple[Seen, ...]
    bisected: Bisected

    @property
    def first(self) -> Seen | None:
        """The first stage that killed it."""
        return next((s for s in self.seen if s.status == "killed"), None)

    @property
    def seconds_to_kill(self) -> float:
        """How long the stages took up to the first kill, that included."""
        total = 0.0
        for s in self.seen:
            total += s.seconds
            if s.status == "killed":
                break
        return total

    @property
    def as_it_should(self) -> bool:
        """Killed, or argued to be no bug and not killed."""
        return (self.first is not None) != bool(self.bug.equivalent)

    def row(self, target: Target, repeat: str) -> Row:
        """As a row."""
        killer = self.first
        reasons = [] if self.as_it_should else [self._complaint()]
        if self.bisected.answer == WRONG:
            reasons.append(f"bisect names something else: {self.bisected.text}")
        found: dict[str, Any] = {
            "killer": killer.stage if killer else "",
            "seconds": self.seconds_to_kill,
            "stages": {s.stage: s.status for s in self.seen},
            "gates": {s.stage: s.gate for s in self.seen if s.status != "not run"},
            "bisect": self.bisected.answer,
            "gate": killer.gate if killer else max((s.gate for s in self.seen), default=0.0),
        }
        return Row(
            kind="mutant",
            id=f"mutant-{self.bug.name}",
            status="fail" if reasons else "pass",
            spec=killer.spec if killer else "",
            result=killer.by if killer else "",
            side=target.side,
            device=target.device,
            dtype=self.bug.dtype,
            case=self.bug.swap,
            reasons=tuple(reasons),
            notes=tuple(n for n in (self.bug.equivalent, self.bug.survives, self.bisected.text) if n),
            n=sum(s.status != "not run" for s in self.seen),
            seeds=1,
            figures=found,
            repeat=repeat,
        )

    def _complaint(self) -> str:
        if self.bug.equivalent:
            killer = self.first
            return (
                f"said to change nothing, and {killer.stage if killer else ''} is red: {self.bug.equivalent}"
            )
        return "no stage is red" + (f": {self.bug.survives}" if self.bug.survives else "")


def try_bug(
    bug: Bug,
    place: Place,
    *,
    whole: bool = False,
    with_bisect: bool = True,
    only: Sequence[str] = (),
) -> Outcome:
    """Put a bug in force, ask the stages and bisect.

    Args:
        bug, place: what, and where.
        whole: ask all stages, also after one was red.
        with_bisect: whether to bisect.
        only: the stages to ask; none means all.
    """
    seen: list[Seen] = []
    with swapped([] if bug.is_kernel else [bug.swap]):
        for stage in only or stages():
            if not whole and any(s.status == "killed" for s in seen):
                break
            seen.append(ask(stage, bug, place))
        answer = Bisected(NOT_ASKED, "")
        if with_bisect and not bug.equivalent and not bug.is_kernel:
            answer = _bisected(bug, place)
            if answer.answer == SILENT and whole and not _shows(seen):
                answer = replace(answer, answer=NOT_SHOWN)
    return Outcome(bug, tuple(seen), answer)


def _shows(seen: Sequence[Seen]) -> bool:
    return any(s.status == "killed" and s.stage in (LAYER, MODEL) for s in seen)


def _bisected(bug: Bug, place: Place) -> Bisected:
    """Bisect the model in which the bug is, and compare what it names with the truth."""
    case = _bisectable(bug)
    if case is None:
        return Bisected(NOT_ASKED, "no model says the word")
    start = time.monotonic()
    try:
        prober = Prober(case, place.target, inputs=SEEDS["quick"])
        finding = bisect(prober, repeats=3)
    except ParityError as error:
        return Bisected(WRONG, f"{type(error).__name__}: {error}", time.monotonic() - start)
    seconds = time.monotonic() - start
    if finding.kind == HOLDS:
        return Bisected(SILENT, finding.text, seconds)
    altered = {p.name for p in wrong_parameters(prober.pair()[1])}
    return Bisected(RIGHT if names(finding, bug, altered) else WRONG, finding.text, seconds)


def _bisectable(bug: Bug) -> Case | None:
    """The case to bisect: one whose model contains what is swapped."""
    case = case_of(bug)
    if bug.case and not isinstance(Case.parse(bug.case).spec, LayerSpec):
        own = Case.parse(bug.case)
        if own.spec.family == "word":
            return None
    return None if word_spec(bug) is not None and bug.word not in said_in(case) else case


def names(finding: Finding, bug: Bug, altered: Collection[str] = ()) -> bool:
    """Whether a finding names what is swapped, and nothing but it; of weights, those that are `altered`."""
    if bug.target.startswith("weights"):
        return bool(finding.culprits) and all(
            c.what == "parameter" and c.name in altered for c in finding.culprits
        )
    return bool(finding.culprits) and all(_is_true(c.what, c.name, c.places, bug) for c in finding.culprits)


def _is_true(what: str, name: str, places: Sequence[str], bug: Bug) -> bool:
    truth = bug.truth or bug.target
    if "/" in bug.target and not bug.truth:
        path, _, word = bug.target.rpartition("/")
        return name == word and all(matches(path, p.partition("/")[0]) for p in places)
    if bug.word and not bug.truth:
        return what == "word" and name == bug.word
    pattern = truth.removeprefix("weights:")
    # A parameter or module at the place, or within it.
    parts = name.split(".")
    return any(matches(pattern, ".".join(parts[: i + 1])) for i in range(len(parts)))


# -- many -----------------------------------------------------------------------------------------------


def run(
    bugs: Sequence[Bug],
    settings: Settings,
    target: Target,
    *,
    whole: bool,
    with_bisect: bool,
    only: Sequence[str] = (),
    jobs: int,
    done: Callable[[Outcome], None],
) -> list[Outcome]:
    """Try every bug, in several processes; in the order of the catalogue. `done` hears each as it comes."""
    if jobs == 1:
        found = []
        for bug in bugs:
            found.append(_try(bug, settings, target, whole, with_bisect, only))
            done(found[-1])
        return found
    results: dict[str, Outcome] = {}
    with processes(jobs, settings) as pool:
        waiting = [pool.submit(_try, bug, settings, target, whole, with_bisect, only) for bug in bugs]
        for future in as_completed(waiting):
            outcome = future.result()
            results[outcome.bug.name] = outcome
            done(outcome)
    return [results[b.name] for b in bugs]


def _try(
    bug: Bug, settings: Settings, target: Target, whole: bool, with_bisect: bool, only: Sequence[str]
) -> Outcome:
    return try_bug(bug, Place(target, settings), whole=whole, with_bisect=with_bisect, only=only)


def smallest_effects(outcomes: Sequence[Outcome]) -> dict[str, tuple[float, str]]:
    """Spec → how far over its gate the smallest bug of it is at its worst, and which bug.

    A bug of a word counts for the word, another for the model in which it shows. Bugs that raise, or whose
    bits differ from run to run, have no size.
    """
    found: dict[str, tuple[float, str]] = {}
    for outcome in outcomes:
        killed = [s for s in outcome.seen if s.status == "killed"]
        if outcome.bug.equivalent or outcome.bug.is_kernel or any(s.how != "numbers" for s in killed):
            continue
        spec = word_spec(outcome.bug)
        name = case_of(outcome.bug).spec.name if spec is None else spec.name
        effect = max((s.gate for s in outcome.seen if s.status != "not run"), default=0.0)
        if name not in found or effect < found[name][0]:
            found[name] = (effect, outcome.bug.name)
    return found


def counts(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, int]]:
    """How many bugs each stage killed first."""
    for stage in stages():
        yield stage, sum(o.first is not None and o.first.stage == stage for o in outcomes)

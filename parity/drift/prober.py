"""Questions to a pair of models: does it hold with these points exchanged? Each is asked once."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from parity.case import Case
from parity.compare import Comparison
from parity.dtypes import FLOAT32, AnyArray
from parity.errors import ParityError
from parity.expect import Expectation, Say, silent
from parity.judge import expectation, measure, rule_for, task_of
from parity.nodes import Target
from parity.record import Row, row_of
from parity.sides.live import Live
from parity.sides.points import Point
from parity.verdict import OUTLIER, Verdict, decide, overall

from .hybrid import Pair

Direction = Literal["mended", "planted"]

CLEAR = 4.0
"""A gate exceeded or kept by this factor on one input is not asked about on more."""


@dataclass(frozen=True)
class Parameter:
    """A parameter, by the port's name, that the port does not have as it was given."""

    name: str

    def __str__(self) -> str:
        return f"parameter {self.name}"


Suspect = Point | Parameter


@dataclass(frozen=True)
class Score:
    """How a hybrid did: `gate` is the worst result's error over its limit (1 is the gate)."""

    bad: bool
    gate: float
    result: str = ""
    reason: str = ""

    def __str__(self) -> str:
        word = "fails" if self.bad else "holds"
        return f"{word}, {self.reason}" if self.reason else f"{word} at {self.gate:.3g} of its gate"


Judge = Callable[[Row, Mapping[str, AnyArray]], Score]
"""A question of somebody's own: the row of a hybrid and its results, to a score."""


@dataclass
class Memory:
    """Answers on disk, so that a search that was interrupted goes on where it stopped.

    The file begins with what the answers depend on; if that changed, they are forgotten.
    """

    path: Path | None
    about: Mapping[str, Any]
    answers: dict[str, Score] = field(default_factory=dict)
    recalled: int = 0

    def __post_init__(self) -> None:
        if self.path is None:
            return
        header = json.dumps(self.about, sort_keys=True, ensure_ascii=False)
        if self.path.is_file():
            first, *rest = self.path.read_text(encoding="utf-8").splitlines() or [""]
            if first == header:
                self.answers = dict(_answers(rest))
        if not self.answers:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(header + "\n", encoding="utf-8")

    def get(self, key: str) -> Score | None:
        """The answer to a question that was asked before."""
        found = self.answers.get(key)
        self.recalled += found is not None
        return found

    def put(self, key: str, score: Score) -> None:
        """Keep an answer."""
        self.answers[key] = score
        if self.path is not None:
            line = {"key": key, "bad": score.bad, "gate": str(score.gate), "result": score.result}
            line["reason"] = score.reason
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                file.flush()


def _answers(lines: Iterable[str]) -> Iterator[tuple[str, Score]]:
    for line in lines:
        try:
            one = json.loads(line)
            yield one["key"], Score(one["bad"], float(one["gate"]), one["result"], one["reason"])
        except (json.JSONDecodeError, KeyError, ValueError):
            return  # the interruption cut it short


class Prober:
    """Judges hybrids of one case on one target by the verdict of the case's own results.

    What is in `always` is mended whatever is asked. A hybrid is asked on up to `seeds` inputs, the port
    as it is on up to `inputs`, as many as a verdict takes.
    """

    def __init__(
        self,
        case: Case,
        target: Target,
        *,
        seeds: int = 3,
        inputs: int = 1,
        judge: Judge | None = None,
        memory: Memory | None = None,
        say: Say = silent,
    ) -> None:
        self.case = case
        self.target = target
        self._seeds = seeds
        self._inputs = inputs
        self._first = case.seed
        self._near = False
        self.always: tuple[Suspect, ...] = ()
        self._judge = judge
        self._memory = memory or Memory(None, {})
        self._say = say
        self._pairs: dict[int, tuple[Expectation, Pair]] = {}
        self._prepared: list[float] = []
        self.asked = 0
        self.runs = 0

    def pair(self, i: int = 0) -> tuple[Expectation, Pair]:
        """The i-th input: what it should give, and both models loaded for it."""
        seed = self.case.seed + i
        if seed not in self._pairs:
            self._say(f"what input {seed - self._first + 1} should give")
            start = time.monotonic()
            expected = expectation(self.case, seed, near=self._near)
            self._prepared.append(time.monotonic() - start)
            pair = Pair(expected.task, self.target.side, self.target.device)
            self._pairs[seed] = (expected, pair)
        return self._pairs[seed]

    def models(self, i: int) -> Pair:
        """Both models on the i-th input, though nobody may know what it should give."""
        seed = self.case.seed + i
        if seed in self._pairs:
            return self._pairs[seed][1]
        return Pair(task_of(self.case, seed), self.target.side, self.target.device)

    def verification(self, seeds: int) -> float:
        """Seconds to know what `seeds` inputs should give: a verdict, but for the port's own run."""
        return seeds * sum(self._prepared) / max(len(self._prepared), 1)

    def as_it_is(self) -> Score:
        """The port with nothing mended, on as many inputs as a verdict takes.

        If only another input than the case's own shows a failure, the case is that input's from then on: with
        another mask or other numbers the same port may hold.
        """
        own, base = self.case, self._closely()
        if base.bad or self._judge is not None:
            return base
        gates = [base.gate]
        for i in range(1, self._inputs):
            self.case = own.with_seed(self._first + i)
            gates.append(self._once())
        worst = int(np.argmax(gates))
        mean = np.exp(np.mean(np.log(np.maximum(gates, np.finfo(float).tiny))))
        if not (gates[worst] <= OUTLIER and mean <= 1):  # what a verdict allows
            self.case = own.with_seed(self._first + worst)
            found = self._closely()
            if found.bad:
                return found
        self.case = own
        return base

    def elsewhere(self) -> Score | None:
        """With what is always mended, the first other input that is far off: the case's from now on."""
        own = self.case
        for seed in range(self._first, self._first + self._inputs):
            if seed == own.seed or self._judge is not None:
                continue
            self.case = own.with_seed(seed)
            if not self._once() <= OUTLIER and (found := self._closely()).bad:
                return found
        self.case = own
        return None

    def _once(self) -> float:
        """The gate on the present input alone; models of an input that no hybrid is asked on are not kept."""
        gate = self.score("mended", (), alone=True).gate
        if self.case.seed >= self._first + self._seeds:
            self._pairs.pop(self.case.seed, None)
        return gate

    def _closely(self) -> Score:
        """The port as it is on the present inputs; half precision is asked twice before it fails."""
        found = self.score("mended", ())
        half = self.case.dtype.precision < FLOAT32.precision
        if found.bad and half and self._judge is None and not self._near and np.isfinite(found.gate):
            self._near = True
            self._pairs.clear()
            found = self.score("mended", ())
        return found

    def score(self, direction: Direction, chosen: Sequence[Suspect], *, alone: bool = False) -> Score:
        """How the port does with the chosen mended, or the reference with them planted; `alone`: once."""
        key = self._condition() + ("alone, " if alone else "") + _key(direction, chosen)
        known = self._memory.get(key)
        if known is None:
            self.asked += 1
            known = self._score(direction, chosen, 1 if alone else self._seeds)
            self._memory.put(key, known)
        return known

    def _condition(self) -> str:
        """What an answer depends on beside the question."""
        seed = f"seed {self.case.seed}, " if self.case.seed != self._first else ""
        always = f"without {_key('mended', self.always)}, " if self.always else ""
        return seed + ("near, " if self._near else "") + always

    def _score(self, direction: Direction, chosen: Sequence[Suspect], seeds: int) -> Score:
        samples: dict[str, list[Comparison]] = {}
        results: Mapping[str, AnyArray] = {}
        for i in range(seeds):
            expected, pair = self.pair(i)
            self.runs += 1
            try:
                results = self._run(pair, direction, chosen)
            except ParityError:
                raise
            except Exception as error:  # a side that raises has given its answer
                return Score(True, float("inf"), reason=f"raised {type(error).__name__}: {error}")
            for name, c in measure(expected, results, nonfinite=self.case.spec.nonfinite).items():
                samples.setdefault(name, []).append(c)
            score = self._of(samples, results)
            if self._judge is not None or not 1 / CLEAR < score.gate < CLEAR:
                break
        return score

    def _of(self, samples: Mapping[str, list[Comparison]], results: Mapping[str, AnyArray]) -> Score:
        verdicts = {n: decide(s, rule_for(self.case, n)) for n, s in samples.items()}
        if self._judge is not None:
            return self._judge(self._row(verdicts), results)
        name, verdict = max(verdicts.items(), key=lambda kv: (kv[1].status == "fail", kv[1].ratio))
        status = overall(v.status for v in verdicts.values())
        # So few inputs leave some results undecided: then the mean decides.
        bad = status == "fail" or (status == "undecided" and verdict.ratio > 1)
        return Score(bad, verdict.ratio, name)

    def _row(self, verdicts: Mapping[str, Verdict]) -> Row:
        return row_of(
            verdicts,
            kind="bisect",
            id=f"{self.case.spec.name}-bisect-{self.case.dtype.short}-{self.target.label}",
            spec=self.case.spec.name,
            side=self.target.side,
            device=self.target.device,
            dtype=self.case.dtype.name,
            case=str(self.case),
        )

    def _run(self, pair: Pair, direction: Direction, chosen: Sequence[Suspect]) -> Mapping[str, AnyArray]:
        if direction == "mended":
            chosen = [*self.always, *chosen]
        points = [s for s in chosen if isinstance(s, Point)]
        names = [s.name for s in chosen if isinstance(s, Parameter)]
        if direction == "mended":
            with other_parameters(pair.port, pair.given, names):
                return pair.mended(points)
        with other_parameters(pair.reference, pair.port.parameters(), names):
            return pair.planted(points)


@contextmanager
def other_parameters(live: Live, values: Mapping[str, AnyArray], names: Sequence[str]) -> Iterator[None]:
    """Within the context some parameters of a model have other values."""
    if not names:
        yield
        return
    before = live.parameters()
    live.set_parameters({n: values[n] for n in names})
    try:
        yield
    finally:
        live.set_parameters({n: before[n] for n in names})


def wrong_parameters(pair: Pair) -> list[Parameter]:
    """The parameters that the port does not have as they were given, bit for bit."""
    found = []
    for name, value in pair.port.parameters().items():
        given = pair.given.get(name)
        if given is None or (given.shape == value.shape and _same(given, value)):
            continue
        found.append(Parameter(name))
    return found


def _same(x: AnyArray, y: AnyArray) -> bool:
    with np.errstate(invalid="ignore"):
        return bool(np.array_equal(x.astype(np.float64), y.astype(np.float64), equal_nan=True))


def _key(direction: str, chosen: Sequence[Suspect]) -> str:
    names = sorted(str(s) if isinstance(s, Parameter) else s.address or "." for s in chosen)
    text = ",".join(names)
    if len(text) > 200:
        text = f"{len(names)} points, sha256 {hashlib.sha256(text.encode()).hexdigest()[:24]}"
    return f"{direction}: {text}"

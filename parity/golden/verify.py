"""Golden cases against both models: does the reference reproduce them, and does the port?

The golden float32 result stands for the reference, the golden float64 result for the oracle; activations,
which exist in float32 only, get their oracle from the reference in float64, once that has reproduced the
golden outputs. Where PyTorch is missing, the floor is the recorded one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from parity import sides
from parity.compare import Comparison, Expected, compare
from parity.dtypes import AnyArray, is_floating
from parity.errors import GoldenError, NotOnKernelError
from parity.expect import Expectation, expect, run_into
from parity.floor import Floor, FloorMeter
from parity.nodes import KERNEL_SIDES
from parity.record import Row, row_of
from parity.rules import Ratio, Rule
from parity.spec import LayerSpec
from parity.verdict import Verdict, decide, overall, worst_of

from .exactly import Exactly, missing
from .format import read
from .parts import Part, parts_of

DRAWS = 6
"""How often a floor is drawn here: a golden case is one input, with no others to make up for a lucky draw."""

GROSS = 100.0
"""Without a measured floor, a ratio above this is a failure and one between it and the limit undecided:
the floor of an honest sum of some thousand terms is at most about ten times PyTorch's own error."""


def _on_kernels(part: Part) -> bool:
    """Whether the sides that run kernels have something to say of a part."""
    return part.task.spec.family != "word" or bool(part.task.spec.kernels)


@dataclass(frozen=True)
class Outcome:
    """The verdict on one case on one side."""

    case: str
    side: str
    device: str
    status: str
    verdicts: Mapping[str, Verdict]
    reason: str = ""

    def row(self, repeat: str, folder: str = "") -> Row:
        """As a row; figures are those of the result that is worst off."""
        identity: dict[str, Any] = {
            "kind": "golden",
            "id": f"golden-{folder}{self.case}-{self.side}",
            "spec": self.case,
            "side": self.side,
            "device": self.device,
            "case": self.case,
            "repeat": repeat,
        }
        if not self.verdicts:
            # Without verdicts a case did not run, or its files are not in order.
            rule = "files" if self.status == "fail" else ""
            return Row(status=self.status, reasons=(self.reason,), rule=rule, **identity)
        return row_of(self.verdicts, **identity)


def verify(
    folder: Path,
    name: str,
    ports: list[tuple[str, str]],
    *,
    floors: Mapping[str, Any] | None = None,
    live: bool = True,
) -> Iterator[Outcome]:
    """Check one case: the reference in float64 and in its dtype (where PyTorch is), then each port side.

    Args:
        folder, name: where the case lies.
        ports: side and device of each port to check.
        floors: recorded floors by result; where they are given they are not measured again.
        live: whether to run the reference; if it cannot, all rests on the files and the floors.

    A case that cannot be read is one failing outcome for each side.
    """
    why_not_live = sides.why_not("torch") if live else "not asked for (--oracle golden)"
    try:
        yield from _verify(folder, name, ports, floors or {}, why_not_live)
    except Exception as error:  # whatever is wrong with a case is its answer, and the others still run
        reason = str(error)
        if not isinstance(error, GoldenError):
            reason = f"the case cannot be run: {type(error).__name__}: {error}"
        for side, device in [("reference", "cpu"), *ports]:
            yield Outcome(name, side, device, "fail", {}, reason)


def _verify(
    folder: Path,
    name: str,
    ports: list[tuple[str, str]],
    floors: Mapping[str, Any],
    why_not_live: str | None,
) -> Iterator[Outcome]:
    parts = parts_of(read(folder, name))
    ports = [p for p in ports if p[0] not in KERNEL_SIDES or any(_on_kernels(part) for part in parts)]
    expectations: list[Expectation] = []
    if why_not_live is None:
        exact: dict[str, Verdict] = {}
        working: dict[str, Verdict] = {}
        for part in parts:
            expectation, float64 = _live(part, floors)
            expectations.append(expectation)
            exact |= float64
            working |= _reproduces(part, expectation)
        if exact:
            yield Outcome(name, "reference f64", "cpu", _status(exact), exact)
        yield Outcome(name, f"reference {parts[0].task.dtype.short}", "cpu", _status(working), working)
    else:
        yield Outcome(name, "reference", "cpu", "not run", {}, why_not_live)
        expectations = [_recorded(part, floors) for part in parts]
    for side, device in ports:
        verdicts: dict[str, Verdict] = {}
        fell: list[str] = []
        for part, expectation in zip(parts, expectations, strict=True):
            try:
                found = _judge(part, expectation, *_results(part, side, device))
            except NotOnKernelError as error:
                fell.append(str(error))
                continue
            if why_not_live is not None:
                found = {n: v if n in floors else _without_floor(v) for n, v in found.items()}
            verdicts |= found
        if fell:
            yield Outcome(name, side, device, "not run", {}, "; ".join(dict.fromkeys(fell)))
        if verdicts:
            yield Outcome(name, side, device, _status(verdicts), verdicts)


def _status(verdicts: Mapping[str, Verdict]) -> str:
    return overall(v.status for v in verdicts.values())


def _rule(part: Part, result: str) -> Rule:
    if result.startswith("grad "):
        return part.task.spec.grad_rule
    return Ratio() if result.startswith("act ") else part.task.spec.rule


def _results(part: Part, side: str, device: str) -> tuple[dict[str, AnyArray] | Exception, tuple[str, ...]]:
    """Everything one side gives for a part, or what it raised; and its notes.

    Raises: NotOnKernelError if a side of kernels has none for the part.
    """
    found: dict[str, AnyArray] = {}
    try:
        notes = run_into(
            sides.get(side),
            replace(part.task, device=device),
            found.__setitem__,
            taps=part.taps,
        )
    except NotOnKernelError:
        raise
    except Exception as error:  # whatever a side raises on a golden case is its answer
        return error, ()
    return found, notes


def _judge(
    part: Part,
    expectation: Expectation,
    actual: dict[str, AnyArray] | Exception,
    notes: tuple[str, ...] = (),
) -> dict[str, Verdict]:
    """The verdict on every golden result of a part."""
    verdicts = {}
    for result, expected in expectation.results.items():
        if isinstance(actual, Exception):
            problem = f"the side raised {type(actual).__name__}: {actual}"
            sample = Comparison(n=0, problems=(problem,))
        elif result not in actual:
            sample = Comparison(n=0, problems=("the side does not return it",))
        else:
            spec = part.task.spec
            composed = isinstance(spec, LayerSpec)
            sample = compare(expected, actual[result], nonfinite=spec.nonfinite, composed=composed)
        verdicts[result] = decide([replace(sample, notes=(*sample.notes, *notes))], _rule(part, result))
    return verdicts


def _reproduces(part: Part, expectation: Expectation) -> dict[str, Verdict]:
    """Whether the reference's result and the golden one are equally good, each judged by the other.

    One way round would not do: a golden result with a large error would excuse every error.
    """
    own, _ = _results(part, "torch", "cpu")
    found = _judge(part, expectation, own)
    if isinstance(own, Exception):
        return found
    swapped = {n: replace(e, reference=own[n]) for n, e in expectation.results.items() if n in own}
    golden = {n: part.wanted[n] for n in swapped}
    back = _judge(part, Expectation(part.task, swapped), golden)
    return {n: worst_of({"": v, "golden": back.get(n, v)})[1] for n, v in found.items()}


def _without_floor(verdict: Verdict) -> Verdict:
    """Without a measured floor an excess may be honest: only a gross one is a failure."""
    if verdict.status != "fail" or verdict.rms is None or verdict.worst is None:
        return verdict
    if verdict.worst.problems or max(verdict.worst.ratios()) > GROSS:
        return verdict
    reason = "no floor was recorded for this case and PyTorch is not here to measure it"
    return replace(verdict, status="undecided", reasons=(*verdict.reasons, reason))


def measured(part: Part, floors: Mapping[str, Any] | None = None) -> Expectation:
    """What the reference itself says of a part, with floors where a rule wants them and none is known."""
    known = floors or {}
    return expect(
        part.task,
        seed=0,
        floors=any(isinstance(_rule(part, n), Ratio) and n not in known for n in part.wanted),
        taps=part.taps,
        draws=DRAWS,
    )


def _live(part: Part, floors: Mapping[str, Any]) -> tuple[Expectation, dict[str, Verdict]]:
    """Expectations with floors, and how the reference's float64 compares with the golden one."""
    live = measured(part, floors)
    exact = Exactly(part.task)
    results = {}
    float64 = {}
    for name, golden in part.wanted.items():
        own = live.results.get(name)
        if own is None:
            float64[name] = missing("the reference does not return it")
            continue
        if name in part.exact:
            float64[name] = exact.verdict(name, part.exact[name], own.oracle)
        oracle = part.exact.get(name, own.oracle if is_floating(golden) else golden)
        floor = Floor(*floors[name]) if name in floors else own.floor
        results[name] = replace(own, oracle=oracle, reference=golden, floor=floor)
    return Expectation(part.task, results), float64


def _recorded(part: Part, floors: Mapping[str, Any]) -> Expectation:
    """Expectations from the files alone, with recorded floors."""
    results = {}
    for name, golden in part.wanted.items():
        exact = part.exact.get(name)
        floating = is_floating(golden)
        floor = Floor(*floors[name]) if name in floors else None
        if floor is None and floating and isinstance(_rule(part, name), Ratio):
            if exact is None:
                continue  # neither an oracle nor a floor: nothing to judge an activation by
            floor = FloorMeter(exact, exact, part.task.dtype).floor()  # rounding the result, no more
        results[name] = Expected(
            oracle=(golden if exact is None else exact),
            dtype=part.task.dtype if floating else None,
            reference=None if exact is None else golden,
            floor=floor,
        )
    return Expectation(part.task, results)

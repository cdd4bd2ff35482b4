"""The verdict on one case: spec → inputs → reference and side → compare → verdict."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from . import sides
from .case import Case
from .compare import Comparison, compare, overflowed
from .dtypes import FLOAT32, AnyArray, cast
from .errors import ParityError, UsageError
from .expect import Expectation, expect, named_results, require_torch
from .record import Row, row_of
from .rules import Ratio, Rule
from .sides import Task
from .spec import LayerSpec
from .verdict import Verdict, decide, overall, worst_of

SEEDS = {"quick": 3, "default": 5, "deep": 20}
MOST_SEEDS = 4
MOST_OF_A_WORD = 32
"""How many times as many inputs are drawn, at most, while a verdict is undecided; and of a word, which costs
little, at least how many that is."""


@dataclass(frozen=True)
class Judgement:
    """The verdicts of one case on one side, by result name."""

    case: Case
    side: str
    device: str
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """``fail`` if any result fails, else ``undecided`` if any is, else ``pass``."""
        return overall(v.status for v in self.verdicts.values())

    def row(self, kind: str, id: str, repeat: str) -> Row:
        """As a row; `kind`, `id` and `repeat` are the test's."""
        return row_of(
            self.verdicts,
            kind=kind,
            id=id,
            spec=self.case.spec.name,
            side=self.side,
            device=self.device,
            dtype=self.case.dtype.name,
            case=str(self.case),
            repeat=repeat,
        )

    @property
    def worst(self) -> tuple[str, Verdict]:
        """The result that is worst off."""
        return worst_of(self.verdicts)


def rule_for(case: Case, result: str) -> Rule:
    """What the spec demands of a result: its own rule, or that of gradients."""
    return case.spec.grad_rule if _gradient(result) else case.spec.rule


def _gradient(result: str) -> bool:
    return result.startswith("grad ")


def parameters_of(case: Case, seed: int) -> dict[str, AnyArray] | None:
    """The given or seeded parameters of a layer case, rounded to its dtype; None for words."""
    if not isinstance(case.spec, LayerSpec):
        return None
    if case.given is not None and case.given.parameters is not None:
        drawn = case.given.parameters
    else:
        drawn = require_torch().parameters(case.spec, case.arguments, seed)
    rounded: dict[int, AnyArray] = {}
    for x in drawn.values():  # tied names share one array, also when rounded
        if id(x) not in rounded:
            rounded[id(x)] = cast(x, case.dtype)
    return {n: rounded[id(x)] for n, x in drawn.items()}


def task_of(case: Case, seed: int) -> Task:
    """The task of a case with the numbers of one seed."""
    return Task(
        spec=case.spec,
        inputs=case.inputs(seed),
        parameters=parameters_of(case, seed),
        dtype=case.dtype,
        options=case.options,
        arguments=case.arguments,
        sizes=case.sizes,
        layout=case.layout,
    )


def expectation(case: Case, seed: int, *, near: bool = False) -> Expectation:
    """What a case should give for one seed; `near` as `expect` has it.

    Raises: SideUnavailableError if PyTorch is not here, UsageError if the reference refuses the case.
    """
    rules = (case.spec.rule, case.spec.grad_rule) if case.vjp else (case.spec.rule,)
    try:
        return expect(
            task_of(case, seed),
            seed=seed,
            vjp=case.vjp,
            floors=any(isinstance(rule, Ratio) for rule in rules),
            near=near,
        )
    except (ValueError, TypeError, IndexError) as error:
        raise UsageError(f"the reference does not take the case {case}: {error}") from error


def samples(expectation: Expectation, side: str, device: str) -> dict[str, Comparison]:
    """Run one side on an expectation's task and measure every result.

    A result that only one of the two has is a problem of its own, and so is an exception.

    Raises: NotOnKernelError if a side of kernels has none for it.
    """
    task = expectation.task
    spec = task.spec
    try:
        outcome = sides.get(side).run(replace(task, device=device))
    except ParityError:
        raise
    except Exception as error:  # whatever a side raises on good input is its answer: a failing row
        problem = f"the side raised {type(error).__name__}: {error}".strip()
        return {n: Comparison(n=0, problems=(problem,)) for n in expectation.results}
    found = measure(expectation, named_results(outcome), nonfinite=spec.nonfinite)
    return noted(found, outcome.notes)


def noted(found: Mapping[str, Comparison], notes: tuple[str, ...]) -> dict[str, Comparison]:
    """Comparisons with the notes of the run that they are of."""
    return {n: replace(c, notes=(*c.notes, *notes)) for n, c in found.items()}


def measure(
    expectation: Expectation, actual: Mapping[str, AnyArray], *, nonfinite: str
) -> dict[str, Comparison]:
    """Every result of either against the other."""
    found = {}
    composed = isinstance(expectation.task.spec, LayerSpec)
    forward = composed and any(overflowed(e) for n, e in expectation.results.items() if not _gradient(n))
    backward = forward or (composed and any(map(overflowed, expectation.results.values())))
    for name in dict.fromkeys([*expectation.results, *actual]):
        if name not in actual:
            found[name] = Comparison(n=0, problems=("the port does not return it",))
        elif name not in expectation.results:
            found[name] = Comparison(n=0, problems=("only the port returns it",))
        else:
            found[name] = compare(
                expectation.results[name],
                actual[name],
                nonfinite=nonfinite,
                composed=composed,
                spread=backward if _gradient(name) else forward,
            )
    return found


def collect(
    sample: Callable[[int], Mapping[str, Comparison]],
    rule: Callable[[str], Rule],
    seeds: int,
    most: int,
) -> dict[str, Verdict]:
    """Verdicts by result on `seeds` samples, and on more (up to `most`) while any is undecided."""
    collected: dict[str, list[Comparison]] = {}
    verdicts: dict[str, Verdict] = {}
    for i in range(most):
        for name, comparison in sample(i).items():
            collected.setdefault(name, []).append(comparison)
        if i + 1 < seeds:
            continue
        more = i + 1 < most
        verdicts = {n: decide(s, rule(n), more=more) for n, s in collected.items()}
        if not any(v.status == "undecided" for v in verdicts.values()):
            break
    return verdicts


def judge(case: Case, side: str, device: str, *, seeds: int, most: int | None = None) -> Judgement:
    """The verdict on one case: `seeds` inputs, and more (up to `most`) while it is undecided.

    What half precision does not pass is judged again by how well the reference does next to each input:
    its error on one input may be small by luck.

    Raises: SideUnavailableError if the reference cannot run, NotOnKernelError if a side of kernels has none
        for the case.
    """
    if most is None:
        most = max(seeds * MOST_SEEDS, 0 if isinstance(case.spec, LayerSpec) else MOST_OF_A_WORD)
    most = max(seeds, most)

    def verdicts(near: bool) -> dict[str, Verdict]:
        return collect(
            lambda i: samples(expectation(case, case.seed + i, near=near), side, device),
            lambda name: rule_for(case, name),
            seeds,
            most,
        )

    found = verdicts(near=False)
    if case.dtype.precision < FLOAT32.precision and any(map(_by_size, found.values())):
        found = verdicts(near=True)
    return Judgement(case, side, device, found)


def _by_size(verdict: Verdict) -> bool:
    """Whether it may be the size of an error that a verdict has against a result."""
    return verdict.rms is not None and verdict.status != "pass"

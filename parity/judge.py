"""Spec → inputs → each side → compare → verdict, for one case.

The reference's share (oracle, working dtype, and the runs that measure its floor) is an `Expectation`, a
plain value: it is made once, wherever PyTorch is, and any side is judged against it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from . import sides
from .case import Case
from .compare import Comparison, Expected, compare
from .dtypes import FLOAT32, FLOAT64, AnyArray, Float64, WorkingDtype, cast, is_floating
from .errors import ParityError, SideUnavailableError
from .floor import measure
from .inputs import flushed, generator, has_subnormals, moved
from .rules import Exact, Ratio, Rule
from .sides import Outcome, Task
from .spec import LayerSpec
from .verdict import Verdict, decide

COHERENT_MOVES = ("up", "away")

DRAWS = 2
DRAWS_FOR_FEW = 6
FEW_ELEMENTS = 32
"""How often inputs are moved and results rounded anew to measure a floor: a result of few elements says
little about it in one draw."""

SEEDS = {"quick": 3, "default": 5, "deep": 20}
MOST_SEEDS = 4  # times as many, where the first ones leave a verdict undecided


@dataclass(frozen=True)
class Expectation:
    """The inputs of one case and seed, and what every result should be."""

    inputs: Mapping[str, AnyArray]
    parameters: Mapping[str, AnyArray] | None
    cotangents: Mapping[str, AnyArray] | None
    results: Mapping[str, Expected]


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
        found = {v.status for v in self.verdicts.values()}
        return next((s for s in ("fail", "undecided") if s in found), "pass")

    @property
    def worst(self) -> tuple[str, Verdict]:
        """The result that is worst off."""
        order = {"fail": 2, "undecided": 1, "pass": 0}
        return max(self.verdicts.items(), key=lambda kv: (order[kv[1].status], kv[1].ratio))


def rule_for(case: Case, result: str) -> Rule:
    """What the spec demands of a result: its own rule, or that of gradients."""
    return case.spec.grad_rule if result.startswith("grad ") else case.spec.rule


def task_of(case: Case, **changes: Any) -> Task:
    """The task of a case, without numbers."""
    return replace(
        Task(
            spec=case.spec,
            inputs={},
            dtype=case.dtype,
            options=case.options,
            arguments=case.arguments,
            sizes=case.sizes,
            layout=case.layout,
        ),
        **changes,
    )


def named_results(outcome: Outcome) -> dict[str, AnyArray]:
    """Outputs, and gradients as ``grad <name>``, in one dictionary."""
    return dict(outcome.outputs) | {f"grad {n}": g for n, g in outcome.gradients.items()}


def parameters_of(case: Case, seed: int) -> dict[str, AnyArray] | None:
    """The seeded parameters of a layer case, rounded to its dtype; None for words."""
    if not isinstance(case.spec, LayerSpec):
        return None
    side: Any = sides.get("torch")
    drawn = side.parameters(case.spec, case.arguments, seed)
    return {n: cast(x, case.dtype) for n, x in drawn.items()}


def expectation(case: Case, seed: int) -> Expectation:
    """Run the reference as often as it takes to know what the case should give, and how closely.

    Raises: SideUnavailableError if PyTorch is not here.
    """
    reason = sides.why_not("torch")
    if reason is not None:
        raise SideUnavailableError(f"the reference cannot run: {reason}; use --oracle golden")
    torch: Any = sides.get("torch")
    inputs = case.inputs(seed)
    parameters = parameters_of(case, seed)

    def run(
        dtype: WorkingDtype,
        x: Mapping[str, AnyArray] = inputs,
        p: Mapping[str, AnyArray] | None = parameters,
        cotangents: Mapping[str, AnyArray] | None = None,
        **roundings: Any,
    ) -> dict[str, AnyArray]:
        task = task_of(case, inputs=x, parameters=p, dtype=dtype, cotangents=cotangents)
        return named_results(torch.run(task, **roundings))

    cotangents = None
    oracle = run(FLOAT64)
    if case.vjp:
        cotangents = _cotangents(oracle, case, seed)
        oracle = run(FLOAT64, cotangents=cotangents)
    reference = run(case.dtype, cotangents=cotangents)

    floors: dict[str, Any] = {}
    if any(isinstance(rule_for(case, name), Ratio) for name in oracle):
        runs = _floor_runs(case, seed, run, inputs, parameters, cotangents, reference)
        for name, exact in oracle.items():
            if is_floating(exact):
                floors[name] = measure(
                    exact.astype(np.float64),
                    **{key: _pick(value, name) for key, value in runs.items()},
                    dtype=case.dtype,
                )
    alternate = _alternate(case, run, inputs, parameters, cotangents)
    bounds = _bounds(case, inputs)
    results = {
        name: Expected(
            oracle=exact,
            dtype=case.dtype if is_floating(exact) else None,
            reference=reference.get(name),
            floor=floors.get(name),
            bound=bounds.get(name),
            alternate=None if alternate is None else alternate[name].astype(np.float64),
        )
        for name, exact in oracle.items()
    }
    return Expectation(inputs, parameters, cotangents, results)


def _cotangents(
    outputs: Mapping[str, AnyArray], case: Case, seed: int
) -> dict[str, AnyArray]:
    """A standard-normal cotangent for each floating output."""
    return {
        name: cast(generator("cotangent", name, seed).standard_normal(x.shape), case.dtype)
        for name, x in outputs.items()
        if is_floating(x)
    }


def _floor_runs(
    case: Case,
    seed: int,
    run: Callable[..., dict[str, AnyArray]],
    inputs: Mapping[str, AnyArray],
    parameters: Mapping[str, AnyArray] | None,
    cotangents: Mapping[str, AnyArray] | None,
    reference: Mapping[str, AnyArray],
) -> dict[str, Any]:
    """The reference in float32, and how it answers moved inputs and sums in another order."""
    base = reference if case.dtype is FLOAT32 else run(FLOAT32, cotangents=cotangents)

    def shifted(direction: str, i: int) -> dict[str, AnyArray]:
        rng = generator("move", direction, i, seed)

        def move(arrays: Mapping[str, AnyArray] | None) -> dict[str, AnyArray] | None:
            if arrays is None:
                return None
            return {
                n: moved(x.astype(np.float32), rng, direction) if is_floating(x) else x
                for n, x in arrays.items()
            }

        return run(FLOAT32, move(inputs), _tied(move(parameters), parameters), move(cotangents))

    smallest = min((x.size for x in reference.values() if is_floating(x)), default=0)
    draws = DRAWS if smallest >= FEW_ELEMENTS else DRAWS_FOR_FEW
    roundings = [None, *(seed * DRAWS_FOR_FEW + i for i in range(draws - 1))]
    return {
        "base": base,
        "random": [shifted("random", i) for i in range(draws)],
        "coherent": [shifted(direction, 0) for direction in COHERENT_MOVES],
        "reordered": [
            run(FLOAT32, cotangents=cotangents, reorder=True, rounding_seed=r) for r in roundings
        ],
    }


def _tied(
    shifted: dict[str, AnyArray] | None, original: Mapping[str, AnyArray] | None
) -> dict[str, AnyArray] | None:
    """Names that shared one array still share one after it was moved."""
    if shifted is None or original is None:
        return shifted
    first: dict[int, str] = {}
    for name, array in original.items():
        first.setdefault(id(array), name)
    return {n: shifted[first[id(original[n])]] for n in shifted}


def _pick(value: Any, name: str) -> Any:
    """One result out of one run or several, in float64."""
    if isinstance(value, list):
        return [v[name].astype(np.float64) for v in value]
    return value[name].astype(np.float64)


def _alternate(
    case: Case,
    run: Callable[..., dict[str, AnyArray]],
    inputs: Mapping[str, AnyArray],
    parameters: Mapping[str, AnyArray] | None,
    cotangents: Mapping[str, AnyArray] | None,
) -> dict[str, AnyArray] | None:
    """The oracle for inputs whose subnormals are read as zero, if there are any."""
    floats = [x for x in inputs.values() if is_floating(x)]
    if isinstance(case.spec.rule, Exact) or not any(has_subnormals(x, case.dtype) for x in floats):
        return None
    flat = {n: flushed(x, case.dtype) if is_floating(x) else x for n, x in inputs.items()}
    return run(FLOAT64, flat, parameters, cotangents)


def _bounds(case: Case, inputs: Mapping[str, AnyArray]) -> dict[str, Float64]:
    """Theory's bounds on the outputs, where the spec has them."""
    exact: dict[str, Any] = {
        n: x.astype(np.float64) if is_floating(x) else x for n, x in inputs.items()
    }
    arguments = exact | dict(case.options)
    return {name: bound(arguments, case.dtype) for name, bound in case.spec.bound.items()}


def samples(
    case: Case, side: str, device: str, expect: Expectation
) -> dict[str, Comparison]:
    """Run one side on an expectation's inputs and measure every result.

    A result that only one of the two has is a problem of its own.
    """
    task = task_of(
        case,
        inputs=expect.inputs,
        parameters=expect.parameters,
        cotangents=expect.cotangents,
        device=device,
    )
    try:
        actual = named_results(sides.get(side).run(task))
    except ParityError:
        raise
    except Exception as error:  # whatever a side raises on good input is its answer: a failing row
        problem = f"{type(error).__name__}: {error}".strip()
        return {
            name: Comparison(n=0, problems=(f"the side raised {problem}",))
            for name in expect.results
        }
    found = {}
    for name in dict.fromkeys([*expect.results, *actual]):
        if name not in actual:
            found[name] = Comparison(n=0, problems=("the port does not return it",))
        elif name not in expect.results:
            found[name] = Comparison(n=0, problems=("only the port returns it",))
        else:
            found[name] = compare(
                expect.results[name], actual[name], nonfinite=case.spec.nonfinite
            )
    return found


def judge(
    case: Case,
    side: str,
    device: str,
    *,
    seeds: int,
    most: int | None = None,
) -> Judgement:
    """The verdict on one case: `seeds` inputs, and more (up to `most`) while it is undecided.

    Raises: SideUnavailableError if the reference cannot run.
    """
    most = seeds * MOST_SEEDS if most is None else most
    collected: dict[str, list[Comparison]] = {}
    verdicts: dict[str, Verdict] = {}
    for i in range(max(seeds, most)):
        for name, sample in samples(
            case, side, device, expectation(case, case.seed + i)
        ).items():
            collected.setdefault(name, []).append(sample)
        if i + 1 < seeds:
            continue
        more = i + 1 < most
        verdicts = {n: decide(s, rule_for(case, n), more=more) for n, s in collected.items()}
        if not any(v.status == "undecided" for v in verdicts.values()):
            break
    return Judgement(case, side, device, verdicts)

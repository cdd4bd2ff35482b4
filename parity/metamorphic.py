"""The verdict on a relation: is its residual no larger than the reference's own and the floor?"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from . import sides
from .case import Case
from .compare import Comparison, Errors
from .dtypes import AnyArray, Float64
from .errors import ParityError
from .expect import draw_cotangents, expect, named_results
from .floor import Floor, norms
from .inputs import generator
from .judge import MOST_SEEDS, Judgement, collect, task_of
from .relations import Relation
from .rules import Ratio
from .sides import Task
from .spec import LayerSpec

EXACTLY = 1e-10
"""How closely the reference in float64 must satisfy a relation, relative to the result: else the relation
is not true of it, and says nothing of the port."""


def adapted(case: Case, relation: Relation) -> Case:
    """The case with what the relation needs."""
    sizes = {a: max(n, relation.least.get(a, n)) for a, n in case.sizes.items()}
    fixed = relation.fixed
    options = dict(case.options) | {n: v for n, v in fixed.items() if n in case.spec.options}
    arguments = dict(case.arguments)
    if isinstance(case.spec, LayerSpec):
        arguments |= {n: v for n, v in fixed.items() if n in case.spec.arguments}
    sizes |= {n: sizes[v] if isinstance(v, str) else v for n, v in fixed.items() if n in sizes}
    left_out = tuple(dict.fromkeys((*case.left_out, *relation.left_out)))
    return replace(case, sizes=sizes, options=options, arguments=arguments, left_out=left_out)


def judge_relation(case: Case, relation: Relation, side: str, device: str, *, seeds: int) -> Judgement:
    """The verdict on a relation of a case, over several inputs.

    Raises: SideUnavailableError if the reference cannot run.
    """
    case = adapted(case, relation)
    verdicts = collect(
        lambda i: {relation.name: _sample(case, relation, side, device, case.seed + i)},
        lambda _: Ratio(),
        seeds,
        seeds * MOST_SEEDS,
    )
    return Judgement(case, side, device, verdicts)


def _sample(case: Case, relation: Relation, side: str, device: str, seed: int) -> Comparison:
    """The residuals of one set of inputs: of the oracle, of the reference and of the side."""
    whole = task_of(case, seed)
    terms = relation.terms(dict(whole.inputs), generator("relation", relation.name, seed))
    tasks = [replace(whole, inputs=inputs) for inputs in terms]
    expected = [_first(expect(task, seed=seed).results) for task in tasks]

    def residual(outputs: list[AnyArray]) -> Float64:
        values = [y.astype(np.float64) for y in outputs]
        return relation.residual(values, terms, case.options)

    try:
        outputs = [_first(named_results(_run(side, device, task))) for task in tasks]
        own = residual(outputs)
    except ParityError:
        raise
    except Exception as error:  # whatever a side raises on good input is its answer: a failing row
        problem = f"the side raised {type(error).__name__}: {error}"
        return Comparison(n=0, problems=(problem,))
    scale = norms(expected[0].oracle)[0]
    problems = [] if own.size else ["the residual is empty: the relation compares nothing"]
    exact = norms(residual([e.oracle for e in expected]))[1]
    if not exact <= EXACTLY * max(scale, 1.0):
        problems.append(f"the reference in float64 does not satisfy {relation.name}: residual {exact:.3g}")
    if not np.isfinite(own).all():
        problems.append("the residual is not finite")
    reference = residual([e.reference for e in expected if e.reference is not None])
    floors = [e.floor for e in expected if e.floor is not None]
    return Comparison(
        n=int(own.size),
        finite=int(own.size),
        problems=tuple(problems),
        error=_errors(own),
        reference=_errors(reference),
        floor=Floor(sum(f.rms for f in floors), sum(f.max for f in floors), 0.0, 0.0, 0.0),
        scale=scale,
    )


def _run(side: str, device: str, task: Task) -> sides.Outcome:
    return sides.get(side).run(replace(task, device=device))


def _first(results: Mapping[str, Any]) -> Any:
    return next(iter(results.values()))


def _errors(residual: Float64) -> Errors:
    rms, largest = norms(residual)
    return Errors(rms, largest, 0.0, 0.0)


def same_bits(case: Case, side: str, device: str, *, runs: int = 2) -> tuple[int, list[str]]:
    """How many numbers a case gives, and the names of results that differ between runs of it.

    The first two runs have gradients; the others, of results alone, are there for what is rare: a race that
    shows once in fifty shows in a hundred and twenty with a probability of 0.91.
    """
    task = task_of(case, case.seed)
    plain = task
    if case.spec.grads or isinstance(case.spec, LayerSpec):
        outputs = _run(side, device, task).outputs
        task = replace(task, cotangents=draw_cotangents(outputs, case.dtype, case.seed))
    one = named_results(_run(side, device, task))
    different = dict.fromkeys(_differing(one, named_results(_run(side, device, task))))
    for _ in range(runs - 2):
        different |= dict.fromkeys(_differing(one, _run(side, device, plain).outputs))
    return sum(x.size for x in one.values()), list(different)


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [n for n, x in other.items() if one[n].tobytes() != x.tobytes()]

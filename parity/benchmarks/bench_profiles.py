"""Every numerical profile of every word that has a choice, at the sizes of a real model, side by side.

pytest parity/benchmarks/bench_profiles.py --dtypes f32 --benchmark-columns=median,iqr,rounds
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from parity import numerics, sides
from parity.judge import task_of
from parity.nodes import Node
from parity.sidebyside import case_of


@pytest.mark.parity_nodes("word", named_cases="none", profiles=True)
@pytest.mark.parametrize("profile", numerics.NAMES)
def test_forward(node: Node, profile: str, benchmark: Callable[..., Any]) -> None:
    """One forward pass, inputs handed over."""
    case = case_of(node.spec, node.dtype, node.seed)
    task = replace(task_of(case, case.seed), device=node.target.device)
    benchmark.group = f"{node.spec.name} {node.dtype.short}"  # type: ignore[attr-defined]
    with numerics.chosen(profile):
        benchmark(sides.get(node.target.side).call_raw, task)

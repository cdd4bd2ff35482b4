"""Every word on the reference and on the port, in its first named case: ``make bench``.

Not collected by ``pytest parity/``: a time is not parity.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from parity import sides
from parity.judge import task_of
from parity.nodes import Node


@pytest.mark.parity_nodes("word", "layer", named_cases="first")
@pytest.mark.parametrize("who", ["reference", "port"])
def test_forward(node: Node, who: str, benchmark: Callable[..., Any]) -> None:
    """One forward pass, inputs handed over and results fetched: what a comparison pays for."""
    side, device = ("torch", "cpu") if who == "reference" else (node.target.side, node.target.device)
    case = node.case()
    task = replace(task_of(case, case.seed), device=device)
    benchmark.group = f"{node.spec.name} {node.dtype.short}"  # type: ignore[attr-defined]
    benchmark(sides.get(side).run, task)

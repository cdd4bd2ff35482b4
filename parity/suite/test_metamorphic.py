"""Relations that hold whatever the values are, and the same bits twice."""

import pytest

from parity.judge import Judgement
from parity.metamorphic import judge_relation, same_bits
from parity.nodes import Node
from parity.record import Row
from parity.session import Recorder

pytestmark = pytest.mark.parity_live

MANY_RUNS = 120
"""How often a word is run on the same numbers."""


@pytest.mark.parity_nodes("word", "layer", "model", named_cases="first", relations=True, first_dtype=True)
def test_relation(node: Node, parity: Recorder) -> None:
    """Linearity, shift, second definitions, independence of batch and padding."""
    assert node.relation is not None
    case, target = node.case(), node.target
    with parity.on_kernels("metamorphic", node.id, node, case):
        judgement: Judgement = judge_relation(
            case, node.relation, target.side, target.device, seeds=parity.seeds(node.spec.family)
        )
    parity.conclude("metamorphic", node.id, judgement, node.dtype)


@pytest.mark.parity_nodes("word", "layer", "model", named_cases="first")
def test_same_bits(node: Node, parity: Recorder) -> None:
    """Another run on the same numbers gives the same bits, gradients included: else there is a race."""
    case, target = node.case(), node.target
    often = parity.settings.profile != "quick" and node.dtype is parity.settings.working_dtypes()[0]
    runs = MANY_RUNS if often and node.spec.family == "word" else 2
    with parity.on_kernels("metamorphic", f"{node.id}-deterministic", node, case):
        n, different = same_bits(case, target.side, target.device, runs=runs)
    reasons = tuple(f"{name} has other bits in one of {runs} runs on the same numbers" for name in different)
    parity.record(
        Row(
            kind="metamorphic",
            id=f"{node.id}-deterministic",
            status="fail" if different else "pass",
            spec=node.spec.name,
            side=target.side,
            device=target.device,
            dtype=node.dtype.name,
            case=str(case),
            rule="exact",
            reasons=reasons,
            n=n,
            seeds=1,
            repeat=parity.repeat,
        )
    )
    assert not different, f"{'; '.join(reasons)}\n  case:   {case}\n  repeat: {parity.repeat}"

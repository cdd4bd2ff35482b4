"""Every numerical profile of every word that has a choice, on the same inputs."""

import pytest

from parity.nodes import Node
from parity.numerics import words_with_a_choice
from parity.session import Recorder
from parity.sidebyside import SEEDS, case_of, rows

pytestmark = [pytest.mark.parity_live, pytest.mark.parity_slow]


@pytest.mark.parity_nodes("word", named_cases="none", first_dtype=True, profiles=True)
def test_profiles(node: Node, parity: Recorder) -> None:
    """Canonical, stable and fast keep the same gates, gradients included."""
    assert node.spec in words_with_a_choice()
    case = case_of(node.spec, node.dtype, node.seed)
    bad = []
    for row in rows(
        case, node.target, parity.repeat, seeds=SEEDS if parity.settings.profile == "deep" else 1
    ):
        parity.record(row)
        if row.status != "pass":
            bad.append("\n  ".join([f"{row.id}: {row.status}", *row.reasons, f"case: {case}"]))
    if bad:
        pytest.fail("\n".join([*bad, f"repeat: {parity.repeat}"]), pytrace=False)

"""Any case of any spec: Hypothesis looks for the worst, and makes what fails small."""

import pytest

from parity.messages import keep
from parity.nodes import Node
from parity.search import EXAMPLES, search
from parity.session import Recorder

pytestmark = pytest.mark.parity_live


def _search(node: Node, parity: Recorder) -> None:
    found = search(
        node.spec,
        node.dtype,
        node.target,
        vjp=node.vjp,
        examples=EXAMPLES[node.spec.family][parity.settings.profile],
        seed=parity.settings.seed,
    )
    judgement = found.failure or found.worst
    assert judgement is not None, "the search drew no case"
    id = f"{node.id}-{'vjp-' if node.vjp else ''}search"
    parity.conclude("property", id, judgement, node.dtype, hint=keep(judgement.case))


@pytest.mark.parity_nodes("word", named_cases="none")
def test_any_case(node: Node, parity: Recorder) -> None:
    """Any sizes, layout, options and kind of input, NaN and infinities included."""
    _search(node, parity)


@pytest.mark.parity_nodes("word", vjp=True, named_cases="none")
def test_any_gradient(node: Node, parity: Recorder) -> None:
    """Any finite case of a word, with its gradients."""
    _search(node, parity)


@pytest.mark.parity_nodes("layer", "model", vjp=True, named_cases="none")
def test_any_layer(node: Node, parity: Recorder) -> None:
    """Any sizes and constructor arguments of a layer or model, with gradients."""
    _search(node, parity)

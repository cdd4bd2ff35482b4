"""Every word, in its named cases, against the reference."""

import pytest

from parity.nodes import Node
from parity.session import Recorder

pytestmark = pytest.mark.parity_live


@pytest.mark.parity_nodes("word", kernels="all")
def test_word(node: Node, parity: Recorder) -> None:
    """Outputs."""
    parity.judge(node)


@pytest.mark.parity_nodes("word", vjp=True, named_cases="first", kernels="all")
def test_word_gradient(node: Node, parity: Recorder) -> None:
    """Outputs and the vector-Jacobian product, by argument."""
    parity.judge(node)

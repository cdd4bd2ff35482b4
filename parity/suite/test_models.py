"""Every layer, and every model with its head, against the reference."""

import pytest

from parity.nodes import Node
from parity.session import Recorder

pytestmark = pytest.mark.parity_live


@pytest.mark.parity_nodes("layer", vjp=True, kernels="all", turn=True)
def test_layer(node: Node, parity: Recorder) -> None:
    """Outputs, and gradients of arguments and parameters."""
    parity.judge(node)


@pytest.mark.parity_nodes("model", vjp=True, kernels="all", turn=True)
def test_model(node: Node, parity: Recorder) -> None:
    """Outputs, loss, and gradients of parameters."""
    parity.judge(node)

"""The sides compute as precisely as their formats say, and independently of each other."""

import pytest

from parity.probe import rows
from parity.session import Recorder

pytestmark = pytest.mark.parity_live


def test_probe(parity: Recorder) -> None:
    """No fast mode that nobody asked for, and no library that both sides share."""
    result = parity.session.probe()
    for row in rows(result):
        parity.record(row)
    if result.findings:
        pytest.fail("\n".join([*result.findings, f"repeat: {parity.repeat}"]), pytrace=False)

"""What every test of drift needs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from parity.case import Case
from parity.drift.bisect import bisect
from parity.drift.finding import Finding
from parity.drift.prober import Memory, Prober
from parity.drift.said import as_layer
from parity.nodes import Target
from parity.swap import swapped

CULPRITS = "parity.tests.drift.culprits"

Bisected = Callable[..., Finding]


@pytest.fixture
def target(frameworks: None) -> Target:
    """The port on the CPU."""
    return Target("mlx", "cpu", "mlx")


@pytest.fixture
def bisected(target: Target) -> Bisected:
    """Bisect a case with culprits, ``what=name``, swapped in."""

    def run(text: str, *swaps: str, memory: Path | None = None, inputs: int = 1) -> Finding:
        names = [f"{s.partition('=')[0]}={CULPRITS}:{s.partition('=')[2]}" for s in swaps]
        with swapped(names):
            kept = Memory(memory, {"swaps": names})
            return bisect(Prober(as_layer(Case.parse(text)), target, inputs=inputs, memory=kept))

    return run

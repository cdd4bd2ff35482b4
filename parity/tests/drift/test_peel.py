"""The search by prefixes, against every set of culprits."""

import itertools
from collections.abc import Sequence

import pytest

from parity.drift.peel import first_prefix, peel


class Questions:
    """Counts questions; what cures is having every culprit."""

    def __init__(self, culprits: Sequence[int]) -> None:
        self.culprits = set(culprits)
        self.asked = 0

    def __call__(self, chosen: Sequence[int], left: int) -> bool:
        self.asked += 1
        assert left >= 0
        return self.culprits <= set(chosen)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 13])
def test_every_single_culprit_in_logarithmic_time(n: int) -> None:
    """⌈log₂ n⌉ questions for the prefix, one to see that it is all."""
    for culprit in range(n):
        ask = Questions([culprit])
        assert first_prefix(range(n), ask) == culprit + 1
        assert ask.asked <= (n - 1).bit_length()
        ask = Questions([culprit])
        assert peel(range(n), ask) == ([culprit], True)
        assert ask.asked <= (n - 1).bit_length() + 1


@pytest.mark.parametrize("n", [4, 7])
def test_every_set_of_culprits(n: int) -> None:
    """The set itself, nothing more."""
    for k in range(1, n + 1):
        for culprits in itertools.combinations(range(n), k):
            ask = Questions(culprits)
            found, whole = peel(range(n), ask)
            assert whole
            assert sorted(found) == list(culprits)
            assert ask.asked <= k * ((n - 1).bit_length() + 1)


def test_it_stops_when_there_are_many() -> None:
    """And says that there may be more."""
    found, whole = peel(range(8), Questions([1, 3, 5, 7]), most=2)
    assert found == [7, 5]
    assert not whole

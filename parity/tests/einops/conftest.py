"""Searches over random patterns, as many as the profile says, the same for the same seed."""

from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

from parity.session import KEY

SCALE = {"quick": 0.2, "default": 1, "deep": 30}
"""How many cases a profile draws, over those of the default one."""

Search = Callable[[st.SearchStrategy[Any], Callable[[Any], object], int], None]


@pytest.fixture
def search(request: pytest.FixtureRequest) -> Search:
    """Check a property of cases of a strategy; the last argument is how many in the default profile."""
    settings = request.config.stash[KEY].settings

    def run(cases: st.SearchStrategy[Any], check: Callable[[Any], object], examples: int) -> None:
        @hypothesis.seed(settings.seed)
        @hypothesis.settings(
            max_examples=max(1, int(examples * SCALE[settings.profile])),
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            database=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        )
        @given(cases)
        def holds(case: Any) -> None:
            check(case)

        holds()

    return run

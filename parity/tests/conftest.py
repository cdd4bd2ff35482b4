"""Specs for the harness's own tests."""

import pytest

from parity.session import KEY


@pytest.fixture(autouse=True, scope="session")
def _specs(request: pytest.FixtureRequest) -> None:
    """The project's specs are declared, as they are when the suite runs."""
    request.config.stash[KEY].prepare()

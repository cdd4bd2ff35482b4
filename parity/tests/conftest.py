"""Specs and frameworks for the harness's own tests."""

import pytest

from parity import sides
from parity.case import Case
from parity.dtypes import WORKING
from parity.judge import judge
from parity.probe import probe_all
from parity.session import KEY


@pytest.fixture(autouse=True, scope="session")
def _specs(request: pytest.FixtureRequest) -> None:
    """The project's specs are declared, as they are when the suite runs."""
    request.config.stash[KEY].prepare()


@pytest.fixture(scope="session")
def frameworks(_specs: None) -> None:
    """Every module of the frameworks that a run needs: a run within a run forgets what it imported, and
    extension modules cannot be loaded twice."""
    device = sides.get("mlx").devices()[0]
    judge(Case.parse("BertMLP;b=1;l=2;d=4;vjp"), "mlx", device, seeds=1)
    probe_all([("torch", "cpu"), ("mlx", device)], list(WORKING.values()))

"""The pytest plugin: hooks, and nothing but hooks."""

from collections.abc import Iterator
from typing import Any

import pytest

from . import session
from .errors import UsageError
from .record import Row
from .settings import PYTEST_NAMES, add_options


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser.getgroup("parity", "parity of an MLX port").addoption, names=PYTEST_NAMES)


def pytest_configure(config: pytest.Config) -> None:
    try:
        config.stash[session.KEY] = session.Session.of_pytest(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_unconfigure(config: pytest.Config) -> None:
    state = config.stash.get(session.KEY, None)
    if state is not None:
        state.close()


def pytest_report_header(config: pytest.Config) -> list[str]:
    return config.stash[session.KEY].header()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[session.KEY].collected(items)


@pytest.fixture
def parity(request: pytest.FixtureRequest) -> session.Recorder:
    """Judges nodes, records rows, and fails the test with what there is to say."""
    return session.Recorder(request.config.stash[session.KEY], request.node)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    # Reports reach the controller of a distributed run too: rows are written in one place only.
    state = session.active()
    if state is not None and report.when == "call":
        state.write(row for name, row in report.user_properties if name == session.PROPERTY)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    from .session import KEY

    state = session.config.stash.get(KEY, None)
    if state is not None:
        session.exitstatus = state.finish(int(exitstatus))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for line in config.stash[session.KEY].summary():
        terminalreporter.write_line(line)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> Iterator[None] | None:
    marker = metafunc.definition.get_closest_marker("parity_nodes")
    if marker is not None and "node" in metafunc.fixturenames:
        found = list(metafunc.config.stash[session.KEY].nodes(*marker.args, **marker.kwargs))
        metafunc.parametrize("node", found, ids=[n.id for n in found])
    return None


__all__ = ["Row", "parity"]

"""The pytest plugin: hooks, and nothing but hooks."""

from collections.abc import Generator
from typing import Any

import pytest

from .errors import ParityError
from .session import KEY, RECORDER, Recorder, Session
from .settings import PYTEST_NAMES, Settings, add_options


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser.getgroup("parity", "parity of an MLX port").addoption, names=PYTEST_NAMES)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "parity_nodes(*families, **selection): parametrize `node` with nodes of specs"
    )
    config.addinivalue_line("markers", "parity_slow: not in the quick profile")
    config.addinivalue_line("markers", "parity_goldens: parametrize `golden` with every golden case")
    config.addinivalue_line("markers", "parity_live: needs the live reference, not only golden files")
    try:
        session = Session.of_pytest(config)
    except ParityError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[KEY] = session
    if session.worker is None:
        config.pluginmanager.register(session, "parity-session")


def pytest_unconfigure(config: pytest.Config) -> None:
    if KEY in config.stash:
        config.stash[KEY].close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    session = metafunc.config.stash[KEY]
    try:
        for marker in metafunc.definition.iter_markers("parity_nodes"):
            found = list(session.nodes(*marker.args, **marker.kwargs))
            metafunc.parametrize("node", found, ids=[n.id for n in found])
        if metafunc.definition.get_closest_marker("parity_goldens"):
            metafunc.parametrize("golden", session.goldens(), ids=str)
    except ParityError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    # Mistakes in what somebody asked for end the run here, with pytest's code for usage errors; the specs
    # that are always there are imported only by a test that wants them.
    state = session.config.stash[KEY]
    if state.settings.swap or state.settings.specs != Settings.specs:
        try:
            state.prepare()
        except ParityError as error:
            raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[KEY].leave_out(items)


@pytest.fixture
def parity(request: pytest.FixtureRequest) -> Recorder:
    """Judges nodes, records rows, and fails the test with what there is to say."""
    recorder = Recorder(request.config.stash[KEY], request.node)
    request.node.stash[RECORDER] = recorder
    return recorder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    try:
        result = yield
    finally:
        if RECORDER in item.stash:
            item.stash[RECORDER].swaps()
    if RECORDER in item.stash:
        item.stash[RECORDER].finish()
    return result


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if KEY in session.config.stash:
        session.exitstatus = session.config.stash[KEY].finish(int(exitstatus))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for message in config.stash[KEY].unused_swaps:
        terminalreporter.write_line(f"ERROR: {message}", red=True)
    report = config.stash[KEY].report
    if report is not None:
        terminalreporter.section("parity")
        for line in report.terminal():
            terminalreporter.write_line(line)

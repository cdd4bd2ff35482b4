"""``pytest -p parity.msl.everywhere``: anyone's tests, with every Metal kernel in them run and checked here.

It is in place before the first ``conftest.py`` is read: kernels that are made while a module is imported
are the executor's too. A mistake raises in the test that launches the kernel, and stands in the summary.
Tests that ask the platform and not MLX, and tests that start processes, have an option each.
"""

import json
import os
import platform
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from .execute import Call, Outcome
from .findings import Finding, merged, order
from .kernel import MetalKernel, installed, observing

CHILDREN = Path(__file__).parent / "children"
_KEPT = 200
"""Findings of one kernel that are kept for the summary, equal ones aside."""


class Heard:
    """What ran: launches of each kernel, and what was found in it."""

    def __init__(self) -> None:
        self.launches: Counter[str] = Counter()
        self.found: dict[str, dict[object, Finding]] = {}

    def __call__(self, kernel: MetalKernel, _call: Call, outcome: Outcome) -> None:
        name = kernel.text.name
        self.launches[name] += 1
        found = self.found.setdefault(name, {})
        for f in outcome.findings:
            key = (f.kind, f.memory, tuple(a.place for a in f.accesses))
            if key in found or len(found) < _KEPT:
                found.setdefault(key, f)

    def summary(self) -> list[str]:
        """A line for the whole run, then each kernel with mistakes."""
        wrong = {
            name: errors
            for name, found in self.found.items()
            if (errors := [f for f in order(merged(list(found.values()))) if f.severity == "error"])
        }
        count = sum(self.launches.values())
        lines = [f"{len(self.launches)} kernels in {count} launches, {len(wrong)} with mistakes"]
        for name, errors in wrong.items():
            lines += ["", f"{name}:", *(f.describe() for f in errors)]
        return lines


_running = pytest.StashKey[tuple[ExitStack, Heard]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("msl", "Metal kernels on the CPU")
    group.addoption(
        "--msl-findings", choices=("raise", "warn", "ignore"), default="raise",
        help="what a mistake in a kernel does to the test that launches it (raise)",
    )  # fmt: skip
    group.addoption(
        "--msl-schedules", type=int, default=2, metavar="N", help="orders of threads of each launch (2)"
    )
    group.addoption(
        "--msl-children", action="store_true",
        help="kernels in Python processes that a test starts run and are checked here too",
    )  # fmt: skip
    group.addoption(
        "--msl-mac", action="store_true",
        help="while tests are collected, the module platform says that this is an Apple silicon Mac",
    )  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    options: Any = early_config.known_args_namespace
    heard, stack = Heard(), ExitStack()
    stack.enter_context(installed(on_findings=options.msl_findings, schedules=options.msl_schedules))
    stack.enter_context(observing(heard))
    early_config.stash[_running] = stack, heard
    if options.msl_children:
        chosen = {"on_findings": options.msl_findings, "schedules": options.msl_schedules}
        paths = [str(CHILDREN), str(CHILDREN.parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
        _for_a_while(stack, PARITY_MSL_CHILDREN=json.dumps(chosen), PYTHONPATH=os.pathsep.join(paths))


def _for_a_while(stack: ExitStack, **variables: str) -> None:
    """Environment variables until the stack is closed."""
    for name, value in variables.items():
        before = os.environ.get(name)
        if before is None:
            stack.callback(os.environ.pop, name, None)
        else:
            stack.callback(os.environ.__setitem__, name, before)
        os.environ[name] = value


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    if not session.config.getoption("msl_mac"):
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(platform, "system", lambda: "Darwin")
        patch.setattr(platform, "machine", lambda: "arm64")
        return (yield)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    _, heard = config.stash[_running]
    terminalreporter.section("Metal kernels")
    for line in heard.summary():
        terminalreporter.line(line)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _running in config.stash:
        config.stash[_running][0].close()

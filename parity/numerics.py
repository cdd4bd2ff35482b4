"""Which numerical profile the port computes with: canonical, stable or fast.

A port that has profiles says so by a function ``use`` at the top of its package: a context manager that
takes the name of one. The choice here belongs to the process, as that of a BLAS does; sides put it in force
around every call of the port, in whatever thread they make it.
"""

import importlib
import inspect
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from .errors import UsageError, unknown
from .settings import NUMERICS
from .sides.base import resolve_target
from .spec import REGISTRY, OpSpec

NAMES = NUMERICS
"""The profiles that the report sets side by side, the default first."""

PROFILED = ("mlx",)
"""The sides where profiles are set side by side: on others words run on kernels, most with one way."""

_CHOSEN = NAMES[0]
_AS_IT_RUNS: ContextVar[bool] = ContextVar("words as they are said", default=False)


def current() -> str:
    """The name of the profile in force."""
    return _CHOSEN


def choose(name: str) -> None:
    """From now on the port computes with the profile of that name, in this process.

    Raises: UsageError naming the nearest if there is none.
    """
    global _CHOSEN  # noqa: PLW0603 - the choice belongs to the process: threads of a run share it
    if name not in NAMES:
        raise UsageError(unknown("numerical profile", name, NAMES))
    _CHOSEN = name


@contextmanager
def chosen(name: str) -> Iterator[None]:
    """Within the context the port computes with the profile of that name.

    Raises: UsageError naming the nearest if there is none.
    """
    before = current()
    choose(name)
    try:
        yield
    finally:
        choose(before)


def in_force(spec: OpSpec) -> AbstractContextManager[Any]:
    """The chosen profile put in force in the port of a spec.

    Raises: UsageError if the port has none to choose from and another than the default is chosen.
    """
    package = spec.port.partition(":")[0].partition(".")[0]
    use = getattr(importlib.import_module(package), "use", None)
    if callable(use):
        context: AbstractContextManager[Any] = use(_CHOSEN)
        return context
    if current() != NAMES[0] and spec.register:  # the harness's own probes have no port
        raise UsageError(
            f"--numerics {_CHOSEN}: the port of {spec.name!r}, the package {package!r}, has no profiles (a "
            "function 'use' that takes a name); leave --numerics out"
        )
    return nullcontext()


def apart(spec: OpSpec) -> AbstractContextManager[Any]:
    """A context in which the port of a spec says every word by itself, so that each has its twin.

    A port whose layers may say several as one has a function ``unfused`` at the top of its package.
    """
    if _AS_IT_RUNS.get():
        return nullcontext()
    package = spec.port.partition(":")[0].partition(".")[0]
    unfused = getattr(importlib.import_module(package), "unfused", None)
    if not callable(unfused):
        return nullcontext()
    context: AbstractContextManager[Any] = unfused()
    return context


@contextmanager
def as_it_runs() -> Iterator[None]:
    """Within the context `apart` takes nothing apart: who listens hears what is said while nobody does."""
    token = _AS_IT_RUNS.set(True)
    try:
        yield
    finally:
        _AS_IT_RUNS.reset(token)


def words_with_a_choice() -> list[OpSpec]:
    """The declared words whose port takes ``profile=``."""
    return [s for s in REGISTRY if s.family == "word" and _takes_a_profile(s)]


def _takes_a_profile(spec: OpSpec) -> bool:
    try:
        return "profile" in inspect.signature(resolve_target(spec.port)).parameters
    except (TypeError, ValueError):  # built-in functions may have no signature
        return False

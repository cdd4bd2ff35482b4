"""How kernels run until told otherwise; changed for a while with ``with msl.configured(schedules=4): …``."""

import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from parity.errors import UsageError, unknown


@dataclass(frozen=True)
class RunSettings:
    """The settings of a run.

    `on_findings` is ``raise``, ``warn`` or ``ignore``, for mistakes; notes never raise.
    `math` is ``rounded`` (correctly rounded functions) or ``drawn`` (errors as large as Metal allows).
    `reassociate` lets the compiler sum in another order, as Metal may where `math_mode` is not ``safe``.
    `unset` is what local variables hold before the kernel sets them: ``zero``, ``pattern``, or anything.
    """

    check: bool = True
    schedules: int = 1
    seed: int = 0
    contract: bool = False
    flush: bool = False
    fast_math: bool = False
    reassociate: bool = False
    math: str = "rounded"
    math_seed: int = 0
    unset: str = ""
    on_findings: str = "raise"
    time_limit: float = 60.0
    memory_limit: int = 16 << 30

    def __post_init__(self) -> None:
        """Raises: UsageError for a value that a setting cannot have."""
        if self.on_findings not in ("raise", "warn", "ignore"):
            raise UsageError(unknown("on_findings", self.on_findings, ["raise", "warn", "ignore"]))
        if self.math not in ("rounded", "drawn"):
            raise UsageError(unknown("math", self.math, ["rounded", "drawn"]))
        if self.unset not in ("", "zero", "pattern"):
            raise UsageError(unknown("unset", self.unset, ["zero", "pattern"]))
        if not 1 <= self.schedules <= 10_000:
            raise UsageError(f"schedules={self.schedules}: at least 1, at most 10000")


_stack = [RunSettings()]


def current() -> RunSettings:
    """The settings in force."""
    return _stack[-1]


@contextlib.contextmanager
def configured(**changes: Any) -> Iterator[RunSettings]:
    """Within the context kernels run with these settings.

    Raises: UsageError for an unknown setting or value.
    """
    names = {f.name for f in dataclasses.fields(RunSettings)}
    for name in changes:
        if name not in names:
            raise UsageError(unknown("setting", name, names))
    _stack.append(dataclasses.replace(_stack[-1], **changes))
    try:
        yield _stack[-1]
    finally:
        _stack.pop()

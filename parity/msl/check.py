"""Every check on one kernel: schedules, floating-point modes, and what changes between them."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import arrays, execute, settings
from .findings import Finding, merged, order
from .fpmodes import STRICT, Mode, allowed
from .kernel import MetalKernel

SCHEDULES = 5


@dataclass(frozen=True)
class ModeResult:
    """One mode's outputs, and how far from the strict ones: the largest difference over the largest value."""

    mode: str
    seed: int
    outputs: tuple[Any, ...]
    spread: float


@dataclass(frozen=True)
class CheckReport:
    """Findings of all runs (errors first) and the results of each mode. `ok` says that there is no error."""

    kernel: str
    findings: tuple[Finding, ...]
    modes: tuple[ModeResult, ...]
    schedules: int
    report: dict[str, Any]

    @property
    def ok(self) -> bool:
        return not any(f.severity == "error" for f in self.findings)

    @property
    def outputs(self) -> tuple[Any, ...]:
        """The outputs in IEEE arithmetic."""
        return self.modes[0].outputs

    def describe(self) -> str:
        """A few lines for a terminal."""
        errors = sum(f.severity == "error" for f in self.findings)
        accesses = self.report["reads"] + self.report["writes"]
        head = f"{self.kernel}: {errors} mistakes" if errors else f"{self.kernel}: clean"
        lines = [
            f"{head} in {self.schedules} schedules and {len(self.modes)} modes, {accesses:,} accesses checked"
        ]
        lines += [f"  {m.mode:10s} differs from strict by {m.spread:.2g}" for m in self.modes[1:] if m.spread]
        for f in self.findings:
            lines += ["", ("note: " if f.severity == "note" else "") + f.describe()]
        return "\n".join(lines)


def _values(data: Any, dtype: str) -> npt.NDArray[np.float64]:
    """The bytes of an output as numbers to measure with."""
    if dtype == "bfloat16":
        wide = (data.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
        return np.asarray(wide, np.float64)
    if dtype == "complex64":
        return np.asarray(data.view(np.float32), np.float64)
    return np.asarray(data.view(np.uint8 if dtype == "bool" else np.dtype(dtype)), np.float64)


def _spread(first: Sequence[Any], now: Sequence[Any], dtypes: Sequence[str]) -> float:
    worst = 0.0
    for a, b, dtype in zip(first, now, dtypes, strict=True):
        x, y = _values(a, dtype), _values(b, dtype)
        both = np.isfinite(x) & np.isfinite(y)
        if not np.array_equal(np.isfinite(x), np.isfinite(y)):
            return float("inf")
        if both.any():
            scale = float(np.abs(x[both]).max()) or 1.0
            worst = max(worst, float(np.abs(x[both] - y[both]).max()) / scale)
    return worst


def _of_locals(
    kernel: MetalKernel, call: execute.Call, base: settings.RunSettings, zeros: Sequence[Any]
) -> list[Finding]:
    """Does the result depend on local variables that nobody set? Seen by filling them in two ways.

    A compiler warns of the plain cases; this finds those behind a condition or in an array. `zeros` are the
    outputs with such variables zero.
    """
    patterned = execute.run(kernel.text, call, dataclasses.replace(base, unset="pattern"))
    found = []
    for name, dtype, a, b in zip(
        kernel.text.output_names, call.output_dtypes, zeros, patterned.outputs, strict=True
    ):
        size = arrays.item_size(dtype)
        different = np.flatnonzero((a.reshape(-1, size) != b.reshape(-1, size)).any(1))
        if different.size:
            message = (
                f"{different.size} of {a.size // size} elements of {name}, the first at {different[0]}, "
            )
            message += "depend on a local variable that nothing has set"
            remedy = "set every local variable and every element of a local array before it is read"
            found.append(Finding("uninitialised", "error", message, remedy, name, int(different[0])))
    return found


def check(
    kernel: MetalKernel,
    *,
    schedules: int = SCHEDULES,
    modes: Sequence[Mode] | None = None,
    seed: int = 0,
    seeds_per_mode: int = 1,
    time_limit: float | None = None,
    **call: Any,
) -> CheckReport:
    """Run a kernel in several schedules and in each floating-point mode. `call` is what it is called with.

    The modes are those that the kernel's ``math_mode`` allows if none are given.

    Findings do not raise; they are in the report.

    Raises: CompileError, LaunchError, and what the call itself raises.
    """
    prepared = kernel.prepare(**call)
    # Unset locals are zero in the runs of each mode: one program less to compile than with a third filling.
    base = dataclasses.replace(settings.current(), check=True, seed=seed, unset="zero")
    if time_limit is not None:
        base = dataclasses.replace(base, time_limit=time_limit)
    found: list[Finding] = []
    results: list[ModeResult] = []
    reference: tuple[Any, ...] = ()
    report: dict[str, Any] = {}
    chosen_modes = allowed(kernel.math_mode) if modes is None else modes
    for mode in [STRICT, *(m for m in chosen_modes if m != STRICT)]:
        drawn = seeds_per_mode if mode.math == "drawn" else 1
        for k in range(drawn):
            chosen = mode.apply(
                dataclasses.replace(base, schedules=schedules if mode == STRICT else 1), seed + k
            )
            outcome = execute.run(kernel.text, prepared, chosen)
            found += outcome.findings
            if not results:
                reference, report = outcome.outputs, outcome.report
            spread = _spread(reference, outcome.outputs, prepared.output_dtypes)
            sides = zip(outcome.outputs, prepared.output_dtypes, prepared.output_shapes, strict=True)
            results.append(
                ModeResult(mode.name, seed + k, tuple(arrays.load(d, t, s) for d, t, s in sides), spread)
            )
    found += _of_locals(kernel, prepared, base, reference)
    return CheckReport(kernel.text.name, tuple(order(merged(found))), tuple(results), schedules, report)

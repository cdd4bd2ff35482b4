"""Failures in words: what differs, by how much, why it might, and what to run next."""

import shlex
from collections.abc import Mapping

from .compare import Comparison
from .dtypes import WorkingDtype
from .verdict import Verdict

MOST_RESULTS = 6


def counted(n: int, what: str) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def explain(
    title: str, verdicts: Mapping[str, Verdict], dtype: WorkingDtype, *, case: str, repeat: str
) -> str:
    """The message of a case that does not hold."""
    lines = [title]
    bad = {n: v for n, v in verdicts.items() if v.status != "pass"}
    for name, verdict in list(bad.items())[:MOST_RESULTS]:
        lines.append(f"  {name}: {verdict.status}")
        lines += [f"    {reason}" for reason in verdict.reasons]
        if verdict.worst is not None and verdict.worst.error is not None:
            lines.append(f"    {_figures(verdict.worst)}")
            if verdict.worst.worst:
                lines.append(f"    worst: {verdict.worst.worst}")
        hint = why(verdict, dtype)
        if hint:
            lines.append(f"    perhaps {hint}")
    if len(bad) > MOST_RESULTS:
        lines.append(f"  … and {len(bad) - MOST_RESULTS} more results")
    lines += [f"  case:   {case}", f"  repeat: {repeat}"]
    return "\n".join(lines)


def keep(case: object) -> str:
    """How to keep a counter-example for ever."""
    return f"\n  keep:   parity golden capture --case {shlex.quote(str(case))}"


def _figures(sample: Comparison) -> str:
    assert sample.error is not None
    parts = [f"error {sample.error.rms:.3g} RMS"]
    if sample.reference is not None:
        parts.append(f"the reference's {sample.reference.rms:.3g}")
    if sample.floor is not None:
        parts.append(f"floor {sample.floor.rms:.3g}")
    parts.append(f"values {sample.scale:.3g}")
    return ", ".join(parts)


def why(verdict: Verdict, dtype: WorkingDtype) -> str:
    """The likeliest kind of cause, from the size of the error alone."""
    sample = verdict.worst
    if sample is None or verdict.status != "fail" or sample.problems or sample.error is None:
        return ""
    if verdict.rms is None:
        return ""
    relative = sample.error.rms / sample.scale if sample.scale > 0 else 1.0
    if relative > 0.05:
        return (
            "another function: an axis, a sign, a missing term, a wrong option"
            if dtype.name == "float32" or relative > 0.3
            else "sums accumulated in half precision, or a missing term"
        )
    if dtype.name == "float32" and relative > 2.0**-13:
        return "an approximation, or products in TF32 or half precision ('parity doctor' measures)"
    if relative > 32 * dtype.unit_roundoff:
        return "a constant (an epsilon, a factor) that differs, or a step in lower precision"
    return "a rounding step that the reference does not make"

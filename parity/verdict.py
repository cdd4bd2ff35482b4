"""From measurements to a verdict: pass, fail, or too few inputs to tell.

One input is a point. Several give the geometric mean of their ratios and its 95 % confidence interval;
a pass means that the upper end is under the limit, a failure that the lower end is over it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .compare import Comparison
from .rules import Exact, Ratio, Rule, Ulp

# Student's t, 97.5 % quantile, by degrees of freedom (NIST/SEMATECH e-Handbook, §1.3.6.7.2).
_T = {
    1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262,
    10: 2.228, 12: 2.179, 15: 2.131, 20: 2.086, 30: 2.042, 60: 2.000,
}  # fmt: skip

_SMALLEST_RATIO = 0.25
"""Ratios below count as this. An eighth of the limit is as good as zero, which has no logarithm; without
it, the luck of a result of few elements would spread the interval until nothing could be decided."""

MORE = "give more with --seeds (pytest: --parity-seeds)"

OUTLIER = 10.0
"""How many times its limit one single input may be off. A mean over inputs would let a function pass that is
wrong for one input in twenty."""

BIAS_FACTOR = 2.0
BIAS_SIGMAS = 4.0
BIAS_SEEDS = 12
"""How many inputs it takes to call a lean a bias: by chance all signs agree once in 2^11. Errors of one
tensor are not independent (a product of gradients shares its factors), so its elements do not count."""

_LARGEST_EFFECT = 1e300
"""A bias where none is allowed counts as this: infinity has no logarithm to take a mean of."""


@dataclass(frozen=True)
class Interval:
    """A geometric mean and the ends of its 95 % confidence interval (the mean itself for one input)."""

    mean: float
    low: float
    high: float
    limit: float

    @property
    def state(self) -> str:
        """``pass``, ``fail``, or ``undecided`` when the limit lies inside the interval."""
        if self.high <= self.limit:
            return "pass"
        if not self.low <= self.limit:  # a NaN fails
            return "fail"
        return "undecided"


@dataclass(frozen=True)
class Verdict:
    """`status` is ``pass``, ``fail`` or ``undecided``; `reasons` say why it is not a pass."""

    status: str
    rule: str
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rms: Interval | None = None
    max: Interval | None = None
    ulps: int | None = None
    ulp_limit: int | None = None
    over_bound: float | None = None
    bias: float | None = None
    seeds: int = 0
    n: int = 0
    worst: Comparison | None = field(default=None, repr=False)

    @property
    def ratio(self) -> float:
        """One figure of merit, 1 being the gate: each norm or count of units over its limit.

        The error over theory's bound is not in it: a result that is rounded once to half precision is
        near its bound, and none the worse for it.
        """
        found = [i.mean / i.limit for i in (self.rms, self.max) if i is not None]
        if self.ulps is not None and self.ulp_limit is not None:
            found.append(self.ulps / max(1, self.ulp_limit))
        ratio = max(found, default=0.0)
        # Not a pass for another reason than size: a NaN, a shape, a bit, a lean.
        return math.inf if self.status == "fail" and ratio <= 1 else ratio


def t_quantile(degrees: int) -> float:
    """The 97.5 % quantile of Student's t: the tabulated one for at most `degrees` (never too small)."""
    return _T[max(k for k in _T if k <= degrees)] if degrees <= 60 else 1.98


def interval(ratios: Sequence[float], limit: float) -> Interval:
    """The geometric mean of some ratios with its confidence interval."""
    if any(not math.isfinite(r) for r in ratios):
        return Interval(math.inf, math.inf, math.inf, limit)
    logs = [math.log(max(r, _SMALLEST_RATIO)) for r in ratios]
    n = len(logs)
    mean = sum(logs) / n
    if n == 1:
        value = ratios[0]
        return Interval(value, value, value, limit)
    deviation = math.sqrt(sum((x - mean) ** 2 for x in logs) / (n - 1))
    half = t_quantile(n - 1) * deviation / math.sqrt(n)
    return Interval(math.exp(mean), math.exp(mean - half), math.exp(mean + half), limit)


def decide(samples: Sequence[Comparison], rule: Rule, *, more: bool = False) -> Verdict:
    """The verdict on one result from its comparisons over one or more inputs.

    `more` says that further inputs can be drawn: then a lean of the error that so few cannot tell from
    chance leaves the verdict undecided. Without, it is only a note.
    """
    reasons: list[str] = []
    for sample in samples:
        reasons += [p for p in sample.problems if p not in reasons]
    n = sum(s.n for s in samples)
    notes = tuple(dict.fromkeys(note for s in samples for note in s.notes))
    worst = max(samples, key=_badness)
    bounds = [s.over_bound for s in samples if s.over_bound is not None]
    over_bound = max(bounds, default=None)
    if over_bound is not None and not over_bound <= 1:
        reasons.append(f"error is {over_bound:.3g} times the bound that theory gives")
    common: dict[str, Any] = {
        "rule": str(rule),
        "notes": notes,
        "over_bound": over_bound,
        "seeds": len(samples),
        "n": n,
        "worst": worst,
    }
    if isinstance(rule, Exact) or all(s.error is None for s in samples):
        different = sum(s.different for s in samples)
        if different:
            reasons.append(f"{different} of {n} elements differ; first {worst.worst}")
        return Verdict("fail" if reasons else "pass", reasons=tuple(reasons), **common)
    if isinstance(rule, Ulp):
        return _decide_ulp(samples, rule, reasons, common)
    return _decide_ratio(samples, rule, reasons, common, more)


def _badness(sample: Comparison) -> float:
    if sample.problems:
        return math.inf
    if sample.error is None:
        return float(sample.different)
    return max(sample.ratios())


def _decide_ulp(
    samples: Sequence[Comparison], rule: Ulp, reasons: list[str], common: dict[str, Any]
) -> Verdict:
    largest = max((s.ulps for s in samples if s.ulps is not None), default=0)
    if largest > rule.n:
        worst = max(samples, key=lambda s: s.ulps or 0)
        common["worst"] = worst
        reasons.append(
            f"{largest} units in the last place off, at most {rule.n} allowed ({rule.source}); "
            f"worst {worst.worst}"
        )
    status = "fail" if reasons else "pass"
    return Verdict(status, reasons=tuple(reasons), ulps=largest, ulp_limit=rule.n, **common)


def _decide_ratio(
    samples: Sequence[Comparison],
    rule: Ratio,
    reasons: list[str],
    common: dict[str, Any],
    more: bool,
) -> Verdict:
    measured = [s for s in samples if s.error is not None]
    typical = _typical([s.over_floor() for s in measured])
    pairs = [s.ratios(typical) for s in measured]
    rms = interval([p[0] for p in pairs], rule.rms)
    largest = interval([p[1] for p in pairs], rule.max)
    status = "fail" if reasons else "pass"
    for name, found in (("RMS", rms), ("largest", largest)):
        if found.state == "fail":
            status = "fail"
            reasons.append(
                f"{name} error is {found.mean:.3g} times what the reference and the floor allow for, "
                f"limit {found.limit:g}" + _spread(found)
            )
        elif found.state == "undecided" and status == "pass":
            status = "undecided"
            reasons.append(
                f"{len(measured)} inputs are too few to decide: {name} ratio {found.mean:.3g}"
                f"{_spread(found)} straddles the limit {found.limit:g}; {MORE}"
            )
    worst = max((max(p[0] / rule.rms, p[1] / rule.max) for p in pairs), default=0.0)
    if not worst <= OUTLIER and status != "fail":
        status, reasons = "fail", []  # the undecided mean of the others is beside the point
        reasons.append(
            f"one of {len(measured)} inputs is {worst:.3g} times over the limit, at most {OUTLIER:g} allowed"
        )
    bias, leaning = _bias(measured)
    if leaning != "pass":
        lean = (
            f"the error leans to one side in all {len(measured)} inputs, {bias:.3g} times as far as "
            "the reference's own bias and its floor"
        )
        if len(measured) >= BIAS_SEEDS and leaning == "fail":
            status = "fail"
            reasons.append(f"{lean}: a systematic error hides below the noise")
        elif more and status == "pass":
            status = "undecided"
            reasons.append(f"{lean}; {BIAS_SEEDS} inputs tell that from chance; {MORE}")
        else:
            common["notes"] = (*common["notes"], f"{lean}: too few to tell from chance")
    return Verdict(
        status,
        reasons=tuple(reasons),
        rms=rms,
        max=largest,
        bias=bias,
        **common,
    )


def _typical(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The root mean square of each column, over the finite rows."""
    finite = [p for p in pairs if all(map(math.isfinite, p))]
    if not finite:
        return 0.0, 0.0
    n = len(finite)
    return (
        math.sqrt(sum(p[0] ** 2 for p in finite) / n),
        math.sqrt(sum(p[1] ** 2 for p in finite) / n),
    )


def _spread(found: Interval) -> str:
    if found.low == found.high:
        return ""
    return f" (95 % between {found.low:.3g} and {found.high:.3g})"


def _bias(samples: Sequence[Comparison]) -> tuple[float | None, str]:
    """The larger of two bias effects, and ``fail`` if the error leans to one side, ``undecided`` if it may.

    A mean error counts by its size against the reference's own mean error, how far the mean moves when
    every input moves one ulp the same way or the sums are reordered, and half a unit in the last place:
    one constant rounded once (1/n, √2) moves every result the same way by that much. It is worth
    noticing when it exceeds these (and is one when the lower end of its 95 % interval does), has one sign
    for every input, and its mean over elements and inputs lies `BIAS_SIGMAS` standard errors from zero.
    """
    effects = []
    states = []
    for attribute in ("shift", "shrink"):
        sizes, signs, sigmas = [], set(), 0.0
        for s in samples:
            if s.error is None or s.floor is None:
                return None, "pass"
            if s.subnormal:  # whole units in the last place, and flushed on some hardware
                continue
            value = getattr(s.error, attribute)
            own = getattr(s.reference, attribute) if s.reference is not None else 0.0
            limit = max(BIAS_FACTOR * abs(own), BIAS_FACTOR * getattr(s.floor, attribute), s.floor.grid / 2)
            effect = abs(value) / limit if limit > 0 else (0.0 if value == 0 else math.inf)
            sizes.append(min(effect, _LARGEST_EFFECT))
            signs.add(math.copysign(1.0, value))
            sigmas += abs(value) / s.error.rms * math.sqrt(s.finite) if s.error.rms > 0 else 0.0
        if not sizes:
            return None, "pass"
        over = interval(sizes, 1.0)
        effects.append(over.mean)
        significant = sigmas / math.sqrt(len(samples)) > BIAS_SIGMAS
        states.append(over.state if len(signs) == 1 and significant and over.mean > 1 else "pass")
    return max(effects), overall(states)


def overall(statuses: Iterable[str]) -> str:
    """The status of several together: any failure fails, any undecided leaves it undecided."""
    found = set(statuses)
    return next((s for s in ("fail", "undecided") if s in found), "pass")


def worst_of(verdicts: Mapping[str, Verdict]) -> tuple[str, Verdict]:
    """The result that is worst off, by status and then by how near it is to its limit."""
    order = {"fail": 2, "undecided": 1, "pass": 0}
    return max(verdicts.items(), key=lambda kv: (order[kv[1].status], kv[1].ratio))

"""Each call by itself: what the port makes of the reference's exact inputs, by the call's own gate.

End to end, a wrong function can hide: what follows it may amplify rounding errors until they cover it. On
the inputs that the reference has at that point, nothing covers it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from parity import sides
from parity.compare import Comparison, Expected, compare, lost_in
from parity.dtypes import FLOAT32, FLOAT64, AnyArray, WorkingDtype, cast, is_floating, of_array, round_to, ulp
from parity.expect import COHERENT_MOVES, Say, silent
from parity.floor import FloorMeter, norms
from parity.inputs import generator, moved
from parity.rules import Exact, Ratio, Rule
from parity.sides import Task
from parity.sides.live import Live, floating, leaves, mapped
from parity.sides.points import Around, Point
from parity.spec import REGISTRY
from parity.verdict import OUTLIER, Verdict, decide, worst_of

from .hybrid import Pair
from .tree import Node, Recorder

Arguments = tuple[tuple[Any, ...], Mapping[str, Any]]

DRAWS = 3


@dataclass(frozen=True)
class Made:
    """One call as the reference made it; with `cotangents`, what is asked is its gradients."""

    point: Point
    arguments: Arguments
    cotangents: tuple[AnyArray, ...] | None = None
    result: Any = None


@dataclass(frozen=True)
class Wrong:
    """A call that fails its own gate on the reference's inputs."""

    made: Made
    verdict: Verdict
    result: str

    @property
    def gate(self) -> float:
        """How many times its gate the call is off."""
        return self.verdict.ratio


class Local:
    """Judges single calls of one pair of models; with `vjp`, their gradients as well."""

    def __init__(self, pair: Pair, *, nonfinite: str = "exact", vjp: bool = False) -> None:
        self._pair = pair
        self._nonfinite = nonfinite
        self._vjp = vjp
        self._others: dict[str, Live] = {}

    def _open(self, dtype: WorkingDtype) -> Live:
        """The reference in another dtype, on the CPU; exactly, it shares the parameters of the pair's."""
        from parity.sides.widened import widened  # it needs PyTorch

        if dtype is self._pair.task.dtype and self._pair.task.device == "cpu":
            return self._pair.reference
        if dtype.name not in self._others:
            task: Task = replace(self._pair.task, dtype=dtype, device="cpu", cotangents=None)
            if dtype is FLOAT64:
                # With cotangents it is the one that has gradients; it is asked for those of other numbers.
                asked = replace(self._pair.task, cotangents={} if self._vjp else None)
                self._others[dtype.name] = widened(asked, self._pair.reference)
            else:
                self._others[dtype.name] = sides.get("torch").open(task)
        return self._others[dtype.name]

    def sweep(self, say: Say = silent, only: Collection[Point] | None = None) -> list[Wrong]:
        """Every call (or those of `only`) that fails by itself, none for the sake of another within it."""
        suspects: list[Made] = []
        recorder = Recorder()
        listen = recorder.around
        portable = self._pair.reference.portable

        def around(
            point: Point, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
        ) -> Any:
            result = listen(point, call, args, kwargs)
            asked_about = (point.path or point.word) and (only is None or point in only)
            if asked_about and self._pair.port.has(point):
                made = Made(point, (portable(args), portable(dict(kwargs))))
                asked = [replace(made, result=portable(result))]
                if self._vjp and self._comparable(point):
                    of_gradient = self.with_cotangents(made, portable(result))
                    if of_gradient.cotangents and floating(made.arguments):
                        asked.append(of_gradient)
                suspects.extend(m for m in asked if self._suspicious(m))
            return result

        self._pair.reference.run(around)
        say(f"each call on the reference's inputs: {len(suspects)} to be looked at closely")
        failing: dict[Point, Wrong] = {}
        for made in suspects:  # inner calls come before those around them
            point = made.point
            if point in failing or (not point.word and any(p.within(point.path) for p in failing)):
                continue
            wrong = self.judge(made)
            if wrong is not None:
                failing[made.point] = wrong
                say(f"{made.point} by itself: {wrong.gate:.3g} times its own gate ({wrong.result})")
        return [failing[p] for p in _innermost(recorder.root, set(failing))]

    def with_cotangents(self, made: Made, result: Any = None) -> Made:
        """The question for the gradients of a call, with seeded standard-normal cotangents."""
        if result is None:
            result = self._pair.reference.call(made.point, *made.arguments)
        cotangents = tuple(_cotangent(made.point, x) for x in floating(result))
        return replace(made, cotangents=cotangents, result=None)

    def _comparable(self, point: Point) -> bool:
        return self._pair.port.trainable(point) == self._pair.reference.trainable(point)

    def _own(self, made: Made) -> list[AnyArray]:
        """What the reference gives in the working dtype."""
        if made.result is None:
            return self.ask(self._pair.reference, made)
        return _arrays(made.result)

    def ask(
        self, live: Live, made: Made, arguments: Arguments | None = None, around: Around | None = None
    ) -> list[AnyArray]:
        """The arrays of a call's result, or its gradients, on one side."""
        args, kwargs = arguments or made.arguments
        if made.cotangents is None:
            found = leaves(live.call(made.point, args, kwargs, around))
            return [
                x.astype(np.uint8) if x.dtype == np.bool_ else x for x in found if isinstance(x, np.ndarray)
            ]
        gradients, parameters = live.vjp(made.point, args, kwargs, list(made.cotangents), around)
        return [*gradients, *(parameters[n] for n in sorted(parameters))]

    def _suspicious(self, made: Made) -> bool:
        """Whether a call could fail: no floor is below a unit in the last place of its result."""
        rule = rule_of(made)
        if not isinstance(rule, Ratio):
            return True
        try:
            exact = self.ask(self._open(FLOAT64), made)
            own = self._own(made)
            port = self.ask(self._pair.port, made)
        except Exception:  # judged in earnest, it will say what it is
            return True
        if not len(exact) == len(own) == len(port):
            return True
        least = 1.0 if made.point.word else OUTLIER
        limits = (least * rule.rms, least * rule.max)
        return any(not self._near(o, r, p, limits) for o, r, p in zip(exact, own, port, strict=True))

    def _near(self, o: AnyArray, r: AnyArray, p: AnyArray, limits: tuple[float, float]) -> bool:
        """Whether a result is as near as the reference and every floor allow."""
        dtype = self._pair.task.dtype
        if p.shape != o.shape or is_floating(o) != is_floating(p):
            return False
        if not is_floating(o):
            return bool(np.array_equal(o, p))
        if of_array(p) is not dtype or not np.isfinite(p.astype(np.float64)).all():
            return False
        have = norms(p.astype(np.float64) - o)
        own = norms(r.astype(np.float64) - o)
        grid = norms(ulp(round_to(o, dtype), dtype))
        return all(h <= k * max(e, g) for h, k, e, g in zip(have, limits, own, grid, strict=True))

    def judge(self, made: Made, around: Around | None = None) -> Wrong | None:
        """The verdict on one call with a measured floor; None if it passes.

        With `around`, the port's word says its own words through it.
        """
        rule = rule_of(made)
        try:
            port = self.ask(self._pair.port, made, around=around)
        except Exception as error:  # raising is an answer
            problem = f"raised {type(error).__name__}: {error}"
            return Wrong(made, decide([Comparison(n=0, problems=(problem,))], rule), "output")
        expected = self.expected(made, floors=not isinstance(rule, Exact))
        what = "output" if made.cotangents is None else "gradient"
        verdicts = {}
        for i, e in enumerate(expected):
            name = what if len(expected) == 1 else f"{what} {i}"
            sample = (
                compare(e, port[i], nonfinite=self._nonfinite)
                if i < len(port)
                else Comparison(n=0, problems=("the port does not return it",))
            )
            verdicts[name] = decide([sample], rule)
        if not verdicts:
            return None
        name, worst = worst_of(verdicts)
        # Within a module rounding errors meet by chance, and this is one input: only what no chance explains.
        least = 1.0 if made.point.word else OUTLIER
        return Wrong(made, worst, name) if worst.status == "fail" and worst.ratio > least else None

    def expected(self, made: Made, *, floors: bool = True) -> list[Expected]:
        """What each array of a call's result should be, and how closely anybody could have it."""
        exact = self.ask(self._open(FLOAT64), made)
        own = self._own(made)
        dtype = self._pair.task.dtype
        meters = self._measured(made, exact) if floors else {}
        unbounded = self._unbounded(made, exact, own)
        return [
            Expected(
                oracle=o,
                dtype=(of_array(r) or dtype) if is_floating(o) else None,
                reference=r,
                floor=meters[i].floor() if i in meters else None,
                unbounded=unbounded.get(i),
            )
            for i, (o, r) in enumerate(zip(exact, own, strict=True))
        ]

    def _unbounded(
        self, made: Made, exact: list[AnyArray], own: list[AnyArray]
    ) -> dict[int, tuple[float, float]]:
        """The errors where the reference overflows in half precision, had that the range of float64."""
        dtype = self._pair.task.dtype
        if dtype.precision >= FLOAT32.precision:
            return {}
        lost = {
            i: lost_in(dtype, o, r) for i, (o, r) in enumerate(zip(exact, own, strict=True)) if is_floating(o)
        }
        if not any(at.any() for at in lost.values()):
            return {}
        from parity.sides.reorder import ROUNDED_TO, OtherRoundings

        with OtherRoundings(1, precision=dtype.precision, dtype=ROUNDED_TO):
            rounded = self.ask(self._open(FLOAT64), made)
        return {i: norms((rounded[i] - exact[i])[at]) for i, at in lost.items()}

    def _measured(self, made: Made, exact: list[AnyArray]) -> dict[int, FloorMeter]:
        """Meters filled by float32 runs of the reference with its inputs moved and other roundings."""
        from parity.sides.reorder import OtherRoundings

        live = self._open(FLOAT32)
        single = mapped(_to_float32, made.arguments)
        base = self.ask(live, made, single)
        meters = {
            i: FloorMeter(o, base[i].astype(np.float64), self._pair.task.dtype)
            for i, o in enumerate(exact)
            if is_floating(o)
        }

        def add(kind: str, results: list[AnyArray]) -> None:
            for i, meter in meters.items():
                meter.add(kind, results[i].astype(np.float64))

        for draw, direction in enumerate(("random",) * DRAWS + COHERENT_MOVES):
            rng = generator("local", made.point.address, draw, len(meters))
            shifted = mapped(partial(_moved, rng=rng, direction=direction), single)
            add("random" if direction == "random" else "coherent", self.ask(live, made, shifted))
        for seed in (None, *range(1, DRAWS)):
            with OtherRoundings(seed):
                add("other", self.ask(live, made, single))
        with OtherRoundings(None, away=True):
            add("away", self.ask(live, made, single))
        return meters


def _arrays(value: Any) -> list[AnyArray]:
    found = [x for x in leaves(value) if isinstance(x, np.ndarray)]
    return [x.astype(np.uint8) if x.dtype == np.bool_ else x for x in found]


def _cotangent(point: Point, x: AnyArray) -> AnyArray:
    dtype = of_array(x)
    drawn: AnyArray = generator("cotangent", point.address, x.size).standard_normal(x.shape)
    return drawn if dtype is None else cast(drawn, dtype)


def _to_float32(x: Any) -> Any:
    return x.astype(np.float32) if isinstance(x, np.ndarray) and is_floating(x) else x


def _moved(x: Any, *, rng: np.random.Generator, direction: str) -> Any:
    return moved(x, rng, direction) if isinstance(x, np.ndarray) and is_floating(x) else x


def rule_of(made: Made) -> Rule:
    """What the spec of a word demands; of a module, the usual ratio."""
    if made.point.word:
        for spec in REGISTRY:
            if spec.family == "word" and spec.port.endswith(f":{made.point.word}"):
                return spec.rule if made.cotangents is None else spec.grad_rule
    return Ratio()


def _innermost(node: Node, failing: set[Point]) -> list[Point]:
    """The failing calls that have no failing call within, in order."""
    below = [p for child in node.children for p in _innermost(child, failing)]
    return below or ([node.point] if node.point in failing else [])

"""What a trace takes beside the forward passes that it needs, side by side in one run.

pytest parity/benchmarks/bench_trace.py -s    (``--profile deep``: the 80M model at 2,048 tokens)

It needs one pass of each of the three models, and to call each layer and each word again on the other
models' numbers: those are its own error and its gain. What such a call takes is measured in a pass of its
model alone, where nothing is converted, compared or kept.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import mlx.core as mx
import pytest

import parity.specs
from parity.case import Case
from parity.drift import trace as tracing
from parity.judge import task_of
from parity.sides.live import Live
from parity.sides.points import Point
from parity.sides.widened import widened

assert parity.specs

SMALL = "l=512;d=256;v=4000;arg.vocab_size=4000;arg.num_hidden_layers=4;arg.intermediate_size=1024"
LARGE = "l=2048;d=768;v=30528;arg.vocab_size=30528;arg.num_hidden_layers=12;arg.intermediate_size=3072"
REST = (
    "b=1;no=labels;no=token_type_ids;no=position_ids;arg.residual_long_conv=True;arg.bidirectional=True;"
    "arg.hyena_filter_order=128;arg.hyena_w=10"
)


def _seconds(live: Live) -> float:
    start = time.perf_counter()
    live.run()
    return time.perf_counter() - start


def _each(live: Live) -> dict[Point, float]:
    """How long each call takes in a pass of a model alone."""
    found: dict[Point, float] = {}

    def around(at: Point, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        start = time.perf_counter()
        result = call(*args, **kwargs)
        if live.name == "mlx":  # it computes when it is asked to
            mx.eval(result)
        found[at] = time.perf_counter() - start
        return result

    live.run(around)
    return found


def test_harness_over_what_it_needs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ratio is printed; no time is asserted."""
    deep = request.config.getoption("parity_profile") == "deep"
    case = Case.parse(f"BertForMaskedLM;{LARGE if deep else SMALL};{REST}")
    task = replace(task_of(case, 0), cotangents=None)
    places = ("torch", "cpu"), ("mlx", "cpu")
    reference, port = (tracing.opened(task, place) for place in places)
    lives = {"oracle": widened(task, reference), "torch": reference, "mlx": port}
    calls: list[tuple[str, Point]] = []
    for name, live in lives.items():

        def call(point: Point, *rest: Any, name: str = name, own: Any = live.call) -> Any:
            calls.append((name, point))
            return own(point, *rest)

        monkeypatch.setattr(live, "call", call)
    monkeypatch.setattr(tracing, "opened", lambda _, place: lives[place[0]])
    monkeypatch.setattr("parity.sides.widened.widened", lambda *_: lives["oracle"])

    passes = {name: min(_seconds(live), _seconds(live)) for name, live in lives.items()}
    each = {name: _each(live) for name, live in lives.items()}
    start = time.perf_counter()
    drifts = list(tracing.trace(task, *places))
    whole = time.perf_counter() - start
    again = {name: sum(each[name][p] for n, p in calls if n == name) for name in lives}
    needed = sum(passes.values()) + sum(again.values())
    print(f"\n{case}: {len(drifts)} points")
    for name in lives:
        n = sum(name == other for other, _ in calls)
        print(f"{name:7s} {passes[name]:7.2f} s a pass, {again[name]:7.2f} s for {n} calls again")
    print(f"trace {whole:.2f} s: {whole / needed:.2f} times the passes and calls that it needs, ", end="")
    print(f"{whole / sum(passes.values()):.2f} times three passes")

"""The way back part by part: the same numbers as of the whole, and no more in memory with more layers."""

import gc
import math
import threading
import weakref
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

import ml_dtypes
import mlx.core as mx
import numpy as np
import pytest

import parity.specs
from parity.case import Case
from parity.drift import backward, sweep
from parity.drift.backward import trace_backward
from parity.drift.gradients import Gradients
from parity.drift.measure import Drift
from parity.drift.tree import parts
from parity.dtypes import AnyArray
from parity.errors import ParityError
from parity.judge import task_of
from parity.nodes import Target
from parity.sides.live import leaves
from parity.sides.spill import Spill
from parity.swap import swapped
from parity.tests.drift.conftest import CULPRITS

nn = pytest.importorskip("torch.nn")
TorchSweep = pytest.importorskip("parity.sides.torch_sweep").TorchSweep

assert parity.specs
pytestmark = [pytest.mark.parity_live, pytest.mark.parity_slow]

SMALL = "BertForMaskedLM;l=16;d=16"
TORCH, MLX = ("torch", "cpu"), ("mlx", "cpu")


def drifts(text: str, *, severed: bool = True, pair: Any = (TORCH, MLX)) -> dict[str, Drift]:
    """A backward trace by name."""
    found = list(trace_backward(task_of(Case.parse(text), 0), pair[0], pair[1], 0, severed=severed))
    by_name = {d.name: d for d in found}
    assert len(by_name) == len(found)
    return by_name


def same(a: Drift, b: Drift) -> bool:
    """Bit for bit; no number is as good as no number."""
    pairs = zip(astuple(a), astuple(b), strict=True)
    return all(x == y or (isinstance(x, float) and math.isnan(x) and math.isnan(y)) for x, y in pairs)


def test_parts() -> None:
    """Layers, and what stands beside them; what holds parts is none."""
    paths = ["bert.embeddings.LayerNorm", "bert", "bert.encoder.layer.0.mlp.wo", "bert.encoder.layer.1", ""]
    assert parts(paths) == ["bert.embeddings", "bert.encoder.layer.0", "bert.encoder.layer.1"]


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("BertForMaskedLM", (TORCH, MLX)),  # a table with gradients from both ends
        ("SentenceEmbedding;l=16;d=16;dtype=bf16", (TORCH, MLX)),
        (
            "BertModel;l=16;d=16;arg.attention_pooling=True;dtype=f16",
            (TORCH, MLX),
        ),
        ("BertEncoder;l=16;d=16", (MLX, MLX)),
    ],
)
def test_the_same_bits_as_of_the_whole(target: Target, text: str, pair: Any) -> None:
    """Every number of every row; results in the same order."""
    whole, apart = drifts(text, severed=False, pair=pair), drifts(text, pair=pair)
    assert whole.keys() == apart.keys()
    assert [n for n, d in whole.items() if not same(d, apart[n])] == []
    results = [[n for n, d in found.items() if d.result] for found in (whole, apart)]
    assert results[0] == results[1]
    assert any(n.startswith("result grad param.") for n in results[0])


def test_parts_called_several_times(target: Target) -> None:
    """A parameter that three parts use has the sum of their gradients, in the order in which they come."""
    whole, apart = drifts("HyenaFilter", severed=False), drifts("HyenaFilter")
    assert whole.keys() == apart.keys()
    other = [n for n, d in whole.items() if not same(d, apart[n])]
    assert set(other) <= {"result grad param.implicit_filter.1.freq"}
    for name in other:
        # Rounding errors of one float32 sum of three in two orders: alike in size.
        assert apart[name].observed == pytest.approx(whole[name].observed, rel=0.5)


def test_the_same_with_what_is_swapped(target: Target) -> None:
    """Culprits stand where they stood: a wrong gradient, a module with calls of its own, one with none."""
    for swap in ("encoder.layer.0.mlp.act/gelu=gelu_wrong_gradient", "encoder.layer.1.mlp=mlp_exchanged"):
        what, _, by = swap.partition("=")
        with swapped([f"{what}={CULPRITS}:{by}"]):
            whole, apart = drifts(SMALL, severed=False), drifts(SMALL)
        assert whole.keys() == apart.keys()
        assert [n for n, d in whole.items() if not same(d, apart[n])] == []
    with (
        swapped([f"encoder.layer.1.mlp.act/gelu={CULPRITS}:gelu_raises"]),
        pytest.raises(ParityError, match=r"mlx.cpu raised ValueError: no such kernel"),
    ):
        drifts("BertForMaskedLM")


def test_what_gradients_do_not_reach(target: Target) -> None:
    """A layer that hands nothing back: all before it is named, and the parameters have zeros.

    Of the whole MLX does not look for what comes to the layer, since nobody asks for it.
    """
    with swapped([f"encoder.layer.1={CULPRITS}:layer_without_gradient"]):
        whole, apart = drifts(SMALL, severed=False), drifts(SMALL)
    assert whole.keys() == apart.keys()
    other = {n for n, d in whole.items() if not same(d, apart[n])}
    assert other == {"bert", "bert.encoder", "bert.encoder/gather_rows#0", "bert/gather_rows#1"}
    assert not [n for n in other if apart[n].problem or not whole[n].problem]
    lost = [n for n, d in apart.items() if "nothing comes back" in d.problem]
    assert "bert.encoder.layer.0.mlp.act/gelu#0" in lost
    assert "bert.encoder.layer.0" in lost


def test_gradients_from_where_none_were_expected(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compared too early is compared again: nobody says here that the table is shared."""
    whole = drifts(SMALL, severed=False)
    monkeypatch.setattr(backward._Way, "_several", lambda self, _made: set(self._shared))
    apart = drifts(SMALL)
    assert whole.keys() == apart.keys()
    assert [n for n, d in whole.items() if not same(d, apart[n])] == []


def test_whoever_stops_looking_ends_the_models(target: Target) -> None:
    """In the middle of the way back, in whatever a framework is doing there."""
    found = trace_backward(task_of(Case.parse("BertForMaskedLM;l=8;d=16"), 0), TORCH, MLX, 0)
    before = set(threading.enumerate())
    for _ in range(40):
        next(found)
    assert len(set(threading.enumerate()) - before) == 3
    found.close()  # type: ignore[attr-defined]
    assert not set(threading.enumerate()) - before
    assert drifts("BertPooler")  # and nothing of it is left behind


class _Count:
    """The bytes of arrays that somebody still has, and the most there were."""

    def __init__(self) -> None:
        gc.collect()  # what others left would be freed meanwhile
        self._alive: dict[int, int] = {}
        self._start = self.first = self.most = 0

    def start(self) -> None:
        """What is there already, the port's parameters, does not count."""
        self._start = mx.get_active_memory()

    def watch(self, value: Any) -> None:
        for x in leaves(value):
            if isinstance(x, np.ndarray) and x.nbytes:
                self._add(x, x.nbytes)
            elif hasattr(x, "untyped_storage") and not isinstance(x, nn.Parameter):
                self._add(x.untyped_storage(), x.untyped_storage().nbytes())

    def _add(self, owner: Any, size: int) -> None:
        if id(owner) not in self._alive:
            self._alive[id(owner)] = size
            weakref.finalize(owner, self._alive.pop, id(owner))

    def look(self) -> None:
        now = sum(self._alive.values()) + mx.get_active_memory() - self._start
        self.first = self.first or now
        self.most = max(self.most, now)


LONG, WIDE = "l=64;d=16;arg.intermediate_size=32", "l=2;d=64;arg.intermediate_size=128"


@pytest.mark.parametrize("text", [LONG, WIDE])
def test_memory_does_not_grow_with_layers(target: Target, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """The models grow; what is counted beside them, activations, cotangents and gradients, does not: neither
    at most, nor when the way back begins, where all parts wait for theirs."""

    def counted(layers: int, *, severed: bool = True) -> tuple[int, int]:
        task = task_of(Case.parse(f"BertForMaskedLM;b=1;{text};arg.num_hidden_layers={layers}"), 0)
        count = _Count()
        init, hear, of = sweep.Sweeper.__init__, sweep.Sweeper.hear, Gradients.of

        def heard(self: Any, point: Any, part: Any, call: Any, args: Any, kwargs: Any) -> Any:
            count.watch((args, dict(kwargs)))
            result = hear(self, point, part, call, args, kwargs)
            count.watch(result)
            return result

        def passed(self: Any, found: Any) -> Iterator[Any]:
            count.watch([dict(own) for own in found])
            return of(self, found)

        def severed_call(own: Any) -> Any:
            def call(self: Any, call: Any, args: Any, kwargs: Any, part: Any) -> Any:
                count.watch((args, dict(kwargs)))
                return own(self, call, args, kwargs, part)

            return call

        def begin(self: Any, *rest: Any) -> None:
            count.start()
            init(self, *rest)

        with monkeypatch.context() as patch:
            patch.setattr(sweep.Sweeper, "__init__", begin)
            patch.setattr(TorchSweep, "severed", severed_call(TorchSweep.severed))
            patch.setattr(sweep.Sweeper, "hear", heard)
            patch.setattr(Gradients, "of", passed)
            for _ in trace_backward(task, TORCH, MLX, 0, severed=severed):
                count.look()
        return count.first, count.most

    counted(1)  # what a process makes once
    two, five = counted(2), counted(5)
    assert five[0] <= 1.03 * two[0]
    assert five[1] <= 1.03 * two[1]
    assert counted(2, severed=False)[1] > 1.5 * two[1]


def test_a_file_gives_back_what_it_was_given(tmp_path: Path) -> None:
    """Any format and shape, as often as wanted, and leaves nothing behind."""
    spill = Spill(tmp_path)
    rng = np.random.default_rng(0)
    arrays: list[AnyArray] = [
        rng.standard_normal((3, 5)).astype(np.float32),
        rng.standard_normal((4, 2)).T,
        rng.standard_normal(7).astype(ml_dtypes.bfloat16),
        np.zeros((0, 3), np.float16),
        np.array(5, np.int64),
        np.array([True, False]),
    ]
    places = [spill.put(x) for x in arrays]
    for x, place in [*zip(arrays, places, strict=True)] * 2:
        found = spill.get(place)
        assert found.dtype == x.dtype
        assert found.shape == x.shape
        assert found.tobytes() == x.tobytes()
    del spill
    assert not list(tmp_path.iterdir())

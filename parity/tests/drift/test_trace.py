"""Traces: every call is met, the numbers add up, and what is planted stands out."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import parity.specs
from parity import sides
from parity.case import Case
from parity.drift.backward import trace_backward
from parity.drift.draw import by_unit, draw, ends_of_units, worst_gradients
from parity.drift.lockstep import Meeting, meetings, walking
from parity.drift.measure import PIECE, Drift, grid_of, identical, relative
from parity.drift.trace import opened, trace
from parity.dtypes import FLOAT32, FLOAT64, cast, parse_dtype, round_to, ulp
from parity.expect import draw_cotangents, named_results
from parity.golden.capture import golden_case
from parity.judge import task_of
from parity.nodes import Target
from parity.sides.base import Outcome
from parity.sides.points import Around, Point
from parity.sides.widened import widened
from parity.spec import REGISTRY, LayerSpec
from parity.swap import swapped
from parity.tests.drift.conftest import CULPRITS

assert parity.specs
pytestmark = [pytest.mark.parity_live, pytest.mark.parity_slow]

TORCH, MLX = ("torch", "cpu"), ("mlx", "cpu")


def traced(text: str) -> list[Drift]:
    """A forward trace."""
    return list(trace(task_of(Case.parse(text), 0), TORCH, MLX))


@pytest.mark.parametrize("text", ["BertModel", "BertForMaskedLM;dtype=bf16", "SentenceEmbedding;dtype=f16"])
def test_it_adds_up(target: Target, text: str) -> None:
    """Inherited × gain + own explains what is observed, in every call that both models make."""
    drifts = traced(text)
    assert len(drifts) > 200
    assert not [d for d in drifts if d.problem]
    assert not [d for d in drifts if not d.adds_up]
    inherited = [d for d in drifts if d.inherited > 0 and d.observed > d.grid and not math.isnan(d.gain)]
    assert len(inherited) > 50
    assert all(0.5 <= d.explained <= 2 for d in inherited)


def test_a_sum_that_does_not_explain_is_seen() -> None:
    """Too little, and nothing at all; what is below a unit in the last place is chance."""
    assert Drift(Point("x"), observed=1e-3, inherited=1e-6, gain=1, local=1e-6, grid=1e-7).adds_up is False
    assert Drift(Point("x"), observed=1e-3, inherited=0, gain=0, local=0, grid=1e-7).adds_up is False
    assert Drift(Point("x"), observed=1e-8, inherited=0, gain=0, local=0, grid=1e-7).adds_up is True
    assert Drift(Point("x"), problem="only the port makes it").adds_up is False


def test_what_is_planted_stands_out(target: Target) -> None:
    """In its own error, in its place, and nowhere else."""
    with swapped([f"encoder.layer.1.mlp.act/gelu={CULPRITS}:gelu_tanh"]):
        drifts = traced("BertModel")
    loud = [d.point.address for d in drifts if d.point.word and d.excess > 10]
    assert loud == ["encoder.layer.1.mlp.act/gelu#0"]


def test_where_the_gradient_drifts(target: Target) -> None:
    """Backward, from the last word to the first; the wrong gradient stands out where it is."""
    task = task_of(Case.parse("BertForMaskedLM"), 0)
    right = list(trace_backward(task, TORCH, MLX, 0))
    assert not [d for d in right if d.problem or not d.adds_up]
    order = [d.point.path for d in right if d.point.word == "gelu"]
    assert order == sorted(order, reverse=True)
    assert any(d.result and d.point.word.startswith("grad param.") for d in right)
    with swapped([f"encoder.layer.0.mlp.act/gelu={CULPRITS}:gelu_wrong_gradient"]):
        wrong = list(trace_backward(task, TORCH, MLX, 0))
    loud = [d.point.address for d in wrong if d.point.word and d.excess > 10]
    assert loud == ["bert.encoder.layer.0.mlp.act/gelu#0"]


def test_a_wrapper_is_what_it_wraps(target: Target) -> None:
    """A linear layer hands its input and its parameters to one word; a block-diagonal one pads and adds."""
    drifts = {d.name: d for d in traced("BertMLP;d=10;arg.intermediate_size=10")}
    wrapped = drifts["layernorm"]
    assert replace(wrapped, point=Point("")) == replace(drifts["layernorm/layer_norm#0"], point=Point(""))
    assert drifts["wo"].local != drifts["wo/blockdiag_multiply#0"].local
    with walking([opened(task_of(Case.parse("BertMLP"), 0), place) for place in (TORCH, MLX)]) as walkers:
        found = [m for m in meetings(walkers) if isinstance(m, Meeting)]
    for meeting in found:
        assert {s.wrapper for s in meeting.stops} == {meeting.stops[0].point.address in ("act", "layernorm")}


def test_what_holds_layers_is_only_observed(target: Target) -> None:
    """To feed a whole encoder the reference's inputs is to run the model once more."""
    drifts = {d.name: d for d in traced("BertModel")}
    assert math.isnan(drifts["encoder"].local)
    assert drifts["encoder"].observed == drifts["encoder.layer.1"].observed
    assert drifts["encoder.layer.1"].local > 0


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
def test_the_grid_by_bits(dtype: str) -> None:
    """A unit in the last place, piece by piece, as by its definition; zeros and subnormals have the least."""
    wanted = parse_dtype(dtype)
    rng = np.random.default_rng(0)
    x = rng.standard_normal(PIECE + 7) * 2.0 ** rng.integers(-30, 12, PIECE + 7)
    x[:3] = 0, 2.0**-149, np.nan
    finite = x[np.isfinite(x)]
    steps = ulp(round_to(finite, wanted), wanted)
    expected = np.sqrt(np.sum(steps**2) / np.sum(finite**2))
    assert grid_of([x], [cast(x, wanted)], wanted) == pytest.approx(expected, rel=1e-12)
    noisy = finite + 1e-3 * rng.standard_normal(finite.size)
    expected = np.linalg.norm(noisy - finite) / np.linalg.norm(finite)
    assert relative([np.append(noisy, np.nan)], [np.append(finite, np.nan)]) == pytest.approx(expected)
    assert relative([np.append(noisy, 1.0)], [np.append(finite, np.inf)]) == math.inf
    assert identical(((x.astype(np.float32),), {}), ((x.astype(np.float32).astype(np.float64),), {})) is False
    assert identical(finite.astype(np.float32), finite.astype(np.float32).astype(np.float64))


def test_any_pair_of_sides(target: Target) -> None:
    """The reference beside itself drifts as itself."""
    drifts = list(trace(task_of(Case.parse("BertMLP"), 0), TORCH, TORCH))
    assert drifts
    assert all(d.observed == d.reference for d in drifts)
    assert all(d.local == d.local_reference for d in drifts if not math.isnan(d.local))


def test_models_that_part_meet_again(target: Target) -> None:
    """What a module calls that others do not is named, and the trace goes on; one that raises ends it."""
    with swapped([f"encoder.layer.0.mlp={CULPRITS}:mlp_exchanged"]):
        drifts = traced("BertModel")
    stray = [d for d in drifts if d.problem]
    assert stray
    assert all("out of step" in d.problem and d.point.within("encoder.layer.0.mlp") for d in stray)
    assert [d for d in drifts if d.point.path == "encoder.layer.1" and not d.point.word]
    with swapped([f"encoder.layer.1.mlp.act/gelu={CULPRITS}:gelu_raises"]):
        drifts = traced("BertModel")
    assert any("no such kernel" in d.problem for d in drifts)


def test_they_walk_in_step(target: Target) -> None:
    """No model is ahead of another, and all are ended when nobody wants them any more."""
    task = task_of(Case.parse("BertModel"), 0)
    with walking([opened(task, TORCH), opened(task, MLX)]) as walkers:
        for i, meeting in enumerate(meetings(walkers)):
            assert isinstance(meeting, Meeting)
            assert len({s.point for s in meeting.stops}) == 1
            if i == 10:
                break
    assert not any(w._thread.is_alive() for w in walkers)


def test_each_finds_its_own_device_again(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """A framework's default device is the process's: whoever goes on sets it again, or both run on one."""
    lives = [opened(task_of(Case.parse("BertModel"), 0), MLX) for _ in range(2)]
    default: list[int] = []
    wrong = []
    for i, live in enumerate(lives):

        def run(around: Around | None, i: int = i, run: Callable[..., Outcome] = live.run) -> Outcome:
            default[:] = [i]
            return run(around)

        def portable(value: object, i: int = i, own: Callable[..., object] = live.portable) -> object:
            if default != [i]:
                wrong.append(i)
            return own(value)

        monkeypatch.setattr(live, "run", run)
        monkeypatch.setattr(live, "portable", portable)
        monkeypatch.setattr(live, "resume", lambda i=i: default.__setitem__(slice(None), [i]))
    with walking(lives) as walkers:
        assert sum(isinstance(m, Meeting) for m in meetings(walkers)) > 10
    assert not wrong


@pytest.mark.parametrize("spec", [s for s in REGISTRY if s.family != "word"], ids=lambda s: s.name)
def test_the_exact_model_shares_parameters(spec: LayerSpec) -> None:
    """It gives the bits of a model loaded in float64, gradients too, has no parameters of its own, and leaves
    them be."""
    for dtype in (FLOAT32, parse_dtype("bf16")):
        case = golden_case(spec, dtype, 0)
        plain = replace(task_of(case, 0), cotangents=None)
        own = opened(plain, TORCH)
        for task in (plain, replace(plain, cotangents=draw_cotangents(own.run().outputs, dtype, 0))):
            reference = opened(task, TORCH)
            shared = widened(task, reference)
            whole = opened(replace(task, dtype=FLOAT64), TORCH)
            found, wanted = named_results(shared.run()), named_results(whole.run())
            assert found.keys() == wanted.keys()
            assert all(np.array_equal(found[n], wanted[n], equal_nan=True) for n in wanted)
            assert all(found[n].dtype == wanted[n].dtype for n in wanted)
            theirs = dict(reference.module.named_parameters())  # type: ignore[attr-defined]
            for name, x in shared.module.named_parameters():  # type: ignore[attr-defined]
                assert x.data_ptr() == theirs[name].data_ptr()


def test_parts_for_the_pictures() -> None:
    """Layers and what stands beside them; what holds other parts is none."""
    paths = [
        "bert.embeddings.LayerNorm",
        "bert.embeddings",
        "bert.encoder.layer.0.mlp",
        "bert.encoder.layer.0",
    ]
    drifts = [Drift(Point(p)) for p in [*paths, "bert.encoder", "bert", "cls"]]
    assert list(by_unit(drifts)) == ["bert.embeddings", "bert.encoder.layer.0", "cls"]
    assert [d.point.path for d in ends_of_units(drifts)] == ["bert.embeddings", "bert.encoder.layer.0", "cls"]


def test_the_pictures(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is exact is told from what is not said, a wrong gradient of a parameter stands out by depth."""
    figure = pytest.importorskip("matplotlib.figure")
    drifts = [
        Drift(Point("layer.0", "split"), observed=0.0, local=0.0, local_reference=0.0, grid=1e-8),
        Drift(Point("layer.0", "gelu"), observed=1e-5, local=1e-6, local_reference=1e-7, grid=1e-8),
        Drift(Point("layer.0"), observed=1e-6, reference=2e-6),
        Drift(Point("layer.1", "gelu"), observed=1e-5, local=1e-6, local_reference=0.0, grid=0.0),
        Drift(Point("layer.1"), observed=2e-6, reference=1e-6),
        Drift(Point("", "grad param.layer.1.wo.weight"), observed=1e-2, reference=1e-6, result=True),
        Drift(Point("", "grad param.layer.1.wo.bias"), observed=1e-6, reference=1e-6, result=True),
        Drift(Point("", "logits"), observed=1e-6, reference=1e-6, result=True),
    ]
    assert {part: d.observed for part, d in worst_gradients(drifts).items()} == {"layer.1": 1e-2}
    drawn = []
    monkeypatch.setattr(figure.Figure, "savefig", lambda self, *_, **__: drawn.append(self))
    draw(drifts, tmp_path, "a title")
    depth, heat = drawn
    assert [text.get_text() for text in heat.axes[0].texts] == ["=", "10", "∞"]
    labels = [line.get_label() for line in depth.axes[0].lines]
    assert labels == ["the port", "the reference", "the worst gradient of its parameters"]


def test_the_picture_of_a_model_without_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its columns are the modules of each part."""
    figure = pytest.importorskip("matplotlib.figure")
    drifts = [
        Drift(Point(path), observed=1e-6, local=1e-6, local_reference=1e-7, grid=1e-8)
        for path in ("h.0.mlp.act", "h.0.mlp", "h.0", "h.1")
    ]
    drawn = []
    monkeypatch.setattr(figure.Figure, "savefig", lambda self, *_, **__: drawn.append(self))
    draw(drifts, tmp_path, "a title")
    axes = drawn[1].axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["mlp.act", "mlp", "itself"]
    assert len(axes.texts) == 4


@pytest.mark.skipif(sides.why_not("msl", None) is not None, reason="the executor needs a C++ compiler")
def test_kernels_stay_kernels(target: Target) -> None:
    """Whoever goes on after a stop still has the device that the executor pretends to have."""
    task = task_of(Case.parse("BertMLP;b=1;l=2;d=4"), 0)
    for found in (
        list(trace(task, TORCH, ("msl", "cpu"))),
        list(trace_backward(task, TORCH, ("msl", "cpu"), 0)),
    ):
        assert found
        assert not [d for d in found if d.problem or not d.adds_up]

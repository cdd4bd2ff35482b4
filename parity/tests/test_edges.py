"""What words do where their formula has no answer: zero over zero, nothing to average, infinities.

The answers stand here, and both sides must give them, forward and backward, in every dtype and profile.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the reference needs PyTorch")

import mlx.core as mx
import torch

import mlx_impl.ops
import reference.ops
from parity.dtypes import WORKING, AnyArray, WorkingDtype, cast, is_floating
from parity.sides.mlx_side import to_mlx
from parity.sides.mlx_side import to_numpy as from_mlx
from parity.sides.torch_side import to_numpy as from_torch
from parity.sides.torch_side import to_torch

INF, NAN = math.inf, math.nan
LOG_SMALLEST = math.log(2.0**-126)


@dataclass(frozen=True)
class Edge:
    """A word on a few numbers: what it gives, and the gradient of the result's sum by argument."""

    word: str
    inputs: Mapping[str, Any]
    gives: Any
    gradients: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    def __str__(self) -> str:
        return f"{self.word}-{self.name}".replace(" ", "-")

    def arrays(self) -> dict[str, AnyArray]:
        """The arguments: numbers as floats, booleans and integers as they are."""
        return {n: np.asarray(x) for n, x in self.inputs.items()}


def empty(*shape: int) -> AnyArray:
    """No numbers, in a shape."""
    return np.zeros(shape)


HALF, THIRD = 0.5, 1 / 3
E1 = math.exp(-1.0)
P0, P1 = 1 / (1 + E1), E1 / (1 + E1)  # softmax of (1, 0)

EDGES = [
    Edge("safe_divide", {"x": [0.0, -0.0, 1.0, -2.0, INF], "y": [0.0, -0.0, 0.0, -0.0, 0.0]}, [0.0] * 5,
         {"x": [0.0] * 5, "y": [0.0] * 5}, name="over zero"),
    Edge("safe_divide", {"x": [0.0, 3.0, 1.0], "y": [0.0, 0.0, 2.0]}, [7.0, 7.0, HALF],
         {"x": [0.0, 0.0, HALF], "y": [0.0, 0.0, -0.25]}, {"default": 7.0}, name="another default"),
    Edge("safe_divide", {"x": [NAN, NAN, 1.0, INF, 1.0, 0.0], "y": [0.0, 1.0, NAN, INF, -INF, 2.0]},
         [NAN, NAN, NAN, NAN, -0.0, 0.0], name="NaN is not lost"),
    Edge("safe_divide", {"x": empty(2, 0), "y": empty(2, 0)}, empty(2, 0), {"x": empty(2, 0)},
         name="nothing"),
    Edge("safe_divide", {"x": [[1.0], [2.0]], "y": [0.0, 4.0]}, [[0.0, 0.25], [0.0, HALF]],
         {"x": [[0.25], [0.25]], "y": [0.0, -3.0 / 16]}, name="broadcast"),
    Edge("safe_log", {"x": [0.0, -0.0, -1.0, -INF]}, [LOG_SMALLEST] * 4, {"x": [0.0] * 4},
         name="not positive"),
    Edge("safe_log", {"x": [INF, NAN, 1.0]}, [INF, NAN, 0.0], {"x": [0.0, NAN, 1.0]}, name="not finite"),
    Edge("safe_log", {"x": [0.25, HALF, 1.0]}, [math.log(HALF), math.log(HALF), 0.0], {"x": [0.0, 0.0, 1.0]},
         {"eps": 0.5}, name="at the floor"),
    Edge("safe_log", {"x": empty(0)}, empty(0), {"x": empty(0)}, name="nothing"),
    Edge("masked_softmax", {"x": [[1.0, 0.0], [3.0, 4.0]], "mask": [[1, 1], [0, 0]]}, [[P0, P1], [0.0, 0.0]],
         {"x": [[0.0, 0.0], [0.0, 0.0]]}, {"axis": -1}, name="a row with nothing kept"),
    Edge("masked_softmax", {"x": [[1.0, NAN, 0.0, INF]], "mask": [[True, False, True, False]]},
         [[P0, 0.0, P1, 0.0]], {"x": [[0.0] * 4]}, {"axis": 1}, name="what is masked has no influence"),
    Edge("masked_softmax", {"x": [[-INF, 2.0], [INF, 0.0], [-INF, -INF]], "mask": [[1, 1]]},
         [[0.0, 1.0], [NAN, NAN], [NAN, NAN]], {}, {"axis": -1}, name="infinities that are kept"),
    Edge("masked_softmax", {"x": [[1.0, NAN, 2.0], [INF, 3.0, 0.0]], "mask": [[1, 1, 0]]},
         [[NAN, NAN, 0.0]] * 2, {"x": [[NAN, NAN, 0.0]] * 2}, {"axis": -1}, name="NaN that is kept"),
    Edge("masked_softmax", {"x": [[-500.0, 200.0]], "mask": [[1, 0]]}, [[1.0, 0.0]], {"x": [[0.0, 0.0]]},
         {"axis": -1}, name="the masked one is far larger"),
    Edge("masked_softmax", {"x": [[5.0], [5.0]], "mask": [[1], [0]]}, [[1.0], [0.0]], {"x": [[0.0], [0.0]]},
         {"axis": -1}, name="one element"),
    Edge("masked_softmax", {"x": empty(2, 0), "mask": np.zeros((2, 0), dtype=np.int32)}, empty(2, 0),
         {"x": empty(2, 0)}, {"axis": -1}, name="nothing"),
    Edge("softmax", {"x": [[-INF, 1.0], [-INF, -INF], [INF, 0.0]]}, [[0.0, 1.0], [NAN, NAN], [NAN, NAN]], {},
         {"axis": -1}, name="infinities"),
    Edge("softmax", {"x": [[7.0], [-INF]]}, [[1.0], [NAN]], {}, {"axis": -1}, name="one element"),
    Edge("softmax", {"x": empty(2, 0)}, empty(2, 0), {"x": empty(2, 0)}, {"axis": -1}, name="nothing"),
    Edge("log_softmax", {"x": [[-INF, 1.0], [-INF, -INF], [INF, 0.0]]}, [[-INF, 0.0], [NAN] * 2, [NAN] * 2],
         {}, {"axis": -1}, name="infinities"),
    Edge("log_softmax", {"x": [[-300.0, 300.0]]}, [[-600.0, 0.0]], {"x": [[1.0, -1.0]]}, {"axis": -1},
         name="a probability of zero"),
    Edge("log_softmax", {"x": [[7.0]]}, [[0.0]], {"x": [[0.0]]}, {"axis": -1}, name="one element"),
    Edge("log_softmax", {"x": empty(0, 3)}, empty(0, 3), {"x": empty(0, 3)}, {"axis": 0}, name="nothing"),
    Edge("layer_norm", {"x": [[3.0, 3.0]], "weight": [2.0, 2.0], "bias": [HALF, -1.0]}, [[HALF, -1.0]],
         {"x": [[0.0, 0.0]], "weight": [0.0, 0.0], "bias": [1.0, 1.0]}, {"eps": 1e-5}, name="a constant row"),
    Edge("layer_norm", {"x": [[3.0, 3.0]], "weight": [2.0, 2.0], "bias": [HALF, -1.0]}, [[HALF, -1.0]],
         {"x": [[0.0, 0.0]], "weight": [0.0, 0.0], "bias": [1.0, 1.0]}, {"eps": 1e-12},
         name="a constant row and the canonical eps"),
    Edge("layer_norm", {"x": [[INF, 1.0], [1.0, NAN]], "weight": [1.0, 1.0], "bias": [0.0, 0.0]},
         [[NAN] * 2, [NAN] * 2], {}, {"eps": 1e-5}, name="not finite"),
    Edge("layer_norm", {"x": [[4.0]], "weight": [3.0], "bias": [HALF]}, [[HALF]], {"x": [[0.0]]},
         {"eps": 1e-5}, name="one element"),
    Edge("layer_norm", {"x": empty(2, 0), "weight": empty(0), "bias": empty(0)}, empty(2, 0), {},
         {"eps": 1e-5}, name="nothing"),
    Edge("l2_normalize", {"x": [[0.0, 0.0], [0.0, -5.0]]}, [[0.0, 0.0], [0.0, -1.0]], {}, name="zeros"),
    Edge("l2_normalize", {"x": [[INF, 1.0], [NAN, 1.0]]}, [[NAN, 0.0], [NAN, NAN]], {}, name="not finite"),
    Edge("l2_normalize", {"x": [[-3.0]]}, [[-1.0]], {"x": [[0.0]]}, name="one element"),
    Edge("l2_normalize", {"x": empty(2, 0)}, empty(2, 0), {"x": empty(2, 0)}, name="nothing"),
    Edge("l1_normalize", {"x": [[0.0, 0.0], [1.0, -3.0]]}, [[NAN, NAN], [0.25, -0.75]], {}, name="zeros"),
    Edge("l1_normalize", {"x": [[INF, 1.0], [-4.0, 0.0]]}, [[NAN, 0.0], [-1.0, 0.0]], {}, name="infinities"),
    Edge("l1_normalize", {"x": empty(2, 0)}, empty(2, 0), {"x": empty(2, 0)}, name="nothing"),
    Edge("masked_mean", {"x": [[[2.0], [4.0]], [[6.0], [8.0]]], "mask": [[1, 0], [0, 0]]}, [[2.0], [NAN]], {},
         name="a row with nothing kept"),
    Edge("masked_mean", {"x": empty(1, 0, 2), "mask": np.zeros((1, 0), dtype=np.int32)}, [[NAN, NAN]], {},
         name="nothing"),
    Edge("mse_loss", {"prediction": empty(2, 0), "target": empty(2, 0)}, [NAN], {}, name="nothing"),
    Edge("mse_loss", {"prediction": [INF, 0.0], "target": [0.0, 0.0]}, [INF], {}, name="infinities"),
    Edge("bce_with_logits", {"logits": empty(0), "target": empty(0)}, [NAN], {}, name="nothing"),
    Edge("bce_with_logits", {"logits": [200.0, -200.0, 0.0], "target": [0.0, 1.0, HALF]},
         [(400 + math.log(2)) / 3], {"logits": [THIRD, -THIRD, 0.0]}, name="certain and wrong"),
    Edge("cross_entropy", {"logits": [[1.0, 0.0]], "labels": np.array([-100], dtype=np.int32)}, [NAN],
         {"logits": [[0.0, 0.0]]}, name="everything ignored"),
    Edge("cross_entropy", {"logits": empty(2, 0), "labels": np.array([-100, -100], dtype=np.int32)}, [NAN],
         name="no classes, everything ignored"),
    Edge("cross_entropy", {"logits": empty(0, 3), "labels": np.zeros(0, dtype=np.int32)}, [NAN], {},
         name="nothing"),
    Edge("cross_entropy", {"logits": [[NAN, NAN], [0.0, 0.0]], "labels": np.array([-100, 1], dtype=np.int32)},
         [math.log(2)], {}, name="NaN where it is ignored"),
    Edge("gelu", {"x": [0.0, -0.0, -30.0, 30.0, NAN]}, [0.0, -0.0, -0.0, 30.0, NAN],
         {"x": [HALF, HALF, 0.0, 1.0, NAN]}, name="far out"),
    Edge("gelu", {"x": [INF, -INF, 6e4]}, [INF, NAN, 6e4], name="infinite and large"),
    Edge("sine", {"x": [[INF, -INF, NAN]], "freq": [[1.0, 1.0, 1.0]]}, [[NAN] * 3], {}, {"w_mod": 1},
         name="not finite"),
    Edge("softmax", {"x": [[6e4, 6e4], [-6e4, 6e4]]}, [[HALF, HALF], [0.0, 1.0]], {}, {"axis": -1},
         name="large"),
    Edge("log_softmax", {"x": [[6e4, 6e4]]}, [[-math.log(2)] * 2], {}, {"axis": -1}, name="large"),
    Edge("masked_softmax", {"x": [[6e4, 6e4, 6e4]], "mask": [[1, 1, 0]]}, [[HALF, HALF, 0.0]], {},
         {"axis": -1}, name="large"),
    Edge("l2_normalize", {"x": [[6e4, 6e4], [1e-7, 0.0]]}, [[math.sqrt(HALF)] * 2, [1.0, 0.0]],
         name="large and small"),
    Edge("l1_normalize", {"x": [[6e4, -6e4], [1e-7, 0.0]]}, [[HALF, -HALF], [1.0, 0.0]],
         name="large and small"),
    Edge("masked_mean", {"x": [[[6e4], [6e4]]], "mask": [[1, 1]]}, [[6e4]], name="large"),
    Edge("mse_loss", {"prediction": [INF, 0.0], "target": [INF, 0.0]}, [NAN], name="infinities of one sign"),
    Edge("cross_entropy", {"logits": [[6e4, 6e4], [-6e4, -6e4]], "labels": np.array([0, 1], dtype=np.int32)},
         [math.log(2)], {"logits": [[-0.25, 0.25], [0.25, -0.25]]}, name="large logits that are alike"),
    Edge("cross_entropy", {"logits": [[INF, 0.0]], "labels": np.array([1], dtype=np.int32)}, [NAN],
         name="an infinite logit"),
    Edge("cross_entropy", {"logits": [[-INF, 0.0]], "labels": np.array([1], dtype=np.int32)}, [0.0],
         name="an impossible class"),
    Edge("bce_with_logits", {"logits": [INF, -INF], "target": [1.0, 0.0]}, [0.0], {"logits": [0.0, 0.0]},
         name="infinitely certain and right"),
    Edge("bce_with_logits", {"logits": [INF, 0.0], "target": [0.0, 1.0]}, [INF], name="infinitely wrong"),
    Edge("bce_with_logits", {"logits": [-INF, -INF], "target": [0.0, HALF]}, [INF], name="half wrong"),
    Edge("bce_with_logits", {"logits": [INF, -INF, INF, -INF], "target": [HALF, HALF, 2.0, -1.0]}, [NAN],
         {"target": [-INF, INF, -INF, INF]}, name="infinitely uncertain"),
    Edge("bce_with_logits", {"logits": [INF, NAN], "target": [NAN, 0.0]}, [NAN], name="NaN is not lost"),
    Edge("blockdiag_to_dense", {"weight": empty(0, 2, 3)}, empty(0, 0), {"weight": empty(0, 2, 3)},
         name="no blocks"),
    Edge("matmul", {"a": empty(2, 0), "b": empty(0, 3)}, np.zeros((2, 3)), {"a": empty(2, 0)},
         name="no inner"),
    Edge("linear", {"x": empty(2, 0), "weight": empty(3, 0), "bias": [1.0, 2.0, 3.0]}, [[1.0, 2.0, 3.0]] * 2,
         {"bias": [2.0] * 3}, name="no inner"),
    Edge("long_conv", {"u": [[[2.0]]], "k": [[3.0]], "D": [HALF], "k_rev": [[1.0]]}, [[[9.0]]],
         {"u": [[[4.5]]], "k": [[2.0]], "D": [2.0], "k_rev": [[2.0]]}, name="one point"),
    Edge("conv1d_fft", {"x": [[[2.0]]], "k": [[3.0, 5.0]], "bias": [HALF]}, [[[6.5]]],
         {"x": [[[3.0]]], "k": [[2.0, 0.0]], "bias": [1.0]}, name="one point"),
    Edge("monarch_conv", {"u": [[[2.0]]], "k": [[3.0, 5.0]], "D": [HALF]}, [[[7.0]]],
         {"u": [[[3.5]]], "k": [[2.0, 0.0]], "D": [2.0]}, name="one point"),
    *(Edge(word, {x: empty(*shape), "k": empty(shape[1], 4) + 1, y: empty(shape[1])}, empty(*shape),
           {x: empty(*shape)}, name=f"nothing of {shape}")
      for word, x, y in (("long_conv", "u", "D"), ("conv1d_fft", "x", "bias"), ("monarch_conv", "u", "D"),
                         ("conv1d_fft_with_bias", "x", "bias"))
      for shape in ((0, 2, 4), (2, 0, 4))),
    Edge("conv1d", {"x": [[[2.0]]], "weight": [[[3.0]]], "bias": [HALF]}, [[[6.5]]],
         {"x": [[[3.0]]], "weight": [[[2.0]]], "bias": [1.0]}, name="one point"),
    Edge("depthwise_conv1d", {"x": [[[2.0]]], "weight": [[[1.0, 3.0, 5.0]]], "bias": [HALF]},
         [[[10.5, 6.5, 2.5]]], {"x": [[[9.0]]], "weight": [[[2.0, 2.0, 2.0]]]}, {"padding": 2},
         name="one point"),
]  # fmt: skip

PROFILES = ("canonical", "stable", "fast")
DTYPES = [
    pytest.param(d, id=d.short, marks=[] if d.name == "float32" else [pytest.mark.parity_slow])
    for d in WORKING.values()
]


def in_torch(edge: Edge, dtype: WorkingDtype) -> tuple[AnyArray, dict[str, AnyArray]]:
    """The reference's result and gradients."""
    inputs = {n: to_torch(cast(x, dtype) if is_floating(x) else x, dtype) for n, x in edge.arrays().items()}
    for name in edge.gradients:
        inputs[name].requires_grad_(True)
    y = getattr(reference.ops, edge.word)(**inputs, **edge.options)
    if edge.gradients:
        y.sum().backward()
    gradients = {}
    for name in edge.gradients:
        found = inputs[name].grad
        gradients[name] = from_torch(torch.zeros_like(inputs[name]) if found is None else found)
    return from_torch(y), gradients


def in_mlx(edge: Edge, dtype: WorkingDtype, profile: str) -> tuple[AnyArray, dict[str, AnyArray]]:
    """The port's result and gradients."""
    inputs = {
        n: mx.array(x) if x.dtype == bool else to_mlx(cast(x, dtype) if is_floating(x) else x, dtype)
        for n, x in edge.arrays().items()
    }

    def total(given: Mapping[str, mx.array]) -> tuple[mx.array, mx.array]:
        with mlx_impl.use(profile):
            y = getattr(mlx_impl.ops, edge.word)(**(inputs | dict(given)), **edge.options)
        return mx.sum(y), y

    if not edge.gradients:
        return from_mlx(total({})[1]), {}
    (_, y), found = mx.value_and_grad(total)({n: inputs[n] for n in edge.gradients})
    return from_mlx(y), {n: from_mlx(g) for n, g in found.items()}


def assert_is(what: str, have: AnyArray, want: Any, dtype: WorkingDtype) -> None:
    """The same shape and dtype, NaN and infinities where they belong, the rest to eight units."""
    want = np.asarray(want, dtype=np.float64)
    assert have.shape == want.shape, what
    assert have.dtype == dtype.numpy, what
    unit = 8 * dtype.unit_roundoff
    np.testing.assert_allclose(
        have.astype(np.float64), want, rtol=unit, atol=unit, equal_nan=True, err_msg=what
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("edge", EDGES, ids=str)
def test_an_edge_has_its_answer(edge: Edge, dtype: WorkingDtype) -> None:
    """On the reference, and on the port in each profile."""
    ways = {"reference": in_torch(edge, dtype)} | {p: in_mlx(edge, dtype, p) for p in PROFILES}
    for way, (y, gradients) in ways.items():
        assert_is(f"{way}: {edge.word}", y, edge.gives, dtype)
        for name, wanted in edge.gradients.items():
            assert_is(f"{way}: gradient by {name}", gradients[name], wanted, dtype)


def _at(word: str, x: float) -> float:
    """What an activation is at the ends of a dtype, where its formula cannot be computed as it stands."""
    if math.isnan(x):
        return NAN
    if word in ("sigmoid", "tanh"):
        low, slope = (0.0, 0.25) if word == "sigmoid" else (-1.0, 1.0)
        return (1.0 if x > 0 else low) if abs(x) > 1 else (HALF if word == "sigmoid" else 0.0) + slope * x
    if word == "relu":
        return max(x, 0.0)
    return NAN if x == -INF else (max(x, 0.0) if abs(x) > 1 else HALF * x)


@pytest.mark.parametrize("dtype", WORKING.values(), ids=lambda d: d.short)
@pytest.mark.parametrize("word", ["relu", "silu", "gelu", "gelu_tanh", "sigmoid", "tanh"])
def test_activations_at_the_ends_of_a_dtype(word: str, dtype: WorkingDtype) -> None:
    """Zeros, the smallest subnormal and normal numbers, the largest, infinities, NaN; on both sides."""
    largest, normal, least = {
        "float32": (float(np.finfo(np.float32).max), 2.0**-126, 2.0**-149),
        "float16": (65504.0, 2.0**-14, 2.0**-24),
        "bfloat16": (2.0**128 - 2.0**120, 2.0**-126, 2.0**-133),
    }[dtype.name]
    numbers = [s * x for x in (0.0, least, normal, largest / 2, largest, INF) for s in (1, -1)] + [NAN]
    edge = Edge(word, {"x": numbers}, [_at(word, x) for x in numbers])
    for way, (y, _) in (
        {"reference": in_torch(edge, dtype)} | {p: in_mlx(edge, dtype, p) for p in PROFILES}
    ).items():
        have, want = y.astype(np.float64), np.asarray(edge.gives)
        np.testing.assert_allclose(
            have, want, rtol=8 * dtype.unit_roundoff, atol=normal, equal_nan=True, err_msg=f"{way}: {word}"
        )


@pytest.mark.parametrize("dtype", WORKING.values(), ids=lambda d: d.short)
@pytest.mark.parametrize("word", ["relu", "silu", "gelu", "gelu_tanh", "sigmoid", "tanh"])
def test_slopes_at_the_ends_of_a_dtype(word: str, dtype: WorkingDtype) -> None:
    """A cotangent of thousands makes nothing infinite on the way: far out, the slope is that of the ends."""
    largest = 65504.0 if dtype.name == "float16" else 2.0**127
    largest = min(largest, 1e12) if word == "gelu_tanh" else largest  # PyTorch's has a cube
    numbers = [1e3, 3e4, largest / 2, largest]
    x = cast(np.array([*numbers, *(-n for n in numbers)]), dtype)
    ones = 0.0 if word in ("sigmoid", "tanh") else 1.0
    wanted = cast(np.array([-3000 * ones] * 4 + [0.0] * 4), dtype).astype(np.float64)
    inputs = to_torch(x, dtype).requires_grad_(True)
    y = getattr(reference.ops, word)(inputs)
    (found,) = torch.autograd.grad(y, inputs, torch.full_like(y, -3000))
    np.testing.assert_array_equal(from_torch(found).astype(np.float64), wanted, err_msg="reference")
    here = to_mlx(x, dtype)
    for profile in PROFILES:
        with mlx_impl.use(profile):
            cotangent = mx.full(x.shape, -3000, dtype=here.dtype)
            _, (flow,) = mx.vjp(getattr(mlx_impl.ops, word), [here], [cotangent])
        np.testing.assert_array_equal(from_mlx(flow).astype(np.float64), wanted, err_msg=profile)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_the_reference_normalizes_half_precision_in_float32(name: str) -> None:
    """Its gradients too: with the mean of 1,002 rounded to bfloat16, that of the weight would be zero."""
    x = torch.tensor([[1000.0, 1000.0, 1000.0, 1008.0]], dtype=getattr(torch, name), requires_grad=True)
    ones, zeros = torch.ones(4, dtype=x.dtype, requires_grad=True), torch.zeros(4, dtype=x.dtype)
    y = reference.ops.layer_norm(x, ones, zeros, 1e-12)
    (found,) = torch.autograd.grad(y.sum(), ones)
    wanted = [-math.sqrt(THIRD)] * 3 + [math.sqrt(3)]
    np.testing.assert_allclose(from_torch(found).astype(np.float64), wanted, rtol=2.0**-8)


def test_every_word_with_edges_is_there() -> None:
    """The words that issue from a division, a logarithm, a mean or a sum over an axis."""
    assert {e.word for e in EDGES} >= {
        "safe_divide", "safe_log", "masked_softmax", "softmax", "log_softmax", "layer_norm", "l2_normalize",
        "l1_normalize", "masked_mean", "cross_entropy", "mse_loss", "bce_with_logits",
    }  # fmt: skip


@pytest.mark.parametrize("ops", [reference.ops, mlx_impl.ops], ids=["reference", "port"])
def test_a_bias_that_is_required(ops: Any) -> None:
    """Left out by None it is an error that names the word to say."""
    zeros = torch.zeros if ops is reference.ops else mx.zeros
    with pytest.raises(ValueError, match="say conv1d_fft"):
        ops.conv1d_fft_with_bias(zeros((1, 2, 3)), zeros((2, 3)), None)

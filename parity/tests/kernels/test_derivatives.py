"""Gradients of gradients through kernels, and what ``mx.vmap`` makes of them."""

from collections.abc import Callable, Sequence
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
import torch

import reference.ops
from mlx_impl import kernels, ops
from mlx_impl.kernels.dispatch import Decision
from mlx_impl.kernels.gradients import several, with_gradients
from parity.dtypes import AnyArray, Float64
from parity.inputs import generator

from .running import needs_compiler, on_kernels

WORDS: dict[str, tuple[dict[str, tuple[int, ...]], dict[str, Any]]] = {
    "matmul": ({"a": (2, 3, 5), "b": (5, 4)}, {}),
    "linear": ({"x": (2, 3, 5), "weight": (4, 5), "bias": (4,)}, {}),
    "blockdiag_multiply": ({"x": (2, 3, 6), "weight": (2, 4, 3)}, {}),
    "blockdiag_glu": ({"x": (2, 3, 6), "weight": (2, 4, 3)}, {}),
    "depthwise_conv1d": ({"x": (2, 3, 9), "weight": (3, 1, 3), "bias": (3,)}, {"padding": 2}),
    "gated_short_conv": ({"x": (2, 6, 9), "weight": (6, 1, 3), "bias": (6,)}, {}),
    "long_conv": ({"u": (2, 2, 9), "k": (2, 12), "D": (2,), "k_rev": (2, 5)}, {}),
    "gated_long_conv": (
        {"u": (2, 2, 9), "k": (2, 9), "D": (2,), "gate": (2, 2, 9), "extra": (2, 2, 9)},
        {},
    ),
    "hyena_filter_forward": (
        {
            "z": (1, 7, 3),
            "t": (1, 7, 1),
            "w_in": (8, 3),
            "b_in": (8,),
            "w_inner": (2, 8, 8),
            "b_inner": (2, 8),
            "w_out": (4, 8),
            "freq": (1, 8),
            "deltas": (1, 1, 4),
        },
        {},
    ),
}
K_MAX = 4.0
"""The design's limit on the largest error, over the larger of another's own error and what one ulp moves."""


def drawn(word: str) -> list[AnyArray]:
    rng = generator("derivatives", word)
    return [(rng.standard_normal(s) / 2).astype(np.float32) for s in WORDS[word][0].values()]


def penalty(word: str, function: Callable[..., Any]) -> Callable[..., mx.array]:
    """The squares of the gradient of the squares of a word's results."""
    names, options = list(WORDS[word][0]), WORDS[word][1]

    def squares(*xs: mx.array) -> mx.array:
        found = several(function(**dict(zip(names, xs, strict=True)), **options))
        return sum((mx.sum(mx.square(y)) for y in found), mx.array(0.0))

    def of_gradient(*xs: mx.array) -> mx.array:
        slopes = mx.grad(squares, argnums=list(range(len(xs))))(*xs)
        return sum((mx.sum(mx.square(g)) for g in slopes), mx.array(0.0))

    return of_gradient


def second(word: str, given: Sequence[AnyArray]) -> list[Float64]:
    """The gradient of the penalty, by argument."""
    xs = [mx.array(x) for x in given]
    found = mx.grad(penalty(word, getattr(ops, word)), argnums=list(range(len(xs))))(*xs)
    return [np.array(g, dtype=np.float64) for g in found]


def exactly(word: str, given: Sequence[AnyArray]) -> list[Float64]:
    """The same of the reference in float64."""
    names, options = list(WORDS[word][0]), WORDS[word][1]
    xs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in given]
    y = getattr(reference.ops, word)(**dict(zip(names, xs, strict=True)), **options)
    loss = sum(p.square().sum() for p in (y if isinstance(y, tuple) else (y,)))
    slopes = torch.autograd.grad(torch.as_tensor(loss), xs, create_graph=True)
    of_slopes = torch.stack([g.square().sum() for g in slopes]).sum()
    return [g.numpy() for g in torch.autograd.grad(of_slopes, xs)]


@pytest.mark.parity_slow
@needs_compiler
@pytest.mark.parametrize("word", WORDS)
def test_a_gradient_of_a_gradient(word: str) -> None:
    """Through the word's kernel and that of its gradient, as near to the exact one as on MLX's operations."""
    given = drawn(word)
    with on_kernels() as heard:
        ours = second(word, given)
    assert heard, "no word asked for a kernel"
    assert all(d.ran for d in heard)
    with kernels.use("off"):
        plain = second(word, given)
        rng = generator("moved", word)
        moved = [
            np.nextafter(x, np.where(rng.random(x.shape) < 0.5, -9, 9).astype(np.float32)) for x in given
        ]
        floors = second(word, moved)
    for name, a, b, c, exact in zip(WORDS[word][0], ours, plain, floors, exactly(word, given), strict=True):
        floor = max(np.abs(b - exact).max(), np.abs(c - b).max())
        assert not np.abs(exact).max() < 100 * floor, f"{name}: nothing to compare"
        assert np.abs(a - exact).max() <= K_MAX * floor, name


def test_only_the_first_gradient_asks_for_kernels() -> None:
    """What is beyond is made of MLX's operations whatever the context says, and is no word's choice."""
    heard: list[Decision] = []
    calls: list[str] = []

    def forward(x: mx.array) -> mx.array:
        calls.append("forward")
        return mx.square(x)

    def backward(primals: list[mx.array], cotangents: list[mx.array]) -> list[mx.array]:
        calls.append("backward")
        return [mx.multiply(mx.multiply(2.0, primals[0]), cotangents[0])]

    def plain(x: mx.array) -> mx.array:
        calls.append("plain")
        return mx.reshape(ops.matmul(mx.reshape(x, (1, 1)), mx.reshape(x, (1, 1))), (1,))

    square: Any = with_gradients(forward, backward, plain)
    with kernels.use("on"), kernels.observing(heard.append):
        slope = mx.grad(lambda x: mx.sum(square(x)))
        curvature = mx.grad(lambda x: mx.sum(slope(x)))
        x = mx.array([3.0])
        assert [slope(x).item(), curvature(x).item()] == [6.0, 2.0]
    assert set(calls) == {"forward", "backward", "plain"}
    assert heard == []


@pytest.mark.parity_slow
@needs_compiler
@pytest.mark.parametrize("word", WORDS)
def test_members_of_a_map(word: str, request: pytest.FixtureRequest) -> None:
    """The gradients of members on kernels, one by one, are what maps on MLX's own operations make of them,
    over an axis that is not the first: the map of the gradient, and the gradient of the map.
    """
    deep = request.config.getoption("parity_profile", None) == "deep"
    if not deep and word not in ("linear", "gated_short_conv", "long_conv"):
        pytest.skip("a product, several results, and a transform: the deep profile has every word")
    given = [mx.array(x) for x in drawn(word)]
    names, options = list(WORDS[word][0]), WORDS[word][1]
    members = mx.stack([given[0], mx.multiply(given[0], mx.array(-0.5)), mx.square(given[0])], axis=1)

    def size(x: mx.array) -> mx.array:
        found = getattr(ops, word)(**dict(zip(names, [x, *given[1:]], strict=True)), **options)
        return sum((mx.sum(mx.square(y)) for y in several(found)), mx.array(0.0))

    with on_kernels() as heard:
        ours = mx.stack([mx.grad(size)(members[:, i]) for i in range(3)])
    assert heard
    assert all(d.ran for d in heard)
    with kernels.use("off"):
        one_by_one = mx.stack([mx.grad(size)(members[:, i]) for i in range(3)])
        of_gradient = mx.vmap(mx.grad(size), in_axes=1)(members)
        of_map = mx.grad(lambda x: mx.sum(mx.vmap(size, in_axes=1)(x)))(members)
    exact = np.stack([_slope(word, np.array(members[:, i])) for i in range(3)])
    floor = max(
        np.abs(np.array(x) - exact).max() for x in (one_by_one, of_gradient, mx.moveaxis(of_map, 1, 0))
    )
    assert not np.abs(exact).max() < 1e5 * floor
    assert np.abs(np.array(ours) - exact).max() <= K_MAX * floor
    with on_kernels(), pytest.raises(RuntimeError, match=r"mx\.vmap"):
        mx.eval(mx.vmap(mx.grad(size), in_axes=1)(members))


def _slope(word: str, first: AnyArray) -> Float64:
    """The gradient of the squares by the first argument, of the reference in float64."""
    names, options = list(WORDS[word][0]), WORDS[word][1]
    x = torch.tensor(first, dtype=torch.float64, requires_grad=True)
    rest = [torch.tensor(a, dtype=torch.float64) for a in drawn(word)[1:]]
    y = getattr(reference.ops, word)(**dict(zip(names, [x, *rest], strict=True)), **options)
    loss = sum(p.square().sum() for p in (y if isinstance(y, tuple) else (y,)))
    return np.asarray(torch.autograd.grad(torch.as_tensor(loss), [x])[0].numpy())


def test_what_mlx_makes_of_a_map() -> None:
    """MLX maps what is inside a custom function too, whatever rule that has: a primitive that cannot be
    mapped, as a kernel cannot, is an error. If this fails, MLX has changed, and the rules of kernels serve.
    """
    packed = mx.quantize(mx.zeros((8, 64)))

    @mx.custom_function
    def function(x: mx.array) -> mx.array:
        return mx.quantized_matmul(x, *packed)

    @function.vmap
    def function_vmap(arrays: Any, axes: Any) -> tuple[mx.array, int]:
        x = arrays if isinstance(arrays, mx.array) else arrays[0]
        return mx.zeros((*x.shape[:-1], 8)), 0

    with pytest.raises(RuntimeError, match="NYI"):
        mx.vmap(function)(mx.zeros((3, 4, 64)))

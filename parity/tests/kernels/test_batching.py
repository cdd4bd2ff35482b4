"""The rule of ``mx.vmap`` for kernels.

The executor needs values, which arrays under ``mx.vmap`` have not: the rule is tested under ``mx.vmap`` with
MLX's own operations in a kernel's place, and with kernels by calling it as MLX does.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import mlx.core as mx
import pytest

from mlx_impl.kernels.batching import batched
from mlx_impl.kernels.depthwise_conv3 import depthwise_conv3
from mlx_impl.kernels.gated_conv3 import gated_conv3

from .running import needs_compiler, on_kernels

X, W = (mx.random.normal(s, key=mx.random.key(0)) for s in ((3, 2, 4), (3, 4)))


class Rule:
    """In a custom function's place: keeps the rule that it is given."""

    def vmap(self, rule: Callable[..., Any]) -> None:
        self.rule = rule


def scaled(x: mx.array, w: mx.array) -> mx.array:
    """One result; x: (b, l), w: (l,)."""
    return mx.multiply(x, w)


def several(x: mx.array, w: mx.array) -> tuple[mx.array, mx.array]:
    """Two results of different shapes."""
    return mx.multiply(x, w), mx.sum(mx.multiply(x, w), axis=1)


def same(found: Any, wanted: Any) -> bool:
    """Whether arrays, or tuples of them, are alike."""
    if isinstance(wanted, mx.array):
        found, wanted = [found], [wanted]
    return all(a.shape == b.shape and mx.allclose(a, b) for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("function", [scaled, several])
@pytest.mark.parametrize(
    ("axes", "x", "w"),
    [((0, None), X, W[0]), ((1, None), mx.moveaxis(X, 0, 1), W[0]), ((0, 0), X, W), ((None, 0), X[0], W)],
    ids=["x", "x at 1", "both", "w"],
)
@pytest.mark.parametrize("batch", [(0,), ()], ids=["joins", "loops"])
def test_as_mlx_maps_it(function: Any, axes: Any, x: mx.array, w: mx.array, batch: tuple[int, ...]) -> None:
    """The same as the map of the function itself."""
    custom = batched(mx.custom_function(function), function, batch=batch)
    assert same(mx.vmap(custom, in_axes=axes)(x, w), mx.vmap(function, in_axes=axes)(x, w))


def test_a_map_over_x_alone_is_one_call() -> None:
    """Its batch grows; where anything else is mapped, or there is no batch, members go one by one."""
    calls: list[tuple[int, ...]] = []

    def noted(x: mx.array, w: mx.array) -> mx.array:
        calls.append(x.shape)
        return scaled(x, w)

    rule = Rule()
    batched(rule, noted)
    rule.rule([X, W[0]], [0, None])
    assert calls == [(6, 4)]
    calls.clear()
    rule.rule([X, W], [0, 0])
    assert calls == [(2, 4)] * 3
    calls.clear()
    batched(rule, noted, batch=())
    rule.rule([X, W[0]], [0, None])
    assert calls == [(2, 4)] * 3


@pytest.mark.parametrize("axes", [(0, None, None), (None, None, 0), (0, None, 0)], ids=str)
def test_every_argument_with_a_batch_joins(axes: tuple[int | None, ...]) -> None:
    """A gate that is not mapped over is the same for all members; one that is goes along with its own."""

    def gated(x: mx.array, w: mx.array, gate: mx.array) -> mx.array:
        assert x.shape == gate.shape  # what a kernel takes for granted
        return mx.multiply(mx.multiply(x, w), gate)

    given = [
        X[0] if axes[0] is None else X,
        W[0],
        mx.multiply(X, X)[0] if axes[2] is None else mx.multiply(X, X),
    ]
    custom = batched(mx.custom_function(gated), gated, batch=(0, 2))
    assert same(mx.vmap(custom, in_axes=axes)(*given), mx.vmap(gated, in_axes=axes)(*given))


@pytest.mark.parity_slow
@needs_compiler
def test_kernels_by_the_rule() -> None:
    """What the rule makes of a kernel, joined and one by one, is the kernel on each member."""
    keys = mx.random.split(mx.random.key(1), 3)
    x, weight, bias = (
        mx.random.normal(s, key=k) for s, k in zip([(2, 2, 9, 40), (9, 1, 3), (9,)], keys, strict=True)
    )
    with on_kernels():
        both: list[Any] = [gated_conv3, partial(depthwise_conv3, padding=2)]
        for kernel in both:
            each = [kernel(m, weight, bias) for m in x]
            rule = Rule()
            batched(rule, kernel)
            for arrays, axes in (
                ([x, weight, bias], [0, None, None]),
                ([x, mx.stack([weight] * 2), bias], [0, 0, None]),
            ):
                found, at = rule.rule(arrays, axes)
                if isinstance(each[0], mx.array):
                    assert at == 0
                    assert same(found, mx.stack(each))
                else:
                    assert at == [0, 0]
                    assert same(found, [mx.stack(list(ys)) for ys in zip(*each, strict=True)])

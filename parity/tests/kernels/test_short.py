"""The short convolution with the first gate: edges, halves, gradients, refusals."""

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from mlx_impl import ops
from mlx_impl.kernels.depthwise_conv3 import depthwise_conv3
from mlx_impl.kernels.gated_conv3 import gated_conv3, supports

from .running import bits, judged, needs_compiler, on_kernels

pytest.importorskip("torch", reason="the oracle needs PyTorch")
pytestmark = needs_compiler
live = pytest.mark.parity_live


def drawn(b: int, d: int, length: int, dtype: mx.Dtype = mx.float32, taps: int = 3) -> Any:
    """x, weight and bias."""
    keys = mx.random.split(mx.random.key(length), 3)
    shapes = [(b, 3 * d, length), (3 * d, 1, taps), (3 * d,)]
    return [mx.random.normal(s, dtype, key=k) for s, k in zip(shapes, keys, strict=True)]


@live
@pytest.mark.parity_slow
@pytest.mark.parametrize("length", [31, 32, 97, 127, 128, 255, 256, 257, 521])
def test_around_every_edge(length: int) -> None:
    """Of a chunk, of a SIMD group's chunks and of a segment: outputs and gradients."""
    assert judged(f"gated_short_conv;b=2;d=3;l={length};k=3;dtype=f32;vjp").status == "pass"


@live
@pytest.mark.parity_slow
@pytest.mark.parametrize("layout", ["strided", "transposed", "broadcast"])
def test_however_x_lies_in_memory(layout: str) -> None:
    """A kernel gets what MLX has made contiguous."""
    assert judged(f"gated_short_conv;b=2;d=3;l=33;k=3;dtype=bf16;layout={layout};vjp").status == "pass"


@pytest.mark.parity_slow
def test_one_sample() -> None:
    """Two products, both from nothing but w2 and the bias."""
    x, weight, bias = mx.array([[[2.0], [3.0], [5.0]]]), mx.ones((3, 1, 3)), mx.array([1.0, 0.0, -1.0])
    with on_kernels():
        passed, gated = ops.gated_short_conv(x, weight, bias)
    assert (passed.item(), gated.item()) == (3.0, (2.0 + 1.0) * (5.0 - 1.0))


@pytest.mark.parity_slow
def test_it_is_the_convolution_bit_for_bit() -> None:
    """Fused or in steps, the same sums in the same order."""
    x, weight, bias = drawn(2, 3, 130)
    with on_kernels():
        passed, gated = gated_conv3(x, weight, bias)
        y = depthwise_conv3(x, weight, bias, 2)[..., :130]
    x1, x2, v = mx.split(y, 3, axis=1)
    assert bits(passed) == bits(x2)
    assert bits(gated) == bits(mx.multiply(v, x1))


@pytest.mark.parity_slow
@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16], ids=str)
def test_a_half_is_rounded_once(dtype: mx.Dtype) -> None:
    """The float32 result of the same numbers, rounded."""
    arrays = drawn(2, 3, 40, dtype)
    wide = [mx.astype(a, mx.float32) for a in arrays]
    with on_kernels():
        for y, exact in zip(gated_conv3(*arrays), gated_conv3(*wide), strict=True):
            assert y.dtype == dtype
            assert bits(y) == bits(mx.astype(exact, dtype))


def _loss(which: int) -> Callable[..., mx.array]:
    return lambda *arrays: mx.sum(mx.square(ops.gated_short_conv(*arrays)[which]))


@pytest.mark.parity_slow
@pytest.mark.parametrize("which", [0, 1])
def test_gradients_of_one_result_alone(which: int) -> None:
    """The other's cotangent is zero; the gradients are those of MLX's own operations."""
    arrays = drawn(2, 3, 40)
    with on_kernels() as heard:
        mine = mx.grad(_loss(which), argnums=(0, 1, 2))(*arrays)
        mx.eval(mine)
    assert [d.ran for d in heard] == [True]
    theirs = mx.grad(_loss(which), argnums=(0, 1, 2))(*arrays)
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parity_slow
def test_the_same_bits_in_any_schedule() -> None:
    """Gradients of weights are sums of many threads' parts, always added in the same order."""
    arrays = drawn(3, 3, 300)

    def gradients(seed: int) -> list[bytes]:
        with on_kernels(seed=seed):
            return [bits(g) for g in mx.grad(_loss(1), argnums=(0, 1, 2))(*arrays)]

    assert gradients(1) == gradients(2)


@pytest.mark.parity_slow
@pytest.mark.parametrize("length", [20, 33])
def test_no_gradient_beyond_the_end(length: int) -> None:
    """Lanes past the end see an infinite y there, and its gradient is zero and not 0·∞."""
    x, weight, bias = drawn(1, 3, length)
    x[:, 6:, -1] = mx.inf  # of v: it makes gradients of x1 and its taps infinite, and none of them NaN
    with on_kernels():
        d_x, d_weight, _ = mx.grad(lambda *a: mx.sum(gated_conv3(*a)[1]), argnums=(0, 1, 2))(x, weight, bias)
    assert mx.all(mx.isinf(d_x[:, :3, -3:])).item()
    assert mx.all(mx.isfinite(d_x[:, :3, :-3])).item()
    assert mx.all(mx.isinf(d_weight[:3])).item()


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("four taps", {"taps": 4}, "4 taps"),
    ("float64", {"dtype": mx.float64}, "float64"),
    ("no points", {"length": 0}, "nothing to compute"),
]


@pytest.mark.parametrize(("name", "change", "says"), REFUSED, ids=[r[0] for r in REFUSED])
def test_it_says_no_with_a_reason(name: str, change: dict[str, Any], says: str) -> None:
    """What the kernel cannot do, and that ``kernel=True`` is an error then."""
    with mx.stream(mx.cpu):
        x, weight, bias = drawn(1, 3, change.get("length", 40), taps=change.get("taps", 3))
        dtype = change.get("dtype", mx.float32)
        x, weight, bias = (mx.astype(a, dtype) for a in (x, weight, bias))
        assert says in supports(x, weight, bias).reason
        with on_kernels(), pytest.raises(ValueError, match=rf"gated_conv3 cannot run this: .*{says}"):
            ops.gated_short_conv(x, weight, bias, kernel=True)


def test_mixed_dtypes_are_left_to_mlx() -> None:
    """And the word says which there are."""
    x, weight, bias = drawn(1, 3, 40)
    with on_kernels() as heard:
        ops.gated_short_conv(mx.astype(x, mx.float16), weight, bias)
    assert heard[0].reason == "the dtypes differ (mlx.core.float16, mlx.core.float32)"
    assert not heard[0].ran


def test_wrong_shapes_are_refused_before_any_kernel() -> None:
    """With the message that the word has without one."""
    x, weight, bias = drawn(1, 3, 40)
    with on_kernels() as heard:
        with pytest.raises(ValueError, match=r"bias has shape \(8,\)"):
            ops.gated_short_conv(x, weight, bias[:8])
        with pytest.raises(ValueError, match="8 channels"):
            ops.gated_short_conv(x[:, :8], weight, bias)
    assert heard == []

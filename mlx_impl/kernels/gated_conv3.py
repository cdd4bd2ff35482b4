"""The short convolution of a mixer's three projections with the first gate, in one launch each way."""

from functools import cache
from typing import Any

import mlx.core as mx

from .batching import batched
from .depthwise_conv3 import CHUNKS, TAPS
from .dispatch import Support, floats
from .gradients import with_gradients
from .metal_kernel import SIMD, Launch, MetalKernel, Shaped, nbytes, round_up, threads

SEGMENT = 8
"""Chunks of 32 samples that a SIMD group of the backward kernel walks at a time."""
MOST_SIMDS = 8


def _launch(x: Shaped, weight: Shaped, bias: Shaped) -> Launch:
    b, channels, length = x.shape
    d = channels // TAPS
    lanes = round_up(-(-length // CHUNKS), SIMD)
    y = (b, d, length)
    least = nbytes(x, weight, bias) + 2 * b * d * length * x.dtype.size
    template = (("T", x.dtype), ("CHUNKS", CHUNKS))
    return Launch((lanes, d, b), (threads(lanes), 1, 1), (y, y), (x.dtype, x.dtype), template, least)


def _launch_grad(x: Shaped, weight: Shaped, bias: Shaped, g_passed: Shaped, g_gated: Shaped) -> Launch:
    b, channels, length = x.shape
    items = b * -(-length // (SIMD * SEGMENT))
    lanes = SIMD * min(items, MOST_SIMDS)
    arrays = (x, weight, bias)
    return Launch(
        (lanes * (channels // 3), 1, 1),
        (lanes, 1, 1),
        tuple(a.shape for a in arrays),
        (x.dtype,) * 3,
        (("T", x.dtype), ("CHUNKS", SEGMENT)),
        2 * nbytes(*arrays) + nbytes(g_passed, g_gated),
    )


GATED_CONV3 = MetalKernel(
    "gated_conv3",
    ("x", "weight", "bias"),
    ("passed", "gated"),
    _launch,
    "the causal short convolution of x1, x2, v, and the gate v·x1",
    "canonical short_filter and the first gate of MonarchMixerSequenceMixing",
)
GATED_CONV3_GRAD = MetalKernel(
    "gated_conv3_grad",
    ("x", "weight", "bias", "g_passed", "g_gated"),
    ("d_x", "d_weight", "d_bias"),
    _launch_grad,
    "gradients of gated_conv3, what it did not write computed anew",
    "canonical short_filter and the first gate of MonarchMixerSequenceMixing",
)


def supports(x: mx.array, weight: mx.array, bias: mx.array) -> Support:
    """Whether :func:`gated_conv3` can run these arguments."""
    if weight.shape[-1] != TAPS:
        return Support(f"{weight.shape[-1]} taps, and the kernel has {TAPS}")
    if x.size == 0:
        return Support("nothing to compute")
    return floats(x, weight, bias)


def gated_conv3(x: mx.array, weight: mx.array, bias: mx.array) -> tuple[mx.array, mx.array]:
    """x2 and v·x1 of the causal short convolution of x on the Metal kernel, with gradients by a Metal kernel.

    Computes in float32 and rounds each result once.

    Shapes: x: (b, 3·d, l), weight: (3·d, 1, 3), bias: (3·d,) → (b, d, l), (b, d, l).
    Dtypes: float32, float16 or bfloat16, all the same.
    Source: canonical ``short_filter`` and the first gate of ``MonarchMixerSequenceMixing``.
    """
    passed, gated = _differentiable()(x, weight, bias)
    return passed, gated


@cache
def _differentiable() -> Any:
    """The kernel with its gradient."""

    def conv(x: mx.array, weight: mx.array, bias: mx.array) -> tuple[mx.array, ...]:
        return tuple(GATED_CONV3(x, weight, bias))

    def back(primals: list[mx.array], cotangents: list[mx.array]) -> list[mx.array]:
        return GATED_CONV3_GRAD(*primals, *cotangents)

    def plain(x: mx.array, weight: mx.array, bias: mx.array) -> tuple[mx.array, mx.array]:
        from mlx_impl import ops  # which import this

        return ops.gated_short_conv(x, weight, bias)

    return batched(with_gradients(conv, back, plain, results=2), gated_conv3)

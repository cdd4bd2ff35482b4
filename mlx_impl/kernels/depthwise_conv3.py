"""The short convolution of Monarch Mixer: three taps a channel, forward and backward."""

from functools import cache, partial
from typing import Any

import mlx.core as mx

from .batching import batched
from .dispatch import Support, floats
from .gradients import with_gradients
from .metal_kernel import Launch, MetalKernel, Shaped, nbytes, round_up, threads

TAPS = 3
CHUNKS = 4
"""Outputs of a lane: the halo and the taps of a SIMD group are spread over so many times 32 outputs."""


def _launch(
    x: Shaped, weight: Shaped, bias: Shaped, *, padding: int, has_bias: bool, flip: bool = False
) -> Launch:
    b, c, length = x.shape
    made = length + 2 * padding - TAPS + 1
    lanes = round_up(-(-made // CHUNKS), 32)
    template = (("T", x.dtype), ("BIAS", has_bias), ("FLIP", flip), ("PADDING", padding), ("CHUNKS", CHUNKS))
    y = (b, c, made)
    least = nbytes(x, weight) + b * c * made * x.dtype.size + (nbytes(bias) if has_bias else 0)
    return Launch((lanes, c, b), (threads(lanes), 1, 1), (y,), (x.dtype,), template, least)


def _launch_grad(x: Shaped, g: Shaped, *, padding: int) -> Launch:
    _, c, _ = x.shape
    lanes = threads(g.shape[-1])
    shapes, dtypes = ((c, 1, TAPS), (c,)), (x.dtype, x.dtype)
    least = nbytes(x, g) + c * (TAPS + 1) * x.dtype.size
    return Launch(
        (lanes * c, 1, 1), (lanes, 1, 1), shapes, dtypes, (("T", x.dtype), ("PADDING", padding)), least
    )


DEPTHWISE_CONV3 = MetalKernel(
    "depthwise_conv3",
    ("x", "weight", "bias"),
    ("y",),
    _launch,
    "each channel with its own three taps, plus a bias",
    "canonical short_filter",
)
DEPTHWISE_CONV3_GRAD = MetalKernel(
    "depthwise_conv3_grad",
    ("x", "g"),
    ("d_weight", "d_bias"),
    _launch_grad,
    "gradients of the taps and the bias",
    "canonical short_filter",
)


def supports(x: mx.array, weight: mx.array, bias: mx.array, padding: int) -> Support:
    """Whether :func:`depthwise_conv3` can run these arguments."""
    if weight.shape[-1] != TAPS:
        return Support(f"{weight.shape[-1]} taps, and the kernel has {TAPS}")
    if not 0 <= padding < TAPS:
        return Support(f"padding {padding}, and the kernel pads by at most {TAPS - 1}")
    if x.size == 0 or x.shape[-1] + 2 * padding < TAPS:
        return Support("nothing to compute")
    return floats(x, weight, bias)


def depthwise_conv3(x: mx.array, weight: mx.array, bias: mx.array, padding: int) -> mx.array:
    """y_t = Σ_j w_j·x_{t+j−padding} + b on the Metal kernel, with gradients by Metal kernels.

    Sums in float32 and rounds once.

    Shapes: x: (b, c, l), weight: (c, 1, 3), bias: (c,) → (b, c, l + 2·padding − 2).
    Dtypes: float32, float16 or bfloat16, all the same.
    Source: canonical ``short_filter``.
    """
    return _differentiable(padding)(x, weight, bias)


@cache
def _differentiable(padding: int) -> Any:
    """The kernel with its gradient."""

    def conv(x: mx.array, weight: mx.array, bias: mx.array) -> mx.array:
        return DEPTHWISE_CONV3(x, weight, bias, padding=padding, has_bias=True)[0]

    def back(primals: list[mx.array], cotangents: list[mx.array]) -> tuple[mx.array, ...]:
        (x, weight, bias), (cotangent,) = primals, cotangents
        # The gradient of x is the same correlation with the taps flipped and the rest of the padding.
        (d_x,) = DEPTHWISE_CONV3(
            cotangent, weight, bias, padding=TAPS - 1 - padding, has_bias=False, flip=True
        )
        d_weight, d_bias = DEPTHWISE_CONV3_GRAD(x, cotangent, padding=padding)
        return d_x, d_weight, d_bias

    def plain(x: mx.array, weight: mx.array, bias: mx.array) -> mx.array:
        from mlx_impl import ops  # which import this

        return ops.depthwise_conv1d(x, weight, bias, padding)

    return batched(with_gradients(conv, back, plain), partial(depthwise_conv3, padding=padding))

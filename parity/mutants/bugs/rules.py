"""Strict rules that are broken: `parity lint` sees these in the source."""

import math

import mlx.core as mx

from parity.mutants import bug


@bug(
    "mlx_impl.ops.gelu",
    seen="lablup/mlxcel#1709: activations promote half precision, by constants that are float32 unless told",
    dtype="bfloat16",
    case="gelu;dtype=bf16",
)
def gelu_with_constants_of_float32(x):
    """x/2·(1 + erf(x/√2)) in the constants' dtype, which is the result's too."""
    scaled = mx.multiply(x, mx.array(1 / math.sqrt(2)))
    return mx.multiply(mx.multiply(x, mx.array(0.5)), mx.add(mx.erf(scaled), mx.array(1.0)))


@bug(
    "mlx_impl.ops.mse_loss",
    seen="ml-explore/mlx#1083: a number read by .item() in the middle of a function, and made an array again",
    case="mse_loss;vjp",
)
def mse_loss_through_the_host(prediction, target):
    """The loss as a Python number: right, and without a gradient."""
    mean = mx.mean(mx.square(mx.subtract(prediction, target)))
    return mx.array([mean.item()], dtype=prediction.dtype)

"""The operations in MLX, as one would write them without a second thought."""

import math

import mlx.core as mx

exp, erf, tanh, sin, matmul = mx.exp, mx.erf, mx.tanh, mx.sin, mx.matmul


def gelu(x: mx.array) -> mx.array:
    """x/2·(1 + erf(x/√2)), as in mlx.nn."""
    return x * (1 + mx.erf(x / math.sqrt(2))) / 2


def silu(x: mx.array) -> mx.array:
    """x·σ(x)."""
    return x * mx.sigmoid(x)


def total(x: mx.array) -> mx.array:
    """Σ over the last axis."""
    return mx.sum(x, axis=-1)


def mean(x: mx.array) -> mx.array:
    """Mean over the last axis."""
    return mx.mean(x, axis=-1)


def softmax(x: mx.array) -> mx.array:
    """Softmax over the last axis, MLX's default: half precision accumulates in half precision."""
    return mx.softmax(x, axis=-1)


def softmax_precise(x: mx.array) -> mx.array:
    """Softmax over the last axis, accumulating in float32."""
    return mx.softmax(x, axis=-1, precise=True)


def layer_norm(x: mx.array) -> mx.array:
    """Layer normalization over the last axis, without weights."""
    return mx.fast.layer_norm(x, None, None, 1e-12)


def fft_convolution(u: mx.array, k: mx.array) -> mx.array:
    """Causal convolution by FFT over twice the length."""
    n = 2 * u.shape[-1]
    wide_u, wide_k = u.astype(mx.float32), k.astype(mx.float32)
    y = mx.fft.irfft(mx.fft.rfft(wide_u, n=n) * mx.fft.rfft(wide_k, n=n), n=n)
    return y[..., : n // 2].astype(u.dtype)

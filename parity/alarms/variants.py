"""Correct ports that round differently: sums in other orders, other transforms, fused or not, split batches.

Each is a swap of one word by a function of the same meaning, in the harness's own words why it is one.
Half precision is computed in float32 and rounded once, as everywhere.
"""

import math
from collections.abc import Callable

import mlx.core as mx
import numpy as np

from .corpus import variant


def _wide(x: mx.array) -> mx.array:
    return x.astype(mx.float32) if x.dtype in (mx.float16, mx.bfloat16) else x


def _tiled(a: mx.array, b: mx.array, tile: int) -> mx.array:
    """A·B with the inner sum cut into tiles, each summed by itself, then added in order."""
    a, b = _wide(a), _wide(b)
    total = mx.matmul(a[..., :tile], b[..., :tile, :])
    for i in range(tile, a.shape[-1], tile):
        total = mx.add(total, mx.matmul(a[..., i : i + tile], b[..., i : i + tile, :]))
    return total


def _sequential(x: mx.array, axis: int) -> mx.array:
    """Σ along an axis, from the first term to the last."""
    moved = mx.moveaxis(x, axis, 0)
    total = moved[0]
    for i in range(1, moved.shape[0]):
        total = mx.add(total, moved[i])
    return total


def _pairwise(x: mx.array) -> mx.array:
    """Σ over the last axis by halves."""
    n = x.shape[-1]
    if n == 1:
        return x[..., 0]
    half = n // 2
    return mx.add(_pairwise(x[..., :half]), _pairwise(x[..., half:]))


def _fma(a: mx.array, b: mx.array, c: mx.array) -> mx.array:
    """a·b + c, rounded once: exact in float64 but for one rounding far below float32's."""
    with mx.stream(mx.cpu):
        a64, b64, c64 = (x.astype(mx.float64) for x in (a, b, c))
        return mx.add(mx.multiply(a64, b64), c64).astype(mx.float32)


def _with_bias(y: mx.array, bias: mx.array | None, like: mx.array) -> mx.array:
    return (y if bias is None else mx.add(y, _wide(bias))).astype(like.dtype)


# -- products -------------------------------------------------------------------------------------------


@variant("linear", "the inner sum from the last term to the first")
def linear_backwards(x: mx.array, weight: mx.array, bias: mx.array | None = None) -> mx.array:
    y = mx.matmul(_wide(x)[..., ::-1], mx.swapaxes(_wide(weight)[:, ::-1], 0, 1))
    return _with_bias(y, bias, x)


@variant("linear", "tiles of 8, as a small threadgroup has them")
def linear_tiles_of_8(x: mx.array, weight: mx.array, bias: mx.array | None = None) -> mx.array:
    return _with_bias(_tiled(x, mx.swapaxes(weight, 0, 1), 8), bias, x)


@variant("linear", "tiles of 32")
def linear_tiles_of_32(x: mx.array, weight: mx.array, bias: mx.array | None = None) -> mx.array:
    return _with_bias(_tiled(x, mx.swapaxes(weight, 0, 1), 32), bias, x)


@variant("linear", "not fused: the product is rounded before the bias is added")
def linear_not_fused(x: mx.array, weight: mx.array, bias: mx.array | None = None) -> mx.array:
    y = mx.matmul(x, mx.swapaxes(weight, 0, 1))
    return y if bias is None else mx.add(y, bias)


@variant("linear", "one row of the batch at a time")
def linear_by_rows(x: mx.array, weight: mx.array, bias: mx.array | None = None) -> mx.array:
    transposed = mx.swapaxes(_wide(weight), 0, 1)
    if x.ndim < 2:
        return _with_bias(mx.matmul(_wide(x), transposed), bias, x)
    rows = [mx.matmul(_wide(x[i : i + 1]), transposed) for i in range(x.shape[0])]
    return _with_bias(mx.concatenate(rows, axis=0), bias, x)


@variant("linear", "the bias as one more term of the sum")
def linear_with_bias_inside(x: mx.array, weight: mx.array, bias: mx.array | None = None) -> mx.array:
    if bias is None:
        return mx.matmul(_wide(x), mx.swapaxes(_wide(weight), 0, 1)).astype(x.dtype)
    ones = mx.ones((*x.shape[:-1], 1), dtype=mx.float32)
    longer = mx.concatenate([ones, _wide(x)], axis=-1)
    wider = mx.concatenate([_wide(bias)[:, None], _wide(weight)], axis=1)
    return mx.matmul(longer, mx.swapaxes(wider, 0, 1)).astype(x.dtype)


@variant("matmul", "tiles of 16")
def matmul_tiles_of_16(a: mx.array, b: mx.array) -> mx.array:
    return _tiled(a, b, 16).astype(a.dtype)


@variant("blockdiag_multiply", "as an einsum over blocks, the inner sum backwards")
def blocks_backwards(x: mx.array, weight: mx.array) -> mx.array:
    k, q, p = weight.shape
    blocks = mx.reshape(_wide(x), (*x.shape[:-1], k, p))[..., ::-1]
    y = mx.einsum("...kp,kqp->...kq", blocks, _wide(weight)[..., ::-1])
    return mx.reshape(y, (*x.shape[:-1], k * q)).astype(x.dtype)


@variant("blockdiag_multiply", "products and a sum by halves, no matrix product at all")
def blocks_by_halves(x: mx.array, weight: mx.array) -> mx.array:
    k, q, p = weight.shape
    blocks = mx.reshape(_wide(x), (*x.shape[:-1], k, 1, p))
    y = _pairwise(mx.multiply(blocks, _wide(weight)))
    return mx.reshape(y, (*x.shape[:-1], k * q)).astype(x.dtype)


# -- convolutions ---------------------------------------------------------------------------------------


def _convolved(u: mx.array, k: mx.array, D: mx.array, k_rev: mx.array | None, n: int) -> mx.array:
    """u ∗ k over n ≥ 2·l points, the kernel's negative lags moved to the end."""
    length = u.shape[-1]
    wide, kernel = _wide(u), _wide(k)
    ahead, behind = kernel[:, :length], kernel[:, length:]
    lags = 2 * length - kernel.shape[1] if behind.shape[1] else 0
    room = n - ahead.shape[1] - behind.shape[1] - lags
    gap, end = (mx.zeros((k.shape[0], m)) for m in (room, lags))
    spread = mx.concatenate([ahead, gap, behind, end], axis=1)
    spectrum = mx.fft.rfft(spread, n=n)
    if k_rev is not None:
        spectrum = mx.add(spectrum, mx.conjugate(mx.fft.rfft(_wide(k_rev), n=n)))
    y = mx.fft.irfft(mx.multiply(mx.fft.rfft(wide, n=n), spectrum), n=n)[..., :length]
    return mx.add(y, mx.multiply(wide, _wide(D)[:, None])).astype(u.dtype)


@variant("long_conv", "a transform of twice the points that it needs, 1/n on the inverse")
def long_conv_longer(u: mx.array, k: mx.array, D: mx.array, k_rev: mx.array | None = None) -> mx.array:
    return _convolved(u, k, D, k_rev, 4 * u.shape[-1])


@variant("long_conv", "a transform over the next power of two: another radix")
def long_conv_power_of_two(u: mx.array, k: mx.array, D: mx.array, k_rev: mx.array | None = None) -> mx.array:
    return _convolved(u, k, D, k_rev, 2 ** (2 * u.shape[-1] - 1).bit_length())


@variant(
    "long_conv", "no transform up to 512: a product with the Toeplitz matrix of the kernel, in tiles of 64"
)
def long_conv_direct(u: mx.array, k: mx.array, D: mx.array, k_rev: mx.array | None = None) -> mx.array:
    if u.shape[-1] > 512:  # a sum of 2,048 terms in a row is twice as far off as a transform: past the gate
        return _convolved(u, k, D, k_rev, 2 * u.shape[-1])
    length, n = u.shape[-1], 2 * u.shape[-1]
    kernel = mx.pad(_wide(k), [(0, 0), (0, n - k.shape[1])])
    if k_rev is not None:  # lag −j has weight k_rev[j], lag 0 both
        back = mx.pad(_wide(k_rev), [(0, 0), (0, n - k_rev.shape[1])])
        kernel = mx.add(kernel, mx.concatenate([back[:, :1], back[:, :0:-1]], axis=1))
    lags = np.arange(length)[:, None] - np.arange(length)[None, :]  # row − column
    toeplitz = kernel[:, mx.array((lags % n).astype(np.int32))]  # (d, l, l)
    y = mx.transpose(_tiled(toeplitz, mx.transpose(_wide(u), (1, 2, 0)), 64), (2, 0, 1))
    return mx.add(y, mx.multiply(_wide(u), _wide(D)[:, None])).astype(u.dtype)


@variant("long_conv", "a Cooley-Tukey transform in two steps, written out")
def long_conv_two_steps(u: mx.array, k: mx.array, D: mx.array, k_rev: mx.array | None = None) -> mx.array:
    length, n = u.shape[-1], 2 * u.shape[-1]

    def transform(x: mx.array) -> mx.array:
        x = mx.pad(x.astype(mx.complex64), [(0, 0)] * (x.ndim - 1) + [(0, n - x.shape[-1])])
        even, odd = mx.fft.fft(x[..., 0::2]), mx.fft.fft(x[..., 1::2])
        angle = -2 * math.pi * np.arange(n // 2) / n
        twiddle = mx.array((np.cos(angle) + 1j * np.sin(angle)).astype(np.complex64))
        turned = mx.multiply(odd, twiddle)
        return mx.concatenate([mx.add(even, turned), mx.subtract(even, turned)], axis=-1)

    spectrum = transform(_wide(k))
    if k_rev is not None:
        spectrum = mx.add(spectrum, mx.conjugate(transform(_wide(k_rev))))
    product = mx.multiply(transform(_wide(u)), spectrum)
    y = mx.real(mx.fft.ifft(product))[..., :length]
    return mx.add(y, mx.multiply(_wide(u), _wide(D)[:, None])).astype(u.dtype)


def _taps(x: mx.array, weight: mx.array, padding: int) -> list[tuple[mx.array, mx.array]]:
    """Each tap's weight with what it multiplies."""
    taps = weight.shape[-1]
    padded = mx.pad(_wide(x), [(0, 0), (0, 0), (padding, padding)])
    length = padded.shape[-1] - taps + 1
    return [(_wide(weight)[:, 0, i, None], padded[..., i : i + length]) for i in range(taps)]


@variant("depthwise_conv1d", "shifted copies added to the bias, the last tap first")
def conv_by_shifts(x: mx.array, weight: mx.array, bias: mx.array, padding: int) -> mx.array:
    y = _wide(bias)[:, None]
    for w, shifted in reversed(_taps(x, weight, padding)):
        y = mx.add(y, mx.multiply(w, shifted))
    return y.astype(x.dtype)


@variant("depthwise_conv1d", "with fused multiply-adds")
def conv_fused(x: mx.array, weight: mx.array, bias: mx.array, padding: int) -> mx.array:
    y = _wide(bias)[:, None]
    for w, shifted in _taps(x, weight, padding):
        y = _fma(w, shifted, y)
    return y.astype(x.dtype)


# -- normalizations -------------------------------------------------------------------------------------


def _normalized(x: mx.array, eps: float, mean: Callable[[mx.array], mx.array]) -> mx.array:
    centred = mx.subtract(x, mean(x))
    return mx.multiply(centred, mx.rsqrt(mx.add(mean(mx.square(centred)), mx.array(eps, dtype=mx.float32))))


@variant("layer_norm", "not fused: two passes of MLX's own means")
def layer_norm_not_fused(x: mx.array, weight: mx.array, bias: mx.array, eps: float) -> mx.array:
    unit = _normalized(_wide(x), eps, lambda y: mx.mean(y, axis=-1, keepdims=True))
    return mx.add(mx.multiply(unit, _wide(weight)), _wide(bias)).astype(x.dtype)


@variant("layer_norm", "means by halves, divided by √ instead of multiplied by 1/√")
def layer_norm_by_halves(x: mx.array, weight: mx.array, bias: mx.array, eps: float) -> mx.array:
    wide, n = _wide(x), mx.array(x.shape[-1], dtype=mx.float32)
    centred = mx.subtract(wide, mx.divide(_pairwise(wide), n)[..., None])
    variance = mx.divide(_pairwise(mx.square(centred)), n)[..., None]
    unit = mx.divide(centred, mx.sqrt(mx.add(variance, mx.array(eps, dtype=mx.float32))))
    return mx.add(mx.multiply(unit, _wide(weight)), _wide(bias)).astype(x.dtype)


@variant("layer_norm", "weight and bias in one fused multiply-add")
def layer_norm_fused_affine(x: mx.array, weight: mx.array, bias: mx.array, eps: float) -> mx.array:
    unit = _normalized(_wide(x), eps, lambda y: mx.mean(y, axis=-1, keepdims=True))
    return _fma(unit, _wide(weight), _wide(bias)).astype(x.dtype)


@variant("softmax", "written out: exponentials over their sum in sequence")
def softmax_written_out(x: mx.array, axis: int) -> mx.array:
    wide = _wide(x)
    e = mx.exp(mx.subtract(wide, mx.max(wide, axis=axis, keepdims=True)))
    return mx.divide(e, mx.expand_dims(_sequential(e, axis), axis)).astype(x.dtype)


@variant("softmax", "through the logarithm of the sum")
def softmax_by_logarithm(x: mx.array, axis: int) -> mx.array:
    wide = _wide(x)
    return mx.exp(mx.subtract(wide, mx.logsumexp(wide, axis=axis, keepdims=True))).astype(x.dtype)


@variant("masked_mean", "the sum in sequence, from the end")
def masked_mean_backwards(x: mx.array, mask: mx.array) -> mx.array:
    weights = mask.astype(mx.float32)[..., None]
    total = _sequential(mx.multiply(_wide(x), weights)[:, ::-1], 1)
    return mx.divide(total, mx.sum(weights, axis=1)).astype(x.dtype)


@variant("l2_normalize", "times 1/√ of a sum by halves")
def l2_normalize_by_halves(x: mx.array, eps: float = 1e-12) -> mx.array:
    wide = _wide(x)
    square = mx.maximum(_pairwise(mx.square(wide)), mx.array(eps * eps, dtype=mx.float32))
    return mx.multiply(wide, mx.rsqrt(square)[..., None]).astype(x.dtype)


# -- element by element ---------------------------------------------------------------------------------


@variant("gelu", "x·Φ(x) with the halving last")
def gelu_halved_last(x: mx.array) -> mx.array:
    wide = _wide(x)
    erf = mx.erf(mx.divide(wide, mx.array(math.sqrt(2), dtype=mx.float32)))
    return mx.divide(mx.multiply(wide, mx.add(1, erf)), 2).astype(x.dtype)


@variant("silu", "x/(1 + exp(−x))")
def silu_by_division(x: mx.array) -> mx.array:
    wide = _wide(x)
    return mx.divide(wide, mx.add(1, mx.exp(mx.negative(wide)))).astype(x.dtype)


@variant("sine", "the factors of the phase in another order")
def sine_other_order(x: mx.array, freq: mx.array, w_mod: float = 1) -> mx.array:
    phase = mx.multiply(mx.multiply(_wide(freq), _wide(x)), mx.array(w_mod, dtype=mx.float32))
    return mx.sin(phase).astype(x.dtype)


@variant("exponential_modulation", "the shift distributed, with a fused multiply-add")
def modulation_fused(h: mx.array, t: mx.array, deltas: mx.array, shift: float = 0.0) -> mx.array:
    decay = mx.exp(mx.negative(mx.multiply(_wide(t), mx.abs(_wide(deltas)))))
    extra = mx.multiply(_wide(h), mx.array(shift, dtype=mx.float32))
    return _fma(_wide(h), mx.broadcast_to(decay, h.shape), extra).astype(h.dtype)


# -- losses ---------------------------------------------------------------------------------------------


@variant("cross_entropy", "through log-softmax, each row's part added in sequence")
def cross_entropy_by_rows(logits: mx.array, labels: mx.array) -> mx.array:
    wide = _wide(logits)
    shifted = mx.subtract(wide, mx.max(wide, axis=-1, keepdims=True))
    logarithms = mx.subtract(shifted, mx.log(mx.sum(mx.exp(shifted), axis=-1, keepdims=True)))
    kept = mx.not_equal(labels, -100)
    picked = mx.take_along_axis(logarithms, mx.where(kept, labels, 0)[:, None], axis=-1)[:, 0]
    total = _sequential(mx.where(kept, mx.negative(picked), 0.0), 0)
    return mx.reshape(mx.divide(total, mx.sum(kept.astype(mx.float32))), (1,)).astype(logits.dtype)


@variant("mse_loss", "a product of the error with itself over n")
def mse_by_product(prediction: mx.array, target: mx.array) -> mx.array:
    error = mx.reshape(mx.subtract(_wide(prediction), _wide(target)), (-1,))
    return mx.reshape(mx.divide(mx.inner(error, error), error.size), (1,)).astype(prediction.dtype)

"""Ports that are wrong in ways that ports really are, one word each, for ``--swap``."""

import mlx.core as mx

from mlx_impl import ops

_blockdiag_multiply = ops.blockdiag_multiply
_depthwise_conv1d = ops.depthwise_conv1d
_embedding = ops.embedding
_exponential_modulation = ops.exponential_modulation
_layer_norm = ops.layer_norm
_linear = ops.linear
_long_conv = ops.long_conv
_sine = ops.sine
_softmax = ops.softmax
_split = ops.split
_cross_entropy = ops.cross_entropy


def gelu_tanh(x):
    """The tanh approximation in place of erf."""
    return ops.gelu_tanh(x)


def gelu_sigmoid(x):
    """x·sigmoid(1.702·x)."""
    return mx.multiply(x, mx.sigmoid(mx.multiply(mx.array(1.702, dtype=x.dtype), x)))


def linear_without_bias(x, weight, bias=None):
    """The bias forgotten."""
    return _linear(x, weight, None)


def linear_in_half(x, weight, bias=None):
    """Products in bfloat16, as a fast mode has them."""
    y = mx.matmul(x.astype(mx.bfloat16), mx.transpose(weight.astype(mx.bfloat16))).astype(x.dtype)
    return y if bias is None else mx.add(y, bias)


def conv_centred(x, weight, bias, padding):
    """Padding 1, a filter that looks ahead, in place of 2 cut to the length."""
    y = _depthwise_conv1d(x, weight, bias, 1)
    return mx.pad(y, [(0, 0), (0, 0), (0, 2 * padding - 2)]) if padding > 1 else y[..., :-1]


def conv_flipped(x, weight, bias, padding):
    """Taps in the other order."""
    return _depthwise_conv1d(x, weight[..., ::-1], bias, padding)


def conv_without_bias(x, weight, bias, padding):
    """The bias forgotten."""
    return _depthwise_conv1d(x, weight, mx.zeros_like(bias), padding)


def long_conv_wrapped(u, k, D, k_rev=None):
    """An FFT no longer than the signal: the end wraps around to the beginning."""
    n = u.shape[-1]
    spectrum = mx.multiply(mx.fft.rfft(u, n=n), mx.fft.rfft(k[:, :n], n=n))
    return mx.add(mx.fft.irfft(spectrum, n=n), mx.multiply(u, D[:, None])).astype(u.dtype)


def long_conv_without_skip(u, k, D, k_rev=None):
    """D·u forgotten."""
    return _long_conv(u, k, mx.zeros_like(D), k_rev)


def long_conv_scaled_twice(u, k, D, k_rev=None):
    """1/n on the spectrum and on the inverse."""
    n = mx.array(2.0 * u.shape[-1], dtype=u.dtype)
    skip = mx.multiply(u, D[:, None])
    return mx.add(mx.divide(mx.subtract(_long_conv(u, k, D, k_rev), skip), n), skip)


def reverse_off_by_one(k, k_rev):
    """Lag −1 is k_rev[1]: the reverse kernel one place too far left."""
    length = k.shape[-1]
    back = mx.pad(k_rev[..., ::-1], [(0, 0), (length - 1, 1)])
    return mx.add(mx.pad(k, [(0, 0), (0, length)]), back)


def reverse_not_flipped(k, k_rev):
    """The reverse kernel as it is."""
    length = k.shape[-1]
    ahead = mx.pad(k_rev, [(0, 0), (length, 0)])
    return mx.add(mx.pad(k, [(0, 0), (0, length)]), ahead)


def layer_norm_epsilon(x, weight, bias, eps):
    """1e-5 whatever the configuration says."""
    return _layer_norm(x, weight, bias, 1e-5)


def layer_norm_epsilon_outside(x, weight, bias, eps):
    """(x − mean)/(√var + eps)."""
    mean = mx.mean(x, axis=-1, keepdims=True)
    centred = mx.subtract(x, mean)
    deviation = mx.sqrt(mx.mean(mx.square(centred), axis=-1, keepdims=True))
    return mx.add(mx.multiply(mx.divide(centred, mx.add(deviation, eps)), weight), bias)


def layer_norm_without_weight(x, weight, bias, eps):
    """The weight left at one."""
    return _layer_norm(x, mx.ones_like(weight), bias, eps)


def softmax_other_axis(x, axis):
    """Over the axis before."""
    return _softmax(x, axis - 1)


def softmax_in_half(x, axis):
    """Accumulated in the storage format, as MLX does unless told otherwise."""
    return mx.softmax(x, axis=axis)


def masked_mean_over_padding(x, mask):
    """The mean over everything."""
    return mx.mean(x, axis=1)


def split_exchanged(x, sizes, axis):
    """The halves (thirds) of a gate the other way round."""
    parts = _split(x, sizes, axis)
    return (*parts[1:], parts[0])


def blocks_transposed(x, weight):
    """Every block transposed, where that fits."""
    if weight.shape[1] == weight.shape[2]:
        weight = mx.swapaxes(weight, 1, 2)
    else:
        weight = mx.reshape(mx.swapaxes(weight, 1, 2), weight.shape)
    return _blockdiag_multiply(x, weight)


def modulation_grows(h, t, deltas, shift=0.0):
    """exp(+t·|δ|) in place of exp(−t·|δ|)."""
    return _exponential_modulation(h, mx.negative(t), deltas, shift)


def sine_without_frequency(x, freq, w_mod=1):
    """The trained frequency left at one."""
    return _sine(x, mx.ones_like(freq), w_mod)


def embedding_off_by_one(ids, weight, padding_idx=None):
    """The row before."""
    return _embedding(mx.maximum(mx.subtract(ids, 1), 0), weight, padding_idx)


def cross_entropy_with_ignored(logits, labels):
    """Ignored labels counted in the mean."""
    kept = mx.sum(mx.not_equal(labels, -100)).astype(logits.dtype)
    return mx.multiply(_cross_entropy(logits, labels), mx.divide(kept, labels.size))


def constant(x):
    """Whatever the question, zeros."""
    return mx.zeros_like(x)


def all_nan(x):
    """Not a number, everywhere."""
    return mx.full(x.shape, float("nan"), dtype=x.dtype)


def one_nan(x):
    """Right but for one element."""
    y = mx.multiply(x, mx.sigmoid(x))
    y[..., -1] = float("nan")
    return y


def other_dtype(x):
    """Right, in another format."""
    return ops.silu(x).astype(mx.float16)


def other_shape(x):
    """Right, with its axes exchanged."""
    return mx.transpose(ops.silu(x))


def swapped_axes_same_shape(x):
    """The right numbers in the wrong places of the right shape."""
    return mx.reshape(mx.transpose(ops.silu(x)), x.shape)


def raises(x):
    """Nothing but an exception."""
    raise RuntimeError("no such kernel")

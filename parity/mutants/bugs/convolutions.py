"""The short convolution, and the long one by FFT."""

import mlx.core as mx

from mlx_impl import ops
from parity.mutants import bug

_bidirectional_kernel = ops.bidirectional_kernel
_depthwise_conv1d = ops.depthwise_conv1d
_fftconv = ops.fftconv
_long_conv = ops.long_conv


@bug(
    "mlx_impl.ops.depthwise_conv1d",
    seen="maxim5/time-series-machine-learning#12: 'same' padding lets a convolution look ahead",
)
def conv_centred(x, weight, bias, padding):
    """Padding 1, a filter that looks ahead, in place of 2 cut to the length."""
    y = _depthwise_conv1d(x, weight, bias, 1)
    return mx.pad(y, [(0, 0), (0, 0), (0, 2 * padding - 2)]) if padding > 1 else y[..., :-1]


@bug("mlx_impl.ops.depthwise_conv1d", seen="keras-team/keras#3015: Theano flips kernels, TensorFlow does not")
def conv_flipped(x, weight, bias, padding):
    """Taps in the other order."""
    return _depthwise_conv1d(x, weight[..., ::-1], bias, padding)


@bug(
    "mlx_impl.ops.depthwise_conv1d",
    seen="MLX documentation: mx.conv1d has no bias argument, torch.nn.functional.conv1d has one",
)
def conv_without_bias(x, weight, bias, padding):
    """The bias forgotten."""
    return _depthwise_conv1d(x, weight, mx.zeros_like(bias), padding)


@bug(
    "encoder.layer.1.attention.short_filter",
    seen="r9y9/wavenet_vocoder#131: padded on both sides, and which end to cut is a question",
)
def conv_cut_at_the_wrong_end(module, x):
    """What is there after the cut are the last outputs, not the first."""
    return mx.roll(module(x), -module.padding, -1)


@bug(
    "mlx_impl.ops.depthwise_conv1d",
    seen="Blaizzy/mlx-audio#715: (O, I, K) to (O, K, I) guessed from shapes, by a transpose or none",
    equivalent="a depthwise filter has one input channel, so (c, 1, k) and (c, k, 1) hold the same order",
)
def conv_weight_reshaped(x, weight, bias, padding):
    """A reshape of the weight where MLX's layout asks for a transpose."""
    channels, _, taps = weight.shape
    filters = mx.swapaxes(mx.reshape(weight, (channels, taps, 1)), 1, 2)
    return _depthwise_conv1d(x, filters, bias, padding)


@bug(
    "mlx_impl.ops.gated_short_conv",
    seen="HazyResearch/safari, hyena.py: the order of x1, x2 and v is a convention of each implementation",
    case="gated_short_conv",
)
def gated_conv_of_the_wrong_third(x, weight, bias):
    """x2 multiplied and x1 passed on."""
    y = _depthwise_conv1d(x, weight, bias, weight.shape[-1] - 1)[..., : x.shape[-1]]
    x1, x2, v = mx.split(y, 3, axis=1)
    return x1, mx.multiply(v, x2)


@bug(
    "mlx_impl.ops.gated_short_conv",
    seen="microsoft/Tutel#127: the backward pass of a gate that was written by hand, mended",
    case="gated_short_conv;vjp",
)
def gated_conv_gradient_of_one_factor(x, weight, bias):
    """The product's gradient for v alone, x1 taken for a constant."""
    y = _depthwise_conv1d(x, weight, bias, weight.shape[-1] - 1)[..., : x.shape[-1]]
    x1, x2, v = mx.split(y, 3, axis=1)
    return x2, mx.multiply(v, mx.stop_gradient(x1))


@bug(
    "mlx_impl.ops.long_conv",
    seen="HazyResearch/flash-fft-conv#31: an FFT as long as the input is a circular convolution",
)
def fft_wraps_around(u, k, D, k_rev=None):
    """An FFT no longer than the signal: the end wraps around to the beginning."""
    n = u.shape[-1]
    spectrum = mx.multiply(mx.fft.rfft(u, n=n), mx.fft.rfft(k[:, :n], n=n))
    return mx.add(mx.fft.irfft(spectrum, n=n), mx.multiply(u, D[:, None])).astype(u.dtype)


@bug(
    "mlx_impl.ops.long_conv",
    seen="gadgetron/gadgetron#43: transforms of one library scale once, or both ways",
)
def fft_scaled_twice(u, k, D, k_rev=None):
    """1/n on the spectrum and on the inverse."""
    n = mx.array(2.0 * u.shape[-1], dtype=u.dtype)
    skip = mx.multiply(u, D[:, None])
    return mx.add(mx.divide(mx.subtract(_long_conv(u, k, D, k_rev), skip), n), skip)


@bug("mlx_impl.ops.long_conv", seen="mborgerding/kissfft#114: a new version's inverse no longer divides by n")
def fft_never_scaled(u, k, D, k_rev=None):
    """1/n neither on the spectrum nor on the inverse."""
    n = mx.array(2.0 * u.shape[-1], dtype=u.dtype)
    skip = mx.multiply(u, D[:, None])
    return mx.add(mx.multiply(mx.subtract(_long_conv(u, k, D, k_rev), skip), n), skip)


@bug(
    "mlx_impl.ops.long_conv",
    seen="NVIDIA-NeMo/Speech#9264: the fused convolution leaves u·D to its caller, the other one adds it",
)
def long_conv_without_skip(u, k, D, k_rev=None):
    """D·u forgotten."""
    return _long_conv(u, k, mx.zeros_like(D), k_rev)


@bug(
    "mlx_impl.ops.long_conv",
    seen="lucidrains/gated-state-spaces-pytorch#1: a conjugate in the convolution reverses the kernel",
)
def fft_of_the_conjugate(u, k, D, k_rev=None):
    """A correlation: every lag has the other sign."""
    n = 2 * u.shape[-1]
    spectrum = mx.multiply(mx.fft.rfft(u, n=n), mx.conjugate(mx.fft.rfft(k, n=n)))
    return mx.add(mx.fft.irfft(spectrum, n=n)[..., : u.shape[-1]], mx.multiply(u, D[:, None])).astype(u.dtype)


@bug(
    "mlx_impl.ops.long_conv",
    seen="HazyResearch/safari#6: a kernel of FFTs whose length has to be a power of two",
    case="BertForMaskedLM;l=33",
)
def fft_of_the_next_power_of_two(u, k, D, k_rev=None):
    """Zeros between the positive and the negative lags: those wrap around from elsewhere."""
    length = u.shape[-1]
    n = 1 << (2 * length - 1).bit_length()
    spectrum = mx.multiply(mx.fft.rfft(u, n=n), mx.fft.rfft(k, n=n))
    return mx.add(mx.fft.irfft(spectrum, n=n)[..., :length], mx.multiply(u, D[:, None])).astype(u.dtype)


@bug(
    "mlx_impl.ops.long_conv",
    seen="HazyResearch/flash-fft-conv#12: a kernel of l taps is causal, one of 2·l has both directions",
)
def kernel_cut_to_the_length(u, k, D, k_rev=None):
    """The negative lags cut off."""
    return _long_conv(u, k[:, : u.shape[-1]], D, k_rev)


@bug(
    "mlx_impl.ops.long_conv",
    seen="PyTorch documentation: torch.fft.irfft without n assumes an even length",
    equivalent="the transform has 2·l points, which is even, and that is what irfft assumes",
)
def irfft_without_length(u, k, D, k_rev=None):
    """The inverse left to guess its length."""
    n, wide = 2 * u.shape[-1], u.astype(mx.float32)
    spectrum = mx.divide(mx.fft.rfft(k.astype(mx.float32), n=n), mx.array(n, dtype=mx.float32))
    if k_rev is not None:
        back = mx.divide(mx.fft.rfft(k_rev.astype(mx.float32), n=n), mx.array(n, dtype=mx.float32))
        spectrum = mx.add(spectrum, mx.conjugate(back))
    y = mx.fft.irfft(mx.multiply(mx.fft.rfft(wide, n=n), spectrum), norm="forward")[..., : u.shape[-1]]
    return mx.add(y, mx.multiply(wide, D.astype(mx.float32)[:, None])).astype(u.dtype)


@bug(
    "mlx_impl.ops.fftconv",
    seen="HazyResearch/m2 hyena_utils.py: fftconv_ref ends in a GELU by default, HyenaFilter says not to",
    case="fftconv",
)
def fftconv_without_gelu(u, k, D, dropout_mask=None, gelu=True, k_rev=None):
    """The default taken for the one that the filter passes."""
    return _fftconv(u, k, D, dropout_mask, False, k_rev)


@bug(
    "mlx_impl.ops.bidirectional_kernel",
    seen="HazyResearch/safari#7: two-sided convolutions of S4 and of H3 differ by one lag",
)
def reverse_off_by_one(k, k_rev):
    """Lag −2 has what lag −1 should have."""
    length = k.shape[-1]
    back = mx.pad(k_rev[..., ::-1], [(0, 0), (length - 1, 1)])
    return mx.add(mx.pad(k, [(0, 0), (0, length)]), back)


@bug(
    "mlx_impl.ops.bidirectional_kernel",
    seen="HazyResearch/m2 hyena_utils.py: with k_rev as an argument, not in the kernel, both share lag 0",
)
def reverse_shares_lag_zero(k, k_rev):
    """Lag 0 has k[0] + k_rev[0], lag −j has k_rev[j]."""
    both = mx.add(k[:, :1], k_rev[:, :1])
    back = mx.concatenate([mx.zeros_like(k[:, :1]), mx.flip(k_rev[:, 1:], -1)], axis=-1)
    return mx.concatenate([both, k[:, 1:], back], axis=-1)


@bug(
    "mlx_impl.ops.bidirectional_kernel",
    seen="org-arl/SignalAnalysis.jl#45: a circular correlation that was called convolution",
)
def reverse_not_flipped(k, k_rev):
    """The reverse kernel as it is."""
    return mx.concatenate([k, k_rev], axis=-1)


@bug(
    "mlx_impl.ops.bidirectional_kernel",
    seen="Keras documentation: Bidirectional's merge_mode is one of sum, mul, concat, ave",
)
def reverse_averaged(k, k_rev):
    """The mean of both directions in place of their sum."""
    both = _bidirectional_kernel(k, k_rev)
    return mx.multiply(both, mx.array(0.5, dtype=both.dtype))


@bug(
    "mlx_impl.ops.gated_long_conv",
    seen="HazyResearch/m2, MonarchMixerSequenceMixing: the residual path joins after the gate, not before",
    case="gated_long_conv",
)
def gated_conv_residual_before_the_gate(u, k, D, gate, extra=None, k_rev=None):
    """(long_conv + extra)·gate."""
    y = _long_conv(u, k, D, k_rev)
    return mx.multiply(y if extra is None else mx.add(y, extra), gate)


@bug(
    "mlx_impl.ops.gated_long_conv",
    seen="HazyResearch/m2, fftconv_ref: the skip is added before anything multiplies the result",
    case="gated_long_conv",
)
def gated_conv_skip_after_the_gate(u, k, D, gate, extra=None, k_rev=None):
    """The skip D·u left out of what the gate multiplies."""
    plain = mx.subtract(_long_conv(u, k, D, k_rev), mx.multiply(u, D[:, None]))
    y = mx.add(mx.multiply(plain, gate), mx.multiply(u, D[:, None]))
    return y if extra is None else mx.add(y, extra)

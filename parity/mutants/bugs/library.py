"""Words that the model does not say, but other ports do: as they are got wrong."""

import math

import mlx.core as mx

from mlx_impl import ops
from mlx_impl.ops._precision import scalar
from parity.mutants import bug

_conv1d = ops.conv1d
_conv1d_fft = ops.conv1d_fft
_hyena_filter_forward = ops.hyena_filter_forward
_log_softmax = ops.log_softmax
_long_conv_bidirectional = ops.long_conv_bidirectional
_masked_softmax = ops.masked_softmax
_monarch_conv = ops.monarch_conv
_monarch_matmul = ops.monarch_matmul
_monarch_mlp_forward = ops.monarch_mlp_forward
_safe_divide = ops.safe_divide
_safe_log = ops.safe_log


@bug(
    "mlx_impl.ops.conv1d",
    seen="Blaizzy/mlx-audio#715: (O, I, K) to (O, K, I) guessed from shapes, by a transpose or none",
    name="conv1d-weight-reshaped",
    case="conv1d",
)
def conv1d_weight_reshaped(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A reshape to MLX's layout in place of a transpose: with several inputs taps and channels mix."""
    o, i, k = weight.shape
    mixed = mx.swapaxes(mx.reshape(weight, (o, k, i)), 1, 2)
    return _conv1d(x, mixed, bias, stride, padding, dilation, groups)


@bug(
    "mlx_impl.ops.conv1d",
    seen="MLX documentation: mx.conv1d has no bias argument, torch.nn.functional.conv1d has one",
    case="conv1d;vjp",
)
def conv1d_without_bias(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The bias forgotten."""
    return _conv1d(x, weight, None, stride, padding, dilation, groups)


@bug(
    "mlx_impl.ops.conv1d_fft",
    seen="HazyResearch/flash-fft-conv#31: an FFT as long as the input is a circular convolution",
    case="conv1d_fft",
)
def conv1d_fft_wraps_around(x, k, bias=None):
    """As many points as the signal has."""
    n = x.shape[-1]
    product = mx.multiply(mx.fft.rfft(x, n=n), mx.fft.rfft(k, n=n))
    y = mx.fft.irfft(product, n=n)
    return y.astype(x.dtype) if bias is None else mx.add(y, bias[:, None]).astype(x.dtype)


@bug(
    "mlx_impl.ops.conv1d_fft",
    seen="numpy documentation: numpy.correlate conjugates what numpy.convolve reverses",
    case="conv1d_fft",
)
def conv1d_fft_as_correlation(x, k, bias=None):
    """Cross-correlation, as conv1d means convolution: tap j meets what comes j steps later."""
    flipped = _conv1d_fft(mx.flip(x, -1), k)
    y = mx.flip(flipped, -1)
    return y if bias is None else mx.add(y, bias[:, None])


@bug(
    "mlx_impl.ops.conv1d_fft_with_bias",
    seen="NVIDIA-NeMo/Speech#9264: the fused convolution leaves u·D to its caller, the other one adds it",
    case="conv1d_fft_with_bias",
)
def conv_bias_as_skip(x, k, bias):
    """The bias taken for Hyena's skip weight, which is called bias there: b·x in place of b."""
    return mx.add(_conv1d_fft(x, k), mx.multiply(x, bias[:, None]))


@bug(
    "mlx_impl.ops.long_conv_bidirectional",
    seen="HazyResearch/m2 hyena_utils.py: with k_rev as an argument, not in the kernel, both share lag 0",
    case="long_conv_bidirectional",
)
def forms_exchanged(u, k, k_rev, D, form="conjugate"):
    """One canonical form for the other: they differ by one lag."""
    return _long_conv_bidirectional(u, k, k_rev, D, "padded" if form == "conjugate" else "conjugate")


@bug(
    "mlx_impl.ops.monarch_matmul",
    seen="HazyResearch/fly#8: a Monarch layer written anew, with its permutation in the middle",
    case="monarch_matmul",
)
def monarch_read_by_rows(x, w1, w2):
    """The first permutation forgotten: Dao's P·L·Pᵀ·R, which is not the DFT's form."""
    return ops.blockdiag_butterfly_multiply(x, w1, w2)


@bug(
    "mlx_impl.ops.monarch_conv",
    seen="Bailey 1990, FFTs in external memory: the third of four steps multiplies by roots of unity",
    case="monarch_conv",
)
def monarch_without_twiddles(u, k, D):
    """Two stages with nothing between them: a transform of two dimensions, another convolution."""
    d, length = k.shape[0], u.shape[-1]
    side = math.isqrt(2 * length - 1) + 1
    other = -(-2 * length // side)

    def square(x):
        padded = mx.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, side * other - x.shape[-1])])
        return mx.fft.rfft2(mx.reshape(padded, (*x.shape[:-1], side, other)))

    y = mx.fft.irfft2(mx.multiply(square(u), square(k[:, :length])), s=(side, other))
    y = mx.reshape(y, (u.shape[0], d, side * other))[..., :length]
    return mx.add(y, mx.multiply(u, D[:, None])).astype(u.dtype)


@bug(
    "mlx_impl.ops.monarch_conv",
    seen="HazyResearch/flash-fft-conv#12: a kernel of l taps is causal, one of 2·l has both directions",
    case="monarch_conv",
)
def monarch_kernel_not_moved(u, k, D):
    """More points than 2·l, and the negative lags left where they were: they wrap around from elsewhere."""
    length = u.shape[-1]
    side = math.isqrt(2 * length - 1) + 1
    n = side * -(-2 * length // side)
    product = mx.multiply(mx.fft.rfft(u, n=n), mx.fft.rfft(k, n=n))
    y = mx.fft.irfft(product, n=n)[..., :length]
    return mx.add(y, mx.multiply(u, D[:, None])).astype(u.dtype)


@bug(
    "mlx_impl.ops.monarch_mlp_forward",
    seen="HazyResearch/m2 bert_layers.py: of the two halves the first goes through the activation",
    case="monarch_mlp_forward",
)
def monarch_mlp_halves_exchanged(x, w1, w2, b1=None, b2=None, gated=True, features=None):
    """a⊙gelu(c) for gelu(a)⊙c."""
    f = w1.shape[0] * w1.shape[1] if features is None else features
    hidden = ops.blockdiag_multiply(ops.pad_features(x, w1.shape[0] * w1.shape[2]), w1)[..., :f]
    hidden = hidden if b1 is None else mx.add(hidden, b1)
    a, c = mx.split(hidden, 2, axis=-1)
    hidden = mx.multiply(a, ops.gelu(c)) if gated else ops.gelu(hidden)
    y = ops.blockdiag_multiply(ops.pad_features(hidden, w2.shape[0] * w2.shape[2]), w2)[..., : x.shape[-1]]
    return y if b2 is None else mx.add(y, b2)


@bug(
    "mlx_impl.ops.monarch_mlp_forward",
    seen="Shazeer 2020, GLU variants: which activation the gate has is what tells them apart",
    case="monarch_mlp_forward",
)
def mlp_gate_left_out(x, w1, w2, b1=None, b2=None, gated=True, features=None):
    """gelu(a)·1: the second half computed and not used."""
    f = w1.shape[0] * w1.shape[1] if features is None else features
    if not gated:
        return _monarch_mlp_forward(x, w1, w2, b1, b2, False, features)
    hidden = ops.blockdiag_multiply(ops.pad_features(x, w1.shape[0] * w1.shape[2]), w1)[..., : f // 2]
    hidden = ops.gelu(hidden if b1 is None else mx.add(hidden, b1[: f // 2]))
    y = ops.blockdiag_multiply(ops.pad_features(hidden, w2.shape[0] * w2.shape[2]), w2)[..., : x.shape[-1]]
    return y if b2 is None else mx.add(y, b2)


@bug(
    "mlx_impl.ops.hyena_filter_forward",
    seen="vsitzmann/siren#4: the frequency scales the first layer, the hidden layers, or both",
    case="hyena_filter_forward",
)
def filter_with_plain_sines(
    z, t, w_in, b_in, w_inner, b_inner, w_out, freq, deltas,
    w_mod=1.0, modulate=True, shift=0.0, normalized=False,
):  # fmt: skip
    """The trained frequency in the first sine alone."""
    h = ops.sine(ops.linear(z, w_in, b_in), freq, w_mod)
    for i in range(w_inner.shape[0]):
        h = mx.sin(ops.linear(h, w_inner[i], b_inner[i]))
    h = ops.linear(h, w_out)
    h = ops.exponential_modulation(h, t, deltas, shift) if modulate else h
    return ops.l1_normalize(h) if normalized else h


@bug(
    "mlx_impl.ops.log_softmax",
    seen="PyTorch documentation: log(softmax(x)) is slower and numerically unstable; use log_softmax",
    case="log_softmax;kind=wide",
)
def log_of_softmax(x, axis):
    """The logarithm of what has underflowed."""
    return mx.log(mx.softmax(x, axis=axis))


@bug(
    "mlx_impl.ops.masked_softmax",
    seen="pytorch/pytorch#41508: attention over rows that are masked throughout is NaN",
    case="masked_softmax;kind=nan",
)
def masked_rows_are_nan(x, mask, axis):
    """−∞ where the mask is 0: a row of nothing but −∞ is NaN."""
    low = mx.array(-float("inf"), dtype=x.dtype)
    return mx.softmax(mx.where(mx.not_equal(mask, scalar(0, mask)), x, low), axis=axis)


@bug(
    "mlx_impl.ops.masked_softmax",
    seen="transformers modeling_utils.py: (1 − mask)·−10000 added to the scores, a bias and not a mask",
    case="masked_softmax",
)
def mask_multiplied(x, mask, axis):
    """Scores times the mask: what is masked still gets exp(0)."""
    return _masked_softmax(mx.multiply(x, mask.astype(x.dtype)), mx.ones_like(mask), axis)


@bug(
    "mlx_impl.ops.masked_softmax",
    seen="pytorch/pytorch#101967: a NaN at a position that is masked out makes the whole row NaN",
    case="masked_softmax;l=8;d=64;kind=nan",
)
def mask_added(x, mask, axis):
    """0 or −∞ added, which NaN + −∞ and +∞ + −∞ survive; rows without any position are 0."""
    kept = mx.not_equal(mask, scalar(0, mask))
    bias = mx.where(kept, mx.array(0, dtype=x.dtype), mx.array(-float("inf"), dtype=x.dtype))
    some = mx.any(kept, axis=axis, keepdims=True)
    return mx.where(some, mx.softmax(mx.add(x, bias), axis=axis), mx.array(0, dtype=x.dtype))


@bug(
    "mlx_impl.ops.safe_divide",
    seen="TensorFlow documentation: divide_no_nan is 0 where the denominator is, x/(y + ε) is not",
    case="safe_divide;kind=small",
)
def divisor_with_epsilon(x, y, default=0.0):
    """x/(y + 1e-8): every quotient changed, and a negative divisor may become zero."""
    return mx.divide(x, mx.add(y, mx.array(1e-8, dtype=y.dtype)))


@bug(
    "mlx_impl.ops.safe_divide",
    seen="jax-ml/jax#1052: where() hides the NaN of a division, and its gradient brings it back",
    case="safe_divide;kind=zeros;vjp",
)
def divided_before_it_is_selected(x, y, default=0.0):
    """Selected after the division alone: the gradient at zero is 0·∞."""
    zero = mx.equal(y, mx.array(0, dtype=y.dtype))
    return mx.where(zero, mx.array(default, dtype=x.dtype), mx.divide(x, y))


@bug(
    "mlx_impl.ops.safe_log",
    seen="iesl/box-embeddings#9: an epsilon added to the argument of log, in place of clamping to it",
    case="safe_log;kind=small;opt.eps=1e-6",
)
def logarithm_with_epsilon(x, eps=2.0**-126):
    """log(x + ε)."""
    return mx.log(mx.add(mx.maximum(x, mx.array(0, dtype=x.dtype)), mx.array(eps, dtype=x.dtype)))


@bug(
    "mlx_impl.ops.safe_log",
    seen="jax-ml/jax#5798: a gradient through where() is NaN by the branch that is not taken",
    case="safe_log;kind=zeros;vjp",
)
def logarithm_before_it_is_selected(x, eps=2.0**-126):
    """Selected after the logarithm alone: the gradient at zero is 0·∞."""
    low = mx.less_equal(x, mx.array(eps, dtype=x.dtype))
    return mx.where(low, mx.array(math.log(eps), dtype=x.dtype), mx.log(x))

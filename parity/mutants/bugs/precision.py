"""Right formulas in too few bits."""

import mlx.core as mx

from mlx_impl import ops
from mlx_impl.ops._precision import scalar
from parity.mutants import bug

from ._cases import CALM

_blockdiag_multiply = ops.blockdiag_multiply
_depthwise_conv1d = ops.depthwise_conv1d
_linear = ops.linear
_long_conv = ops.long_conv
_sine = ops.sine


def _tf32(x):
    """Ten bits of mantissa, rounded to nearest."""
    bits = x.view(mx.uint32)
    bits = mx.bitwise_and(mx.add(bits, scalar(0x1000, bits)), scalar(0xFFFFE000, bits))
    return bits.view(mx.float32)


@bug(
    "mlx_impl.ops.linear",
    seen="jax-ml/jax#14022: products of float32 in fewer bits, by default of the device",
)
def linear_in_bfloat16(x, weight, bias=None):
    """Products in bfloat16, as a fast mode has them."""
    y = mx.matmul(x.astype(mx.bfloat16), mx.transpose(weight.astype(mx.bfloat16))).astype(x.dtype)
    return y if bias is None else mx.add(y, bias)


@bug("mlx_impl.ops.linear", seen="ml-explore/mlx#3860: float32 products in TF32 unless MLX_ENABLE_TF32=0")
def linear_in_tf32(x, weight, bias=None):
    """Factors of ten bits, sums in float32."""
    return _linear(_tf32(x), _tf32(weight), bias)


@bug(
    "mlx_impl.ops.linear",
    seen="ml-explore/mlx#963: kernels that multiply and add in float16, or add in float32",
    dtype="float16",
    case="linear;l=16;i=768;o=8;dtype=f16",
)
def linear_added_in_half(x, weight, bias=None):
    """One running sum in the storage format."""
    y = mx.cumsum(mx.multiply(mx.expand_dims(x, -2), weight), axis=-1)[..., -1]
    return y if bias is None else mx.add(y, bias)


@bug(
    "mlx_impl.ops.matmul",
    seen="pytorch/pytorch#67384: whether products should be in TF32 by default, and whom it surprised",
    case="matmul",
)
def matmul_in_tf32(a, b):
    """Factors of ten bits, sums in float32."""
    return mx.matmul(_tf32(a), _tf32(b))


@bug(
    "mlx_impl.ops.add",
    seen="transformers MambaConfig: residual_in_fp32 says whether residuals are kept in float32",
)
def residual_in_half(x, y):
    """Sums rounded to bfloat16."""
    return mx.add(x, y).astype(mx.bfloat16).astype(x.dtype)


@bug(
    "mlx_impl.ops.blockdiag_multiply",
    seen="pytorch/pytorch#53635: products of float32 rounded on a GPU of the 30 series",
    case=CALM,
)
def blocks_in_tf32(x, weight):
    """Factors of ten bits, sums in float32."""
    return _blockdiag_multiply(_tf32(x), _tf32(weight))


@bug(
    "mlx_impl.ops.depthwise_conv1d",
    seen="PyTorch documentation: torch.backends.cudnn.allow_tf32 is on by default, for convolutions",
    case=CALM,
)
def conv_in_tf32(x, weight, bias, padding):
    """Factors of ten bits, sums in float32."""
    return _depthwise_conv1d(_tf32(x), _tf32(weight), bias, padding)


@bug(
    "mlx_impl.ops.long_conv",
    seen="HazyResearch/m2 hyena_utils.py: the fused path casts the signal to bfloat16",
)
def long_conv_of_bfloat16(u, k, D, k_rev=None):
    """The signal rounded before it is transformed."""
    return _long_conv(u.astype(mx.bfloat16).astype(u.dtype), k, D, k_rev)


@bug(
    "mlx_impl.ops.softmax",
    seen="ml-explore/mlx#4178: mx.softmax adds in the input's format unless precise=True",
    dtype="bfloat16",
    case="softmax;l=16;d=768;dtype=bf16",
)
def softmax_in_half(x, axis):
    """Accumulated in the storage format, as MLX does unless told otherwise."""
    return mx.softmax(x, axis=axis)


@bug(
    "mlx_impl.ops.layer_norm",
    seen="pytorch/pytorch#66707: layer_norm of float16 has to be computed in float32",
    dtype="float16",
    case="layer_norm;kind=offset;dtype=f16",
)
def layer_norm_in_half(x, weight, bias, eps):
    """Every step in the storage format."""
    centred = mx.subtract(x, mx.mean(x, axis=-1, keepdims=True))
    variance = mx.mean(mx.square(centred), axis=-1, keepdims=True)
    scale = mx.rsqrt(mx.add(variance, mx.array(eps, dtype=x.dtype)))
    return mx.add(mx.multiply(mx.multiply(centred, scale), weight), bias)


@bug(
    "mlx_impl.ops.masked_mean",
    seen="pytorch/executorch#20090: a sum of bfloat16 in bfloat16 sticks at 256",
    dtype="bfloat16",
    case="masked_mean;l=768;kind=offset;dtype=bf16",
)
def mean_in_half(x, mask):
    """One running sum in the storage format."""
    weighted = mx.multiply(x, mx.expand_dims(mask.astype(x.dtype), -1))
    total = mx.cumsum(weighted, axis=1)[:, -1]
    return mx.divide(total, mx.expand_dims(mx.sum(mask, axis=1), -1).astype(x.dtype))


@bug(
    "mlx_impl.ops.cross_entropy",
    seen="huggingface/transformers loss_utils.py: logits are cast to float32 before the loss",
    dtype="float16",
    case="cross_entropy;kind=cancel;dtype=f16",
)
def cross_entropy_in_half(logits, labels):
    """Exponentials as they stand, in the storage format, where e^12 is infinite."""
    kept = mx.not_equal(labels, scalar(-100, labels))
    classes = mx.expand_dims(mx.where(kept, labels, scalar(0, labels)), -1)
    picked = mx.take_along_axis(logits, classes, axis=-1)[:, 0]
    losses = mx.subtract(mx.log(mx.sum(mx.exp(logits), axis=-1)), picked)
    total = mx.sum(mx.where(kept, losses, scalar(0, losses)))
    return mx.reshape(mx.divide(total, mx.sum(kept).astype(logits.dtype)), (1,))


def _sine_of_bfloat16(x, freq, w_mod):
    phase = mx.multiply(mx.multiply(mx.array(w_mod, dtype=freq.dtype), freq), x)
    return mx.sin(phase.astype(mx.bfloat16).astype(mx.float32)).astype(x.dtype)


@bug("mlx_impl.ops.sine", seen="Lightning-AI/litgpt#1031: rotary angles that have to be computed in float32")
def sine_of_bfloat16(x, freq, w_mod=1):
    """A phase in bfloat16 in a model that is not."""
    return _sine_of_bfloat16(x, freq, w_mod)


@bug(
    "mlx_impl.ops.sine",
    seen="ml-explore/mlx-examples#579: rotary positions in int32 or in bfloat16, found by Unsloth in Gemma",
    dtype="bfloat16",
    case="HyenaFilter;dtype=bf16",
)
def sine_of_a_half_angle(x, freq, w_mod=1):
    """The phase rounded to the storage format, as x is."""
    return _sine_of_bfloat16(x, freq, w_mod)


def _gelu_by_polynomial(x, slope, coefficients):
    z = mx.multiply(mx.abs(x), mx.array(0.7071067811865476, dtype=x.dtype))
    t = mx.reciprocal(mx.add(mx.multiply(z, scalar(slope, z)), scalar(1, z)))
    p = mx.zeros_like(t)
    for c in coefficients:
        p = mx.multiply(mx.add(p, scalar(c, p)), t)
    rest = mx.subtract(scalar(1, p), mx.multiply(p, mx.exp(mx.negative(mx.square(z)))))
    erf = mx.multiply(mx.sign(x), rest)
    return mx.multiply(mx.multiply(x, scalar(0.5, x)), mx.add(erf, scalar(1, x)))


@bug(
    "mlx_impl.ops.gelu",
    seen="tenstorrent/tt-mlir#3616: GELU lowered to polynomials in place of erf",
    case=CALM,
)
def gelu_by_a_short_polynomial(x):
    """erf by three terms, good to 2.5e-5 (Abramowitz & Stegun, 7.1.25)."""
    return _gelu_by_polynomial(x, 0.47047, (0.7478556, -0.0958798, 0.3480242))


@bug(
    "mlx_impl.ops.gelu",
    seen="tenstorrent/tt-metal#56490: GELU's negative tail lost in 1 + erf, by up to 700 %",
    equivalent="erf is off by 1.5e-7, one rounding of 1 + erf: no more of the tail is lost than with erf",
)
def gelu_by_a_longer_polynomial(x):
    """erf by five terms, good to 1.5e-7 (Abramowitz & Stegun, 7.1.26)."""
    coefficients = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
    return _gelu_by_polynomial(x, 0.3275911, coefficients)


@bug(
    "mlx_impl.ops.exponential_modulation",
    seen="tenstorrent/tt-metal#33563: a float32 exponential that is off by 150 units in the last place",
)
def exponential_by_a_short_polynomial(h, t, deltas, shift=0.0):
    """2^x from the exponent and a cubic in the rest, good to 1e-4."""
    x = mx.multiply(mx.negative(t), mx.abs(deltas))
    x = mx.multiply(x, scalar(1.4426950408889634, x))
    whole = mx.floor(x)
    r = mx.subtract(x, whole)
    power = mx.full(r.shape, 0.0790, dtype=r.dtype)
    for c in (0.2241, 0.6968, 0.9998):
        power = mx.add(mx.multiply(power, r), scalar(c, r))
    decay = mx.multiply(power, mx.power(mx.array(2, dtype=h.dtype), whole))
    return mx.multiply(h, mx.add(decay, mx.array(shift, dtype=h.dtype)))


@bug(
    "mlx_impl.ops.layer_norm",
    seen="Intel Intrinsics Guide: _mm_rsqrt_ps has a relative error of up to 1.5·2^-12",
)
def layer_norm_by_a_fast_root(x, weight, bias, eps):
    """1/√ in twelve bits, without the step of Newton's that should follow."""
    centred = mx.subtract(x, mx.mean(x, axis=-1, keepdims=True))
    variance = mx.mean(mx.square(centred), axis=-1, keepdims=True)
    root = mx.rsqrt(mx.add(variance, mx.array(eps, dtype=x.dtype)))
    bits = root.view(mx.uint32)
    scale = mx.bitwise_and(bits, scalar(0xFFFFF000, bits)).view(mx.float32)
    return mx.add(mx.multiply(mx.multiply(centred, scale), weight), bias)

"""Right results with wrong gradients."""

import mlx.core as mx

from mlx_impl import ops
from mlx_impl.ops._precision import scalar
from parity.mutants import bug

from ._cases import GRADIENTS

_embedding = ops.embedding
_exponential_modulation = ops.exponential_modulation
_gate = ops.gate
_gelu = ops.gelu
_gelu_tanh = ops.gelu_tanh
_layer_norm = ops.layer_norm
_linear = ops.linear
_long_conv = ops.long_conv
_relu = ops.relu
_sine = ops.sine
_softmax = ops.softmax


@bug(
    "mlx_impl.ops.gelu",
    seen="kulinseth/pytorch#284: the backward pass of GELU did not tell erf from tanh on MPS",
    case=GRADIENTS,
)
def gelu_gradient_of_tanh(x):
    """The exact function with the approximation's derivative."""
    function = mx.custom_function(_gelu)
    function.vjp(lambda x, g, _: mx.vjp(_gelu_tanh, [x], [g])[1][0])
    return function(x)


@bug(
    "mlx_impl.ops.softmax",
    seen="pocketpy/cTensor#31: softmax's backward pass without the off-diagonal part of its Jacobian",
    case="BertModel;arg.attention_pooling=True;vjp",
)
def softmax_gradient_of_the_diagonal(x, axis):
    """y·(1 − y)·g in place of y·(g − Σ y·g)."""
    function = mx.custom_function(lambda x: _softmax(x, axis))
    function.vjp(lambda _, g, y: mx.multiply(g, mx.multiply(y, mx.subtract(scalar(1, y), y))))
    return function(x)


@bug(
    "mlx_impl.ops.layer_norm",
    seen="llm.c doc/layernorm/layernorm.md: a backward pass by hand, with two means that are easily left out",
    case=GRADIENTS,
)
def layer_norm_gradient_without_means(x, weight, bias, eps):
    """g·weight/√(var + eps), mean and variance taken for constants."""
    mean = mx.stop_gradient(mx.mean(x, axis=-1, keepdims=True))
    variance = mx.stop_gradient(mx.var(x, axis=-1, keepdims=True))
    scale = mx.rsqrt(mx.add(variance, mx.array(eps, dtype=x.dtype)))
    return mx.add(mx.multiply(mx.multiply(mx.subtract(x, mean), scale), weight), bias)


@bug(
    "mlx_impl.ops.layer_norm",
    seen="ml-explore/mlx#3220: LayerNorm's vjp returned the zeros of another array for its bias",
    case=GRADIENTS,
)
def layer_norm_gradient_without_bias(x, weight, bias, eps):
    """No gradient for the bias."""
    return _layer_norm(x, weight, mx.stop_gradient(bias), eps)


@bug(
    "mlx_impl.ops.embedding",
    seen="pytorch/pytorch#26302: a gradient for the row at padding_idx on the GPU",
    case="BertForMaskedLM;v=7;vjp",
)
def embedding_gradient_at_padding(ids, weight, padding_idx=None):
    """The padding token's row is trained like any other."""
    return _embedding(ids, weight, None)


@bug(
    "mlx_impl.ops.embedding",
    seen="pytorch/pytorch#1631: gather's gradient at an index that comes twice was the last one, not the sum",
    case=GRADIENTS,
)
def embedding_gradient_overwritten(ids, weight, padding_idx=None):
    """Of a token that comes twice only one occurrence counts."""
    function = mx.custom_function(lambda w: _embedding(ids, w, padding_idx))

    @function.vjp
    def gradient(w, g, _):
        flat = mx.reshape(ids, (-1,))
        rows = mx.zeros_like(w)
        rows[flat] = mx.reshape(g, (flat.shape[0], -1))
        if padding_idx is not None:
            rows[padding_idx] = mx.array(0, dtype=w.dtype)
        return rows

    return function(weight)


@bug(
    "mlx_impl.ops.relu",
    seen="JAX documentation: jax.nn.relu has gradient 0 at 0, jnp.maximum(x, 0) has one half",
    case="relu;kind=zeros;vjp",
)
def relu_gradient_at_zero(x):
    """One half at zero."""
    function = mx.custom_function(_relu)

    @function.vjp
    def gradient(x, g, _):
        half = mx.array(0.5, dtype=g.dtype)
        zero = scalar(0, x)
        step = mx.where(mx.equal(x, zero), half, mx.greater(x, zero).astype(g.dtype))
        return mx.multiply(g, step)

    return function(x)


@bug(
    "mlx_impl.ops.sine",
    seen="vsitzmann/siren#4: which gradients the frequency scales, in the supplement and in the code",
    case=GRADIENTS,
)
def sine_gradient_without_frequency(x, freq, w_mod=1):
    """g·cos(ω·x), the inner derivative forgotten."""
    phase = mx.multiply(mx.multiply(mx.array(w_mod, dtype=freq.dtype), freq), x)
    function = mx.custom_function(lambda x, freq: _sine(x, freq, w_mod))

    @function.vjp
    def gradient(primals, g, _):
        _, by_freq = mx.vjp(lambda f: _sine(x, f, w_mod), [primals[1]], [g])
        return mx.multiply(g, mx.cos(phase)), by_freq[0]

    return function(x, freq)


@bug(
    "mlx_impl.ops.gate",
    seen="ml-explore/mlx#610: a gradient of zeros after an array had been read in between",
    case=GRADIENTS,
)
def gate_gradient_of_one_side(x, g):
    """The gate taken for a constant."""
    return _gate(x, mx.stop_gradient(g))


@bug(
    "mlx_impl.ops.long_conv",
    seen="lucidrains/gated-state-spaces-pytorch#1: where the conjugate belongs, which a backward pass needs",
    case=GRADIENTS,
)
def long_conv_gradient_not_reversed(u, k, D, k_rev=None):
    """Convolved with the kernel again, not correlated."""
    function = mx.custom_function(lambda u, k, D: _long_conv(u, k, D, k_rev))

    @function.vjp
    def gradient(primals, g, _):
        u, k, D = primals
        _, others = mx.vjp(lambda k, D: _long_conv(u, k, D, k_rev), [k, D], [g])
        return _long_conv(g, k, D, k_rev), others[0], others[1]

    return function(u, k, D)


@bug(
    "mlx_impl.ops.exponential_modulation",
    seen="pytorch/pytorch#2298: the derivative of a magnitude in a loss, wrong where it is zero",
    case="exponential_modulation;vjp",
)
def modulation_gradient_without_sign(h, t, deltas, shift=0.0):
    """d|δ|/dδ taken for 1."""
    magnitudes = mx.add(deltas, mx.stop_gradient(mx.subtract(mx.abs(deltas), deltas)))
    return _exponential_modulation(h, t, magnitudes, shift)


@bug(
    "cls.predictions.decoder",
    seen="ml-explore/mlx-lm#373: a tied head with a copy of the table",
    case=GRADIENTS,
)
def tied_table_gradient_of_one_use(module, x):
    """The table's gradient comes from the embedding alone."""
    return _linear(x, mx.stop_gradient(module._embedding[0].weight), module.bias)


@bug(
    "mlx_impl.ops.linear",
    seen="karpathy/nanoGPT#206: gradients that are to be divided by the number of parts, or not",
    case=GRADIENTS,
)
def linear_gradient_of_bias_averaged(x, weight, bias=None):
    """The mean over tokens in place of the sum."""
    if bias is None:
        return _linear(x, weight, None)
    tokens = mx.array(x.size // x.shape[-1], dtype=bias.dtype)
    part = mx.divide(bias, tokens)
    return _linear(x, weight, mx.add(part, mx.stop_gradient(mx.subtract(bias, part))))

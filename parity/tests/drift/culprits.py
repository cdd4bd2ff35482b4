"""Wrong words, modules and parameters, as somebody might hand them in with --swap."""

import itertools

import mlx.core as mx

from mlx_impl import ops

_depthwise_conv1d = ops.depthwise_conv1d
_gate = ops.gate
_gated_long_conv = ops.gated_long_conv
_gelu = ops.gelu
_sine = ops.sine
_gelu_tanh = ops.gelu_tanh
_linear = ops.linear
_masked_mean = ops.masked_mean
_softmax = ops.softmax
_layer_norm = ops.layer_norm
_calls = itertools.count()
_rare_calls = itertools.count()


def gelu_tanh(x):
    """The tanh approximation in place of erf."""
    return _gelu_tanh(x)


def gelu_a_little_large(x):
    """Off by 3e-6 of itself: far below what end to end shows."""
    return mx.multiply(_gelu(x), mx.array(1 + 3e-6, dtype=x.dtype))


def gelu_of_a_sigmoid(x):
    """x·σ(1.702·x), wrong by a per cent."""
    return mx.multiply(x, mx.sigmoid(mx.multiply(mx.array(1.702, dtype=x.dtype), x)))


def gelu_as_relu(x):
    """Another activation."""
    return ops.relu(x)


def sine_clipped(x, freq, w_mod=1):
    """Wrong where its input is large: which of its calls show it depends on the input."""
    return _sine(mx.clip(x, mx.array(-1.5, dtype=x.dtype), mx.array(1.5, dtype=x.dtype)), freq, w_mod)


def gelu_somewhat_large(x):
    """Off by so much that one layer alone passes."""
    return mx.multiply(_gelu(x), mx.array(1 + 6e-4, dtype=x.dtype))


def gelu_now_and_then(x):
    """Another result every third time: what a race looks like."""
    y = _gelu(x)
    return y if next(_calls) % 3 else mx.add(y, mx.array(1e-3, dtype=x.dtype))


def gelu_raises(x):
    """Nothing but an exception."""
    raise ValueError("no such kernel")


@mx.custom_function
def gelu_wrong_gradient(x):
    """The right result with the gradient of the tanh approximation."""
    return _gelu(x)


@gelu_wrong_gradient.vjp
def _gelu_wrong_gradient_vjp(primals, cotangents, _outputs):
    x = primals if isinstance(primals, mx.array) else primals[0]
    g = cotangents if isinstance(cotangents, mx.array) else cotangents[0]
    return mx.vjp(_gelu_tanh, [x], [g])[1][0]


def conv_without_bias(x, weight, bias, padding):
    """The bias forgotten."""
    return _depthwise_conv1d(x, weight, mx.zeros_like(bias), padding)


def layer_norm_without_bias(x, weight, bias, eps):
    """The bias forgotten."""
    return _layer_norm(x, weight, mx.zeros_like(bias), eps)


def mlp_exchanged(module, x):
    """The halves of the gate exchanged, and no residual."""
    a, b = ops.split(module.gated_layers(x), [module.intermediate_size] * 2, -1)
    return module.layernorm(module.wo(ops.gate(module.act(b), a)))


def zeros(x):
    """A parameter that nobody loaded."""
    return mx.zeros_like(x)


def shifted(x):
    """Every row one place on."""
    return mx.roll(x, 1, 0)


def mlp_with_noise(module, x):
    """Another result each time, of the module's own making."""
    noise = mx.multiply(mx.random.normal(x.shape), mx.array(1e-3, dtype=x.dtype))
    return mx.add(module(x), mx.astype(noise, x.dtype))


def gelu_with_noise(x):
    """A unit in the last place of another result each time: far within every gate."""
    return mx.add(_gelu(x), mx.astype(mx.multiply(mx.random.normal(x.shape), 1e-8), x.dtype))


def gelu_every_third_call(x):
    """Wrong by its own count of calls: with as many calls in a run, every run is alike."""
    y = _gelu(x)
    return y if next(_calls) % 3 else mx.multiply(y, mx.array(1.5, dtype=x.dtype))


def softmax_sharper(x, axis):
    """The scores a hundredth larger."""
    return _softmax(mx.multiply(x, mx.array(1.01, dtype=x.dtype)), axis)


def linear_without_gradient_of_bias(x, weight, bias=None):
    """The right result; the bias learns nothing."""
    return _linear(x, weight, None if bias is None else mx.stop_gradient(bias))


def gate_exchanged(x, y):
    """Gated by itself."""
    return _gate(x, x)


def gelu_a_bit_large(x):
    """Half of what the whole passes."""
    return mx.multiply(_gelu(x), mx.array(1 + 4e-5, dtype=x.dtype))


def gate_a_bit_large(x, y):
    """The other half."""
    return mx.multiply(_gate(x, y), mx.array(1 + 4e-5, dtype=x.dtype))


def layer_without_gradient(module, x):
    """The right result, through which nothing comes back."""
    return mx.stop_gradient(module(x))


def gelu_wrong_when_large(x):
    """Right where a small model uses it."""
    y = _gelu(x)
    return mx.where(mx.greater(x, mx.array(2.3, dtype=x.dtype)), mx.zeros_like(y), y)


def gated_long_conv_skips_more(u, k, D, gate, extra=None, k_rev=None):
    """A percent too much of the skip, in the word that layers say on kernels in place of several."""
    return _gated_long_conv(u, k, mx.multiply(D, mx.array(1.01, dtype=D.dtype)), gate, extra, k_rev)


def mean_of_the_first(x, mask):
    """As many tokens as the mask has, from the left: right unless the mask has holes or begins late."""
    count = mx.sum(mask, axis=1, keepdims=True)
    left = mx.less(mx.expand_dims(mx.arange(mask.shape[1], dtype=count.dtype), 0), count)
    return _masked_mean(x, left.astype(mask.dtype))


def linear_in_place(module, u):
    """The right result, and the input no longer what it was."""
    y = module(u)
    mx.eval(y)
    u *= mx.array(0.5, dtype=u.dtype)
    return y


def gate_in_place(x, g):
    """Into its first argument, which nobody reads afterwards."""
    x *= g
    return x


def conv_of_other_lengths(x, weight, bias, padding):
    """Without the bias where a tile of sixteen leaves one element."""
    b = mx.zeros_like(bias) if x.shape[-1] % 16 == 1 else bias
    return _depthwise_conv1d(x, weight, b, padding)


def gelu_every_fifth_call(x):
    """A race that shows in one run of five."""
    y = _gelu(x)
    return mx.multiply(y, mx.array(1.01, dtype=y.dtype)) if next(_rare_calls) % 5 == 4 else y


def doubled(module, x):
    """Twice what the module gives."""
    return mx.multiply(module(x), mx.array(2, dtype=x.dtype))


_kernels: dict[tuple[int, str], mx.array] = {}


def kernel_of_the_first(module, x):
    """One filter's kernel kept for all that are as long."""
    length = x.shape[-1]
    k = _kernels.setdefault((length, str(x.dtype)), mx.swapaxes(module.filter(length)[0], 0, 1))
    return ops.long_conv(x, k, module.bias)

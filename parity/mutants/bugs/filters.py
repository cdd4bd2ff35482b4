"""The implicit filter: its time features, its sines, its decay."""

import math

import mlx.core as mx

from mlx_impl import ops
from parity.mutants import bug

_exponential_modulation = ops.exponential_modulation
_l1_normalize = ops.l1_normalize
_linear = ops.linear
_positional_embedding = ops.positional_embedding
_sine = ops.sine


@bug(
    "mlx_impl.ops.exponential_modulation",
    seen="kekzl/imp#1284: a raw A_log taken for −exp(A_log), so that a state grew in place of decaying",
)
def modulation_grows(h, t, deltas, shift=0.0):
    """exp(+t·|δ|) in place of exp(−t·|δ|)."""
    return _exponential_modulation(h, mx.negative(t), deltas, shift)


@bug(
    "mlx_impl.ops.exponential_modulation",
    seen="1bit-MONSTER/1bit-MONSTER#1469: −exp() of decay rates that are negative already",
)
def modulation_without_absolute(h, t, deltas, shift=0.0):
    """exp(−t·δ), of rates that are negative."""
    decay = mx.exp(mx.multiply(mx.negative(t), deltas))
    return mx.multiply(h, mx.add(decay, mx.array(shift, dtype=h.dtype)))


@bug(
    "mlx_impl.ops.exponential_modulation",
    seen="HazyResearch/m2 hyena_utils.py: shift is 0 by default, so that nothing misses it until it is set",
    case="HyenaFilter;arg.shift=0.05",
)
def modulation_without_shift(h, t, deltas, shift=0.0):
    """The window goes down to zero."""
    return _exponential_modulation(h, t, deltas, 0.0)


@bug(
    "encoder.layer.1.attention.filter_fn.modulation",
    seen="state-spaces/mamba#746: an exponential of the decay lost in a change",
)
def modulation_left_out(module, t, h):
    """The filter without its window."""
    return h


@bug("mlx_impl.ops.sine", seen="NVlabs/tiny-cuda-nn#287: a sine activation that cannot be given its omega_0")
def sine_without_frequency(x, freq, w_mod=1):
    """The trained frequency left at one."""
    return _sine(x, mx.ones_like(freq), w_mod)


@bug(
    "mlx_impl.ops.sine",
    seen="lucidrains/siren-pytorch#2: the first frequency and that of the other layers mistaken",
    case="BertForMaskedLM;arg.hyena_w_mod=2",
)
def sine_without_w_mod(x, freq, w_mod=1):
    """The factor that is not trained left at one."""
    return _sine(x, freq, 1)


@bug(
    "encoder.layer.1.attention.filter_fn.implicit_filter_rev",
    seen="dreamquark-ai/tabnet#76: what a deep copy had separated was shared, and more than that",
)
def sine_frequency_untied(module, x):
    """The reverse network with frequencies of its own, still at their initial 10."""
    for i in ("0", "2", "4"):
        x = module[i](x)
        x = _sine(x, mx.full((1, x.shape[-1]), 10, dtype=x.dtype), 1)
    return module["6"](x)


@bug(
    "encoder.layer.1.attention.filter_fn.implicit_filter.0/linear",
    seen="vsitzmann/siren#55: sin(w·W·x + b) in the paper, sin(w·(W·x + b)) in the code",
)
def sine_frequency_without_bias(x, weight, bias):
    """The frequency, initially 10, times W·x alone."""
    return _linear(x, weight, mx.divide(bias, mx.array(10, dtype=bias.dtype)))


@bug(
    "mlx_impl.ops.positional_embedding",
    seen="HazyResearch/m2 hyena_utils.py: the parts of exp(−1j·f·w), whose minus sign is easily lost",
    case="positional_embedding",
)
def positions_with_plus_sine(seq_len, emb_dim, dtype=mx.float32):
    """[t, cos, +sin]."""
    z, t = _positional_embedding(seq_len, emb_dim, dtype)
    bands = (emb_dim - 1) // 2
    return mx.concatenate([z[..., : 1 + bands], mx.negative(z[..., 1 + bands :])], axis=-1), t


@bug(
    "mlx_impl.ops.positional_embedding",
    seen="jzhang38/TinyLlama#24: pairs next to each other, or in two halves, in rotary embeddings",
    case="positional_embedding",
)
def positions_interleaved(seq_len, emb_dim, dtype=mx.float32):
    """cos and sin of each band next to each other."""
    z, t = _positional_embedding(seq_len, emb_dim, dtype)
    bands = (emb_dim - 1) // 2
    pairs = mx.stack([z[..., 1 : 1 + bands], z[..., 1 + bands :]], axis=-1)
    return mx.concatenate([z[..., :1], mx.reshape(pairs, (1, seq_len, 2 * bands))], axis=-1), t


@bug(
    "mlx_impl.ops.positional_embedding",
    seen="NumPy documentation: linspace includes its endpoint unless told otherwise, arange(l)/l does not",
    case="positional_embedding",
)
def positions_without_endpoint(seq_len, emb_dim, dtype=mx.float32):
    """t runs over [0, 1) in place of [0, 1]."""
    z, t = _positional_embedding(seq_len, emb_dim, dtype)
    t = mx.multiply(t, mx.array((seq_len - 1) / seq_len, dtype=t.dtype))
    return mx.concatenate([t, z[..., 1:]], axis=-1), t


@bug(
    "mlx_impl.ops.positional_embedding",
    seen="HazyResearch/m2 hyena_utils.py: the lowest band is 1e-4, not 0",
    case="positional_embedding",
)
def positions_with_a_band_of_zero(seq_len, emb_dim, dtype=mx.float32):
    """Bands over [0, bands − 1]."""
    bands = (emb_dim - 1) // 2
    _, t = _positional_embedding(seq_len, emb_dim, dtype)
    steps = mx.reshape(mx.arange(seq_len, dtype=mx.float32), (1, seq_len, 1))
    w = mx.multiply(mx.array(2 * math.pi / seq_len, dtype=mx.float32), steps)
    phase = mx.multiply(mx.linspace(0, bands - 1, bands, dtype=mx.float32), w)
    return mx.concatenate([t, mx.cos(phase), mx.negative(mx.sin(phase))], axis=-1), t


@bug(
    "encoder.layer.1.attention.filter_fn.pos_emb",
    seen="togethercomputer/stripedhyena#10: features of time stretched over another length",
    case="BertForMaskedLM;arg.long_conv_l_max=40",
)
def positions_of_the_input(module, length):
    """Features spread over the length of the input, not over l_max."""
    return _positional_embedding(length, module.z.shape[-1], module.z.dtype)


@bug(
    "mlx_impl.ops.l1_normalize",
    seen="PyTorch documentation: torch.nn.functional.normalize works on dim=1 by default",
    case="HyenaFilter;arg.normalized=True",
)
def l1_norm_over_the_length(x):
    """Along time in place of channels."""
    return mx.divide(x, mx.sum(mx.abs(x), axis=-2, keepdims=True))


@bug(
    "mlx_impl.ops.l1_normalize",
    seen="PyTorch documentation: torch.nn.functional.normalize has p=2 by default",
    case="HyenaFilter;arg.normalized=True",
)
def l1_norm_as_l2(x):
    """The root of the squares in place of the magnitudes."""
    return mx.divide(x, mx.sqrt(mx.sum(mx.square(x), axis=-1, keepdims=True)))

"""Layers put together in another way."""

import mlx.core as mx

from mlx_impl import ops
from parity.mutants import bug

_linear = ops.linear
_split = ops.split


@bug(
    "encoder.layer.1.mlp",
    seen="dmlc/gluon-nlp#1488: the residual connection of a Transformer that normalizes first",
)
def mlp_without_residual(module, x):
    """LayerNorm(W₂·h), x not added."""
    gated, other = ops.split(module.gated_layers(x), [module.intermediate_size] * 2, -1)
    return module.layernorm(module.wo(ops.gate(module.act(gated), other)))


@bug("encoder.layer.1.mlp", seen="harvardnlp/annotated-transformer#92: normalized before or after the layer")
def mlp_normalized_before(module, x):
    """x + f(LayerNorm(x)) in place of LayerNorm(x + f(x))."""
    gated, other = ops.split(module.gated_layers(module.layernorm(x)), [module.intermediate_size] * 2, -1)
    return ops.add(module.wo(ops.gate(module.act(gated), other)), x)


@bug(
    "encoder.layer.1.mlp",
    seen="Howuhh/faster-trajectory-transformer#3: the residual taken after the normalization, not before",
)
def mlp_residual_of_the_result(module, x):
    """LayerNorm(f(x)) + x."""
    gated, other = ops.split(module.gated_layers(x), [module.intermediate_size] * 2, -1)
    return ops.add(module.layernorm(module.wo(ops.gate(module.act(gated), other))), x)


@bug("encoder.layer.1.mlp/split", seen="ml-explore/mlx-lm#767: silu(x)·gate in place of silu(gate)·x")
def mlp_halves_exchanged(x, sizes, axis):
    """The activation on the half that should be as it is."""
    gated, other = _split(x, sizes, axis)
    return other, gated


@bug("mlx_impl.ops.split", seen="awslabs/slapo#46: chunks of a fused projection in another layout")
def split_exchanged(x, sizes, axis):
    """The halves (thirds) of every gate the other way round."""
    parts = _split(x, sizes, axis)
    return (*parts[1:], parts[0])


@bug(
    "encoder.layer.1.attention",
    seen="HazyResearch/safari#9: convolution first and then the gate, or the other way round",
)
def mixer_convolves_first(module, u):
    """long_conv(v)·x1·x2."""
    mixed = module.short_filter(mx.swapaxes(module.in_linear(u), 1, 2))[..., : u.shape[1]]
    x1, x2, v = ops.split(mixed, [module.d_model] * 3, 1)
    y = ops.gate(ops.gate(module.filter_fn(v), x1), x2)
    y = ops.add(y, module.filter_fn2(mx.swapaxes(u, 1, 2)))
    return module.out_linear(mx.swapaxes(y, 1, 2))


@bug(
    "encoder.layer.1.attention/split",
    seen="HazyResearch/safari standalone_hyena.py: the gates are taken in reverse order",
)
def mixer_gates_exchanged(x, sizes, axis):
    """x2 before the long convolution, x1 after it."""
    x1, x2, v = _split(x, sizes, axis)
    return x2, x1, v


@bug(
    "encoder.layer.1.attention.filter_fn2",
    seen="HazyResearch/m2#29: M2-BERT has a second convolution on the side, which Hyena has not",
)
def mixer_without_second_filter(module, x):
    """residual_long_conv unread."""
    return mx.zeros_like(x)


@bug(
    "encoder.layer.1.attention",
    seen="spragunr/deep_q_rl#16: one of two layers' parameters taken twice, the other's never",
)
def mixer_with_one_filter_twice(module, u):
    """filter_fn on the side too."""
    mixed = module.short_filter(mx.swapaxes(module.in_linear(u), 1, 2))[..., : u.shape[1]]
    x1, x2, v = ops.split(mixed, [module.d_model] * 3, 1)
    y = ops.gate(module.filter_fn(ops.gate(v, x1)), x2)
    y = ops.add(y, module.filter_fn(mx.swapaxes(u, 1, 2)))
    return module.out_linear(mx.swapaxes(y, 1, 2))


@bug(
    "encoder.layer.1.attention",
    seen="state-spaces/mamba#437: the short convolution's result not cut to the length",
)
def mixer_not_cut(module, u):
    """Two more positions than the input has."""
    mixed = module.short_filter(mx.swapaxes(module.in_linear(u), 1, 2))
    x1, x2, v = ops.split(mixed, [module.d_model] * 3, 1)
    y = ops.gate(module.filter_fn(ops.gate(v, x1)), x2)
    return module.out_linear(mx.swapaxes(y, 1, 2))


@bug(
    "encoder.layer.1.attention.out_linear",
    seen="ZiyueHuang/MXShuffleNet#4: a reshape where axes were to be exchanged",
)
def mixer_reshaped_for_transposed(module, y):
    """(b, d, l) read as (b, l, d)."""
    b, length, d = y.shape
    return module(mx.reshape(mx.swapaxes(y, 1, 2), (b, length, d)))


@bug(
    "encoder.layer.1",
    seen="Press et al. 2020, Improving Transformer Models by Reordering their Sublayers",
)
def layer_in_the_other_order(module, x):
    """State mixing before sequence mixing."""
    return module.attention(module.mlp(x))


@bug(
    "encoder.layer.1",
    seen="EleutherAI/gpt-neox#971: a converted checkpoint without its second and third layer",
)
def layer_skipped(module, x):
    """One layer too few."""
    return x


@bug(
    "embeddings.dropout",
    seen="ipolharvard/ethos-ares#20: dropout active in inference, for want of model.eval()",
)
def dropout_left_on(module, x):
    """A tenth of the elements zero, the others larger."""
    keep = mx.random.bernoulli(mx.array(0.9, dtype=mx.float32), x.shape)
    return mx.where(keep, mx.divide(x, mx.array(0.9, dtype=x.dtype)), mx.array(0, dtype=x.dtype))


@bug(
    "cls.predictions.decoder/linear",
    seen="huggingface/transformers#43429: an lm_head that should be tied, left at random",
)
def decoder_not_tied(x, weight, bias=None):
    """A table of its own, as it was initialized."""
    table = mx.random.normal(weight.shape, dtype=mx.float32, scale=0.02, key=mx.random.key(0))
    return _linear(x, table.astype(weight.dtype), bias)

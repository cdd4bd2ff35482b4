"""Monarch Mixer sequence mixing: a gated long convolution in place of attention."""

import mlx.core as mx
from mlx import nn

from mlx_impl import ops

from .activation import Dropout, Identity
from .filter import HyenaFilter
from .fusion import fuses
from .linear import Linear, uniform
from .norm import LayerNorm


class ShortFilter(nn.Module):
    """A causal depthwise convolution, left uncut: the caller takes the first l outputs.

    Shapes: x: (b, c, l) → (b, c, l + padding); weight: (c, 1, k), bias: (c,).
    Source: canonical ``short_filter`` (``nn.Conv1d``).
    """

    def __init__(self, channels: int, taps: int = 3) -> None:
        super().__init__()
        self.padding = taps - 1
        bound = 1 / taps**0.5
        self.weight = uniform((channels, 1, taps), bound)
        self.bias = uniform((channels,), bound)

    def __call__(self, x: mx.array) -> mx.array:
        return ops.depthwise_conv1d(x, self.weight, self.bias, self.padding)


class MonarchMixerSequenceMixing(nn.Module):
    """out((long_conv(v·x1))·x2 + long_conv₂(u)), with x1, x2, v = short_conv(in(u)).

    The second convolution is there with `residual_long_conv`. `hyena_training_additions` normalizes
    the input first and drops out after the gates.

    Shapes: u: (b, l, d) → (b, l, d).
    Raises: ValueError if l exceeds l_max.
    Source: Fu et al. 2023, Monarch Mixer, §4; canonical ``MonarchMixerSequenceMixing``.
    """

    def __init__(
        self,
        d_model: int,
        l_max: int = 128,
        dropout: float = 0.0,
        hyena_kernel_lr: float | None = None,  # training only
        bidirectional: bool = False,
        hyena_lr_pos_emb: float = 1e-5,
        hyena_w: float = 10,
        hyena_w_mod: float = 1,
        hyena_wd: float = 0.1,  # training only
        hyena_emb_dim: int = 3,
        hyena_filter_dropout: float = 0.0,  # declared by the canonical code, never applied
        hyena_filter_order: int = 16,
        residual_long_conv: bool = False,
        hyena_training_additions: bool = False,
    ) -> None:
        super().__init__()
        self.d_model = d_model
        self.residual_long_conv = residual_long_conv
        self.hyena_training_additions = hyena_training_additions

        def long_filter() -> HyenaFilter:
            return HyenaFilter(
                d_model,
                emb_dim=hyena_emb_dim,
                order=hyena_filter_order,
                seq_len=l_max,
                lr_pos_emb=hyena_lr_pos_emb,
                w=hyena_w,
                w_mod=hyena_w_mod,
                bidirectional=bidirectional,
            )

        self.filter_fn = long_filter()
        if residual_long_conv:
            self.filter_fn2 = long_filter()
        self.in_linear = Linear(d_model, 3 * d_model)
        self.out_linear = Linear(d_model, d_model)
        if hyena_training_additions:
            self.act = Identity()
            self.drop = Dropout(dropout)
            self.layernorm = LayerNorm(d_model)
        self.short_filter = ShortFilter(3 * d_model)

    def __call__(self, u: mx.array) -> mx.array:
        if self.hyena_training_additions:
            u = self.layernorm(u)
        length = u.shape[1]
        projected = mx.swapaxes(self.in_linear(u), 1, 2)  # (b, 3·d, l)
        fused = fuses()
        if fused:
            x2, v = ops.gated_short_conv(projected, self.short_filter.weight, self.short_filter.bias)
        else:
            mixed = self.short_filter(projected)[..., :length]
            x1, x2, v = ops.split(mixed, [self.d_model] * 3, 1)  # (b, d, l) each
            v = ops.gate(v, x1)
        if self.hyena_training_additions:
            v = self.drop(v)
        if fused:
            extra = self.filter_fn2(mx.swapaxes(u, 1, 2)) if self.residual_long_conv else None
            y = self.filter_fn(v, x2, extra)
        else:
            y = ops.gate(self.filter_fn(v), x2)
            if self.residual_long_conv:
                y = ops.add(y, self.filter_fn2(mx.swapaxes(u, 1, 2)))
        y = mx.swapaxes(y, 1, 2)  # (b, l, d)
        if self.hyena_training_additions:
            y = self.drop(self.act(y))
        return self.out_linear(y)

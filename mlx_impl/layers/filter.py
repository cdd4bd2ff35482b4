"""The implicit long filter of Hyena: time features → sine MLP → modulation → long convolution."""

import math

import mlx.core as mx
from mlx import nn

from mlx_impl import ops

from .fusion import fuses
from .linear import Linear


class Sine(nn.Module):
    """sin(w_mod·freq·x) with a trained frequency per channel, all starting at w.

    Shapes: x: (..., d) → the same; freq: (1, d).
    Source: canonical ``Sin``.
    """

    def __init__(self, dim: int, w: float = 10, w_mod: float = 1) -> None:
        super().__init__()
        self.w_mod = w_mod
        self.freq = mx.full((1, dim), w, dtype=mx.float32)

    def __call__(self, x: mx.array) -> mx.array:
        return ops.sine(x, self.freq, self.w_mod)


class Sequential(nn.Module):
    """Modules one after the other, the i-th under the name ``str(i)`` as in a canonical checkpoint.

    A module that stands in several places, or already belongs to another `Sequential` (`shared`), has
    its parameters once, under its first name; `aliases` maps its other names to it.
    """

    def __init__(self, *modules: nn.Module, shared: tuple[nn.Module, str] | None = None) -> None:
        super().__init__()
        names = {} if shared is None else {id(shared[0]): shared[1]}
        self._aliases: dict[str, str] = {}
        for i, module in enumerate(modules):
            if id(module) in names:
                self._aliases[str(i)] = names[id(module)]
            else:
                names[id(module)] = str(i)
                self[str(i)] = module
        self._modules = modules

    @property
    def steps(self) -> tuple[nn.Module, ...]:
        """The modules in order, a shared one in each of its places."""
        return self._modules

    def aliases(self) -> dict[str, str]:
        """Each further name of a shared module, and the name that its parameters have."""
        return self._aliases

    def __call__(self, x: mx.array) -> mx.array:
        for module in self._modules:
            x = module(x)
        return x


class PositionalEmbedding(nn.Module):
    """The first `length` rows of a table of time features.

    Shapes: length → z: (1, l, e), t: (1, l, 1).
    Raises: ValueError if length exceeds seq_len.
    Source: canonical ``PositionalEmbedding``.
    """

    def __init__(self, emb_dim: int, seq_len: int, lr_pos_emb: float = 1e-5) -> None:
        super().__init__()
        self.seq_len = seq_len
        self.z, self.t = ops.positional_embedding(seq_len, emb_dim)
        # A learning rate of exactly zero makes the table a buffer, as in the canonical code.
        self.freeze(recurse=False, keys=["t", "z"] if lr_pos_emb == 0.0 else ["t"])

    def __call__(self, length: int) -> tuple[mx.array, mx.array]:
        if not 1 <= length <= self.seq_len:
            raise ValueError(
                f"length={length}, but the filter has seq_len={self.seq_len} positions; "
                "build it with a larger seq_len (l_max, long_conv_l_max)"
            )
        return self.z[:, :length], self.t[:, :length]


class ExponentialModulation(nn.Module):
    """Decay windows h·(exp(−t·|δ|) + shift), δ spread between a slow and a fast decay.

    Shapes: t: (1, l, 1), h: (1, l, d) → (1, l, d); deltas: (1, 1, d).
    Source: canonical ``ExponentialModulation``.
    """

    def __init__(
        self,
        d_model: int,
        fast_decay_pct: float = 0.3,
        slow_decay_pct: float = 1.5,
        target: float = 1e-2,
        modulation_lr: float = 0.0,
        shift: float = 0.0,
    ) -> None:
        super().__init__()
        self.shift = shift
        slow, fast = math.log(target) / slow_decay_pct, math.log(target) / fast_decay_pct
        deltas = mx.linspace(slow, fast, d_model, dtype=mx.float32)
        self.deltas = mx.reshape(deltas, (1, 1, d_model))
        if modulation_lr == 0.0:
            self.freeze(recurse=False, keys=["deltas"])

    def __call__(self, t: mx.array, h: mx.array) -> mx.array:
        return ops.exponential_modulation(h, t, self.deltas, self.shift)


class HyenaFilter(nn.Module):
    """A long convolution whose kernel is a small network's answer to "what is your value at time t?".

    With `bidirectional` a second network gives the kernel of the past's mirror image. One `Sine` module
    serves every inner layer of both networks, so `freq` has several names. `linear_mixer` replaces the
    forward network by one linear map.

    With a `gate` the result is long_conv(x)·gate + extra, rounded once.

    Shapes: x, gate, extra: (b, d, l) → (b, d, l); filter(l), filter_rev(l): (1, l, d).
    Raises: ValueError if emb_dim is even or below 3, or l exceeds seq_len.
    Source: Poli et al. 2023, Hyena, §3.3; canonical ``HyenaFilter``.
    """

    def __init__(
        self,
        d_model: int,
        emb_dim: int = 3,
        order: int = 16,
        seq_len: int = 1024,
        lr: float = 1e-3,  # training only
        lr_pos_emb: float = 1e-5,
        dropout: float = 0.0,  # declared by the canonical code, never applied
        w: float = 1,
        w_mod: float = 1,
        wd: float = 0.0,  # training only
        bias: bool = True,
        num_inner_mlps: int = 2,
        linear_mixer: bool = False,
        modulate: bool = True,
        normalized: bool = False,
        bidirectional: bool = False,
        fast_decay_pct: float = 0.3,
        slow_decay_pct: float = 1.5,
        target: float = 1e-2,
        modulation_lr: float = 0.0,
        shift: float = 0.0,
    ) -> None:
        super().__init__()
        self.use_bias = bias
        self.modulate = modulate
        self.normalized = normalized
        self.bidirectional = bidirectional
        self.bias = mx.random.normal((d_model,), dtype=mx.float32)
        self.pos_emb = PositionalEmbedding(emb_dim, seq_len, lr_pos_emb)
        sine = Sine(order, w=w, w_mod=w_mod)

        def network(shared: tuple[nn.Module, str] | None = None) -> Sequential:
            layers: list[nn.Module] = [Linear(emb_dim, order), sine]
            for _ in range(num_inner_mlps):
                layers += [Linear(order, order), sine]
            return Sequential(*layers, Linear(order, d_model, bias=False), shared=shared)

        if linear_mixer:
            self.implicit_filter = Sequential(Linear(emb_dim, d_model, bias=False))
        else:
            self.implicit_filter = network()
        if bidirectional:
            shared = None if linear_mixer else (sine, "1")
            self.implicit_filter_rev = network(shared)
        self._sine_owner = "implicit_filter_rev" if linear_mixer else "implicit_filter"
        self.modulation = ExponentialModulation(
            d_model, fast_decay_pct, slow_decay_pct, target, modulation_lr, shift
        )

    def tied(self) -> dict[str, str]:
        """Each further canonical name of the sine's frequency, and the name that it has here."""
        names = {}
        for network in ("implicit_filter", "implicit_filter_rev"):
            if network in self:
                for alias, name in self[network].aliases().items():
                    names[f"{network}.{alias}.freq"] = f"{self._sine_owner}.{name}.freq"
        return names

    def _evaluate(self, network: Sequential, length: int) -> mx.array:
        z, t = self.pos_emb(length)
        if fuses() and len(network.steps) > 1:
            return self._fused(network, z, t)
        h = network(z)  # (1, l, d)
        if self.modulate:
            h = self.modulation(t, h)
        return ops.l1_normalize(h) if self.normalized else h

    def _fused(self, network: Sequential, z: mx.array, t: mx.array) -> mx.array:
        """The same by one kernel: z: (1, l, e), t: (1, l, 1) → (1, l, d)."""
        first, sine, *inner, last = network.steps
        inner = inner[::2]  # each is followed by the sine
        o = first.weight.shape[0]
        empty = mx.zeros((0, o), dtype=first.weight.dtype)
        return ops.hyena_filter_forward(
            z,
            t,
            first.weight,
            first.bias,
            mx.stack([m.weight for m in inner]) if inner else mx.reshape(empty, (0, o, o)),
            mx.stack([m.bias for m in inner]) if inner else empty,
            last.weight,
            sine.freq,
            self.modulation.deltas,
            sine.w_mod,
            self.modulate,
            self.modulation.shift,
            self.normalized,
        )

    def filter(self, length: int) -> mx.array:
        """The kernel of lags 0, 1, …: (1, l, d)."""
        return self._evaluate(self.implicit_filter, length)

    def filter_rev(self, length: int) -> mx.array:
        """The kernel of lags −1, −2, …: (1, l, d)."""
        return self._evaluate(self.implicit_filter_rev, length)

    def __call__(self, x: mx.array, gate: mx.array | None = None, extra: mx.array | None = None) -> mx.array:
        length = x.shape[-1]
        k = mx.swapaxes(self.filter(length)[0], 0, 1)  # (d, l)
        if self.bidirectional:
            k_rev = mx.swapaxes(self.filter_rev(length)[0], 0, 1)
            k = ops.bidirectional_kernel(k, k_rev)  # (d, 2·l)
        # Times zero rather than left out: a NaN in x has to reach the result either way.
        zero = mx.array(0, dtype=self.bias.dtype)
        skip = self.bias if self.use_bias else mx.multiply(zero, self.bias)
        if gate is None:
            return ops.long_conv(x, k, skip)
        return ops.gated_long_conv(x, k, skip, gate, extra)

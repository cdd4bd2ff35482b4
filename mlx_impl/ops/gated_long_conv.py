import mlx.core as mx

from mlx_impl import ops
from mlx_impl.kernels.dispatch import wanted
from mlx_impl.kernels.fft_conv import fft_conv, supports
from mlx_impl.profiles import Profile, resolve

from ._check import require, require_long_conv
from ._precision import widen


def gated_long_conv(
    u: mx.array,
    k: mx.array,
    D: mx.array,
    gate: mx.array,
    extra: mx.array | None = None,
    k_rev: mx.array | None = None,
    *,
    profile: Profile | str | None = None,
    kernel: bool | None = None,
) -> mx.array:
    """The long convolution of a mixer with what follows it: y = long_conv(u, k, D)·gate + extra.

    `extra` is the residual path: what a second filter makes of the mixer's input.

    Shapes: u, gate, extra: (b, d, l), k: (d, m) with m ≤ 2·l, D: (d,), k_rev: (d, m') → (b, d, l).
    Dtypes: floating; the result has u's.
    Raises: ValueError as :func:`long_conv`, and if gate or extra has another shape than u.
    Source: Fu et al. 2023, Monarch Mixer, §4; canonical ``MonarchMixerSequenceMixing``.
    """
    require_long_conv(u, k, D, k_rev)
    for name, x in (("gate", gate), ("extra", extra)):
        require(
            x is None or tuple(x.shape) == tuple(u.shape),
            f"{name} has shape {None if x is None else tuple(x.shape)}, expected that of u, {tuple(u.shape)}",
        )
    exact = resolve(profile).transforms == "double-double"
    if wanted(kernel, "gated_long_conv", "fft_conv", supports(u, k, D, k_rev, gate, extra, exact=exact)):
        return fft_conv(u, k, D, k_rev, gate, extra, exact=exact)
    reverse = None if k_rev is None else widen(k_rev)
    y = ops.long_conv(widen(u), widen(k), widen(D), reverse, profile=profile, kernel=kernel)
    y = ops.gate(y, widen(gate))
    return mx.astype(y if extra is None else ops.add(y, widen(extra)), u.dtype)

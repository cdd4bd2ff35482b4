import mlx.core as mx

from mlx_impl import ops
from mlx_impl.kernels.dispatch import wanted
from mlx_impl.kernels.fft_conv import fft_conv, supports
from mlx_impl.profiles import Profile, resolve

from ._check import require
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
    for name, x in (("gate", gate), ("extra", extra)):
        require(
            x is None or tuple(x.shape) == tuple(u.shape),
            f"{name} has shape {None if x is None else tuple(x.shape)}, expected that of u, {tuple(u.shape)}",
        )
    exact = resolve(profile).transforms == "double-double"
    if _fits(u, k, D, k_rev) and wanted(
        kernel, "gated_long_conv", "fft_conv", supports(u, k, D, k_rev, gate, extra, exact=exact)
    ):
        return fft_conv(u, k, D, k_rev, gate, extra, exact=exact)
    reverse = None if k_rev is None else widen(k_rev)
    y = ops.long_conv(widen(u), widen(k), widen(D), reverse, profile=profile, kernel=kernel)
    y = ops.gate(y, widen(gate))
    return mx.astype(y if extra is None else ops.add(y, widen(extra)), u.dtype)


def _fits(u: mx.array, k: mx.array, D: mx.array, k_rev: mx.array | None) -> bool:
    """Whether the shapes are those of the docstring: if not, :func:`long_conv` says what is wrong."""
    if u.ndim != 3 or k.ndim != 2 or (k_rev is not None and k_rev.ndim != 2):
        return False
    _, d, length = u.shape
    filters = k.shape[0] == d and k.shape[1] <= 2 * length
    reverse = k_rev is None or (k_rev.shape[0] == d and k_rev.shape[1] <= length)
    return filters and reverse and tuple(D.shape) == (d,)

import torch
from torch import Tensor

from ._check import require, require_axis, require_floating, require_ndim
from ._precision import widen


def long_conv(u: Tensor, k: Tensor, D: Tensor, k_rev: Tensor | None = None) -> Tensor:
    """Long convolution by FFT over n = 2·l points, with a skip: y = (u ∗ k)[..., :l] + D·u.

    The kernel may have up to n taps; those from l on are the negative lags (they wrap around), which
    is how :func:`bidirectional_kernel` makes a two-sided kernel (the padded-flip form). With `k_rev` the
    spectrum of the kernel is K + conj(K_rev) instead (the conjugate-spectrum form): there lag 0 has weight
    k[0] + k_rev[0] and lag −j has k_rev[j]. :func:`long_conv_bidirectional` has both forms by name. Half
    precision is transformed in float32 and rounded once, at the end.

    Shapes: u: (b, d, l), k: (d, m) with m ≤ 2·l, D: (d,), k_rev: (d, m') with m' ≤ l → (b, d, l).
    Dtypes: floating; the result has u's.
    Raises: ValueError if one of them is not floating, the channels do not match, a kernel is too long, or u
        has no points.
    Source: Fu et al. 2023, Monarch Mixer, §4; canonical ``fftconv_ref``.
    """
    require_floating("u", u)
    require_floating("k", k)
    require_floating("D", D)
    require_floating("k_rev", k_rev)
    require_ndim("u", u, 3, "(b, d, l)")
    require_ndim("k", k, 2, "(d, m)")
    _, d, length = u.shape
    require(length >= 1, f"u has shape {tuple(u.shape)}: there is nothing to transform")
    n = 2 * length
    require_axis("k", k, 0, d, "one kernel for each channel of u")
    require_ndim("D", D, 1, "(d,)")
    require_axis("D", D, 0, d, "one skip weight for each channel of u")
    require(
        k.shape[1] <= n,
        f"k has {k.shape[1]} taps, more than twice the length {length} of u; cut k to {n} taps",
    )
    if k_rev is not None:
        require_axis("k_rev", k_rev, 0, d, "one kernel for each channel of u")
        require(
            k_rev.ndim == 2 and k_rev.shape[1] <= length,
            f"k_rev has shape {tuple(k_rev.shape)}, expected (d, m') with m' ≤ {length}; cut it",
        )
    if u.numel() == 0:  # MKL refuses to transform nothing
        return u.clone()
    spectrum = torch.fft.rfft(widen(k), n=n) / n  # (d, n/2 + 1)
    if k_rev is not None:
        spectrum = spectrum + (torch.fft.rfft(widen(k_rev), n=n) / n).conj()
    u_wide = widen(u)
    product = torch.fft.rfft(u_wide, n=n) * spectrum  # (b, d, n/2 + 1)
    y = torch.fft.irfft(product, n=n, norm="forward")[..., :length]  # (b, d, l)
    return (y + u_wide * widen(D)[:, None]).to(u.dtype)

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ._check import require, require_axis, require_floating, require_ndim
from ._precision import widen


def monarch_conv(u: Tensor, k: Tensor, D: Tensor) -> Tensor:
    """Long convolution by Monarch matrices: y = M⁻¹(M·u ⊙ M·k)[..., :l] + D·u, M being a DFT.

    The DFT of n = n₁·n₂ ≥ 2·l points is two batches of small dense DFTs with twiddles between, read and
    written by columns: X[c + n₁·d] = Σ_b ω_{n₂}^{bd}·ω_n^{bc}·Σ_a ω_{n₁}^{ac}·x[n₂·a + b]. n₁ and n₂ lie next
    to √(2·l), so any length will do, prime ones too. The kernel is that of :func:`long_conv`: taps from l on
    are the negative lags.

    Shapes: u: (b, d, l), k: (d, m) with m ≤ 2·l, D: (d,) → (b, d, l).
    Dtypes: floating; the result has u's. Half precision is transformed in float32.
    Raises: ValueError if one of them is not floating, or the channels do not match, the kernel is too long,
        or u has no points.
    Source: Fu et al. 2023, Monarch Mixer, §3.1 and §4; Bailey 1990, FFTs in external memory (four steps).
    """
    require_floating("u", u)
    require_floating("k", k)
    require_floating("D", D)
    require_ndim("u", u, 3, "(b, d, l)")
    require_ndim("k", k, 2, "(d, m)")
    _, d, length = u.shape
    require(length >= 1, f"u has shape {tuple(u.shape)}: there is nothing to transform")
    require_axis("k", k, 0, d, "one kernel for each channel of u")
    require_ndim("D", D, 1, "(d,)")
    require_axis("D", D, 0, d, "one skip weight for each channel of u")
    require(
        k.shape[1] <= 2 * length,
        f"k has {k.shape[1]} taps, more than twice the length {length} of u; cut k to {2 * length} taps",
    )
    n1 = math.isqrt(2 * length - 1) + 1
    n2 = -(-2 * length // n1)
    n = n1 * n2
    k_wide, u_wide = widen(k), widen(u)
    behind = F.pad(k_wide[:, length:], (0, max(0, 2 * length - max(k.shape[1], length))))  # negative lags
    kernel = torch.cat([F.pad(k_wide[:, :length], (0, n - length))[:, : n - behind.shape[1]], behind], dim=-1)
    product = _dft(u_wide, n1, n2) * (_dft(kernel, n1, n2) / n)  # (b, d, n1, n2)
    y = _inverse(product)[..., :length]  # (b, d, l)
    return (y + u_wide * widen(D)[:, None]).to(u.dtype)


def _roots(rows: int, columns: int, period: int, like: Tensor) -> Tensor:
    """exp(−2πi·row·column/period), exact to the last place: (rows, columns)."""
    i, j = torch.arange(rows)[:, None], torch.arange(columns)
    phase = 2 * math.pi * (i * j % period).to(torch.float64) / period
    return torch.polar(torch.ones_like(phase), -phase).to(
        like.device, torch.complex(like[:0], like[:0]).dtype
    )


def _dft(x: Tensor, n1: int, n2: int) -> Tensor:
    """The DFT of x followed by zeros, at k = c + n1·d: (..., m) → (..., n1, n2), c first."""
    blocks = F.pad(x, (0, n1 * n2 - x.shape[-1])).reshape(*x.shape[:-1], n1, n2)  # (..., a, b)
    first = torch.einsum(
        "...ab,ac->...cb", torch.complex(blocks, torch.zeros_like(blocks)), _roots(n1, n1, n1, x)
    )
    twiddled = first * _roots(n1, n2, n1 * n2, x)  # (..., c, b)
    return twiddled @ _roots(n2, n2, n2, x)  # (..., c, d)


def _inverse(X: Tensor) -> Tensor:
    """The real part of the inverse DFT, not divided by n: (..., n1, n2) → (..., n)."""
    n1, n2 = X.shape[-2:]
    last = X @ _roots(n2, n2, n2, X.real).conj()  # (..., c, b)
    twiddled = last * _roots(n1, n2, n1 * n2, X.real).conj()
    x = torch.einsum("...cb,ac->...ab", twiddled, _roots(n1, n1, n1, X.real).conj())
    return x.real.reshape(*X.shape[:-2], n1 * n2)

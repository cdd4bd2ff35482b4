import mlx.core as mx

from mlx_impl.profiles import Profile, resolve

from ._check import require, require_axis, require_floating, require_ndim
from ._fft import spread
from ._monarch import Dft
from ._precision import scalar, widen


def monarch_conv(u: mx.array, k: mx.array, D: mx.array, *, profile: Profile | str | None = None) -> mx.array:
    """Long convolution by Monarch matrices: y = M⁻¹(M·u ⊙ M·k)[..., :l] + D·u, M being a DFT.

    The DFT of n = n₁·n₂ ≥ 2·l points is two batches of small dense DFTs with twiddles between, read and
    written by columns: X[c + n₁·d] = Σ_b ω_{n₂}^{bd}·ω_n^{bc}·Σ_a ω_{n₁}^{ac}·x[n₂·a + b]. n₁ and n₂ lie next
    to √(2·l), so any length will do, prime ones too. The kernel is that of :func:`long_conv`: taps from l on
    are the negative lags.

    Shapes: u: (b, d, l), k: (d, m) with m ≤ 2·l, D: (d,) → (b, d, l).
    Dtypes: floating; the result has u's. Half precision is transformed in float32.
    Raises: ValueError if one of them is not floating, or the channels do not match, the kernel is too long, u
        has no points, or there is no such profile.
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
    u_wide, k_wide = widen(u), widen(k)
    dft = Dft.of_at_least(2 * length, u_wide.dtype)
    points = scalar(dft.n, k_wide)
    on_spectrum = resolve(profile).scale == "spectrum"
    k_re, k_im = dft.forward(spread(k_wide, length, dft.n))  # (d, n₁, n₂)
    if on_spectrum:
        k_re, k_im = mx.divide(k_re, points), mx.divide(k_im, points)
    u_re, u_im = dft.forward(u_wide)  # (b, d, n₁, n₂)
    re = mx.subtract(mx.multiply(u_re, k_re), mx.multiply(u_im, k_im))
    im = mx.add(mx.multiply(u_re, k_im), mx.multiply(u_im, k_re))
    y = dft.inverse(re, im)[..., :length]  # (b, d, l)
    if not on_spectrum:
        y = mx.divide(y, points)
    skip = mx.multiply(u_wide, mx.expand_dims(widen(D), -1))
    return mx.astype(mx.add(y, skip), u.dtype)

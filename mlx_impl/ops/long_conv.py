import mlx.core as mx

from ._check import require, require_axis, require_ndim
from ._precision import scalar, widen


def long_conv(u: mx.array, k: mx.array, D: mx.array, k_rev: mx.array | None = None) -> mx.array:
    """Long convolution by FFT over n = 2·l points, with a skip: y = (u ∗ k)[..., :l] + D·u.

    The kernel may have up to n taps; those from l on are the negative lags (they wrap around), which
    is how :func:`bidirectional_kernel` makes a two-sided kernel. With `k_rev` the spectrum of the
    kernel is K + conj(K_rev) instead: there lag 0 has weight k[0] + k_rev[0] and lag −j has
    k_rev[j]. Half precision is transformed in float32 and rounded once, at the end.

    Shapes: u: (b, d, l), k: (d, m) with m ≤ 2·l, D: (d,), k_rev: (d, m') with m' ≤ l → (b, d, l).
    Dtypes: floating; the result has u's.
    Raises: ValueError if the channels do not match or a kernel is too long.
    Source: Fu et al. 2023, Monarch Mixer, §4; canonical ``fftconv_ref``.
    """
    require_ndim("u", u, 3, "(b, d, l)")
    require_ndim("k", k, 2, "(d, m)")
    _, d, length = u.shape
    n = 2 * length
    require_axis("k", k, 0, d, "one kernel for each channel of u")
    require_axis("D", D, 0, d, "one skip weight for each channel of u")
    require(
        k.shape[1] <= n,
        f"k has {k.shape[1]} taps, more than twice the length {length} of u; cut k to {n} taps",
    )
    u_wide, k_wide = widen(u), widen(k)
    points = scalar(n, k_wide)
    spectrum = mx.divide(mx.fft.rfft(k_wide, n=n), points)  # (d, n/2 + 1)
    if k_rev is not None:
        require_axis("k_rev", k_rev, 0, d, "one kernel for each channel of u")
        require(
            k_rev.ndim == 2 and k_rev.shape[1] <= length,
            f"k_rev has shape {tuple(k_rev.shape)}, expected (d, m') with m' ≤ {length}; cut it",
        )
        mirrored = mx.conjugate(mx.divide(mx.fft.rfft(widen(k_rev), n=n), points))
        spectrum = mx.add(spectrum, mirrored)
    product = mx.multiply(mx.fft.rfft(u_wide, n=n), spectrum)  # (b, d, n/2 + 1)
    y = mx.fft.irfft(product, n=n, norm="forward")[..., :length]  # (b, d, l)
    skip = mx.multiply(u_wide, mx.expand_dims(widen(D), -1))
    return mx.astype(mx.add(y, skip), u.dtype)

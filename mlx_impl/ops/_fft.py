"""Convolution by FFT, in the variants that a profile chooses between."""

import mlx.core as mx

from mlx_impl.profiles import Profile

from ._precision import scalar


def convolve(u: mx.array, k: mx.array, k_rev: mx.array | None, profile: Profile) -> mx.array:
    """(u ∗ k)[..., :l], taps of k from l on and those of k_rev being negative lags as in ``long_conv``.

    Shapes: u: (b, d, l), k: (d, m) with m ≤ 2·l, k_rev: (d, m') with m' ≤ l → (b, d, l).
    Dtypes: float32 (float64 too: MLX transforms it in float32).
    """
    length = u.shape[-1]
    n = 2 * length
    if profile.points == "smooth":
        n = next_smooth(n)
        k = spread(k, length, n)
    if k_rev is not None and profile.kernels == "time":
        k, k_rev = _both(k, k_rev, n), None
    spectrum = _spectrum(k, n, profile)  # (d, n/2 + 1)
    if k_rev is not None:
        spectrum = mx.add(spectrum, mx.conjugate(_spectrum(k_rev, n, profile)))
    product = mx.multiply(mx.fft.rfft(u, n=n), spectrum)  # (b, d, n/2 + 1)
    norm = "forward" if profile.scale == "spectrum" else "backward"
    return mx.fft.irfft(product, n=n, norm=norm)[..., :length]


def _spectrum(k: mx.array, n: int, profile: Profile) -> mx.array:
    """The transform of a kernel over n points, divided by n if that is where 1/n stands."""
    spectrum = mx.fft.rfft(k, n=n)
    return mx.divide(spectrum, scalar(n, k)) if profile.scale == "spectrum" else spectrum


def next_smooth(n: int) -> int:
    """The first even number from n on that has no prime factor above 5."""
    n += n % 2
    while not _is_smooth(n):
        n += 2
    return n


def _is_smooth(n: int) -> bool:
    for prime in (2, 3, 5):
        while n % prime == 0:
            n //= prime
    return n == 1


def spread(k: mx.array, length: int, n: int) -> mx.array:
    """A kernel for a circle of 2·l points on one of n: zeros between its positive and its negative lags."""
    d, taps = k.shape
    if taps <= length or n == 2 * length:
        return k
    between = mx.zeros((d, n - 2 * length), dtype=k.dtype)
    behind = mx.pad(k[:, length:], [(0, 0), (0, 2 * length - taps)])
    return mx.concatenate([k[:, :length], between, behind], axis=-1)


def _both(k: mx.array, k_rev: mx.array, n: int) -> mx.array:
    """One kernel over n points that has k_rev[j] at lag −j too: its spectrum is K + conj(K_rev)."""
    d, taps = k_rev.shape
    between = mx.zeros((d, n - taps), dtype=k.dtype)
    back = mx.concatenate([k_rev[:, :1], between, mx.flip(k_rev[:, 1:], -1)], axis=-1)
    return mx.add(mx.pad(k, [(0, 0), (0, n - k.shape[1])]), back)

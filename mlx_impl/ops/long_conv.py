import mlx.core as mx

from mlx_impl.kernels.dispatch import wanted
from mlx_impl.kernels.fft_conv import fft_conv, supports
from mlx_impl.profiles import Profile, resolve

from ._check import require_long_conv
from ._fft import convolve
from ._precision import widen


def long_conv(
    u: mx.array,
    k: mx.array,
    D: mx.array,
    k_rev: mx.array | None = None,
    *,
    profile: Profile | str | None = None,
    kernel: bool | None = None,
) -> mx.array:
    """Long convolution by FFT over n = 2·l points, with a skip: y = (u ∗ k)[..., :l] + D·u.

    The kernel may have up to n taps; those from l on are the negative lags (they wrap around), which
    is how :func:`bidirectional_kernel` makes a two-sided kernel (the padded-flip form). With `k_rev` the
    spectrum of the kernel is K + conj(K_rev) instead (the conjugate-spectrum form): there lag 0 has weight
    k[0] + k_rev[0] and lag −j has k_rev[j]. :func:`long_conv_bidirectional` has both forms by name. Half
    precision is transformed in float32 and rounded once, at the end.

    Shapes: u: (b, d, l), k: (d, m) with m ≤ 2·l, D: (d,), k_rev: (d, m') with m' ≤ l → (b, d, l).
    Dtypes: floating; the result has u's. MLX has no complex128: float64 is transformed in float32.
    Raises: ValueError if one of them is not floating, the channels do not match, a kernel is too long, u has
        no points, or `kernel` is True and the Metal kernel cannot run these arguments.
    Source: Fu et al. 2023, Monarch Mixer, §4; canonical ``fftconv_ref``.
    """
    require_long_conv(u, k, D, k_rev)
    chosen = resolve(profile)
    exact = chosen.transforms == "double-double"
    if wanted(kernel, "long_conv", "fft_conv", supports(u, k, D, k_rev, exact=exact)):
        return fft_conv(u, k, D, k_rev, exact=exact)
    u_wide = widen(u)
    y = convolve(u_wide, widen(k), None if k_rev is None else widen(k_rev), chosen)  # (b, d, l)
    skip = mx.multiply(u_wide, mx.expand_dims(widen(D), -1))
    return mx.astype(mx.add(y, skip), u.dtype)

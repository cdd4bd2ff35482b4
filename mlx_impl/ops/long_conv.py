import mlx.core as mx

from mlx_impl.kernels.dispatch import wanted
from mlx_impl.kernels.fft_conv import fft_conv, supports
from mlx_impl.profiles import Profile, resolve

from ._check import require, require_axis, require_floating, require_ndim
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
    Raises: ValueError if the channels do not match, a kernel is too long, or u has no points, or
        `kernel` is True and the Metal kernel cannot run these arguments.
    Source: Fu et al. 2023, Monarch Mixer, §4; canonical ``fftconv_ref``.
    """
    require_ndim("u", u, 3, "(b, d, l)")
    require_ndim("k", k, 2, "(d, m)")
    require_floating("u", u)
    _, d, length = u.shape
    require(length >= 1, f"u has shape {tuple(u.shape)}: there is nothing to transform")
    require_axis("k", k, 0, d, "one kernel for each channel of u")
    require_ndim("D", D, 1, "(d,)")
    require_axis("D", D, 0, d, "one skip weight for each channel of u")
    require(
        k.shape[1] <= 2 * length,
        f"k has {k.shape[1]} taps, more than twice the length {length} of u; cut k to {2 * length} taps",
    )
    if k_rev is not None:
        require_axis("k_rev", k_rev, 0, d, "one kernel for each channel of u")
        require(
            k_rev.ndim == 2 and k_rev.shape[1] <= length,
            f"k_rev has shape {tuple(k_rev.shape)}, expected (d, m') with m' ≤ {length}; cut it",
        )
    chosen = resolve(profile)
    exact = chosen.transforms == "double-double"
    if wanted(kernel, "long_conv", "fft_conv", supports(u, k, D, k_rev, exact=exact)):
        return fft_conv(u, k, D, k_rev, exact=exact)
    u_wide = widen(u)
    y = convolve(u_wide, widen(k), None if k_rev is None else widen(k_rev), chosen)  # (b, d, l)
    skip = mx.multiply(u_wide, mx.expand_dims(widen(D), -1))
    return mx.astype(mx.add(y, skip), u.dtype)

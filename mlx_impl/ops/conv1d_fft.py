import mlx.core as mx

from mlx_impl.profiles import Profile, resolve

from ._check import require, require_axis, require_floating, require_ndim
from ._fft import convolve
from ._precision import widen


def conv1d_fft(
    x: mx.array, k: mx.array, bias: mx.array | None = None, *, profile: Profile | str | None = None
) -> mx.array:
    """Causal convolution of each channel with its own taps, by FFT: y_t = Σ_j k_j·x_{t−j} + b.

    A convolution, not the cross-correlation of :func:`conv1d`: tap 0 meets the present, tap j what was j
    steps ago. Taps from l on never meet anything. Over 2·l points, so that nothing wraps around.

    Shapes: x: (b, d, l), k: (d, m), bias: (d,) or None → (b, d, l).
    Dtypes: floating; the result has x's. Half precision is transformed in float32.
    Raises: ValueError if one of them is not floating, the channels do not match, x has no points, or there is
        no such profile.
    Source: Oppenheim & Schafer 2010, Discrete-Time Signal Processing, §8.7; canonical ``fftconv_ref``, with
        a constant in place of the skip D·u.
    """
    require_floating("x", x)
    require_floating("k", k)
    require_floating("bias", bias)
    require_ndim("x", x, 3, "(b, d, l)")
    require_ndim("k", k, 2, "(d, m)")
    _, d, length = x.shape
    require_axis("k", k, 0, d, "one kernel for each channel of x")
    require(length >= 1, f"x has shape {tuple(x.shape)}: there is nothing to transform")
    if bias is not None:
        require_axis("bias", bias, 0, d, "one bias for each channel of x")
    y = convolve(widen(x), widen(k[:, :length]), None, resolve(profile))
    if bias is not None:
        y = mx.add(y, mx.expand_dims(widen(bias), -1))
    return mx.astype(y, x.dtype)

import torch
from torch import Tensor

from ._check import require, require_axis, require_floating, require_ndim
from ._precision import widen


def conv1d_fft(x: Tensor, k: Tensor, bias: Tensor | None = None) -> Tensor:
    """Causal convolution of each channel with its own taps, by FFT: y_t = Σ_j k_j·x_{t−j} + b.

    A convolution, not the cross-correlation of :func:`conv1d`: tap 0 meets the present, tap j what was j
    steps ago. Taps from l on never meet anything. Over 2·l points, so that nothing wraps around.

    Shapes: x: (b, d, l), k: (d, m), bias: (d,) or None → (b, d, l).
    Dtypes: floating; the result has x's. Half precision is transformed in float32.
    Raises: ValueError if one of them is not floating, the channels do not match, or x has no points.
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
    if x.numel() == 0:  # MKL refuses to transform nothing
        return x.clone()
    n = 2 * length
    spectrum = torch.fft.rfft(widen(k[:, :length]), n=n) / n  # (d, n/2 + 1)
    product = torch.fft.rfft(widen(x), n=n) * spectrum  # (b, d, n/2 + 1)
    y = torch.fft.irfft(product, n=n, norm="forward")[..., :length]  # (b, d, l)
    if bias is not None:
        y = y + widen(bias)[:, None]
    return y.to(x.dtype)

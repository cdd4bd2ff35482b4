from torch import Tensor

from reference import ops

from ._check import require


def conv1d_fft_with_bias(x: Tensor, k: Tensor, bias: Tensor) -> Tensor:
    """Causal convolution by FFT with a bias that cannot be left out: y_t = Σ_j k_j·x_{t−j} + b.

    For models whose convolution has one: a checkpoint that lacks it is an error here, not a zero.

    Shapes: x: (b, d, l), k: (d, m), bias: (d,) → (b, d, l).
    Dtypes: floating; the result has x's. Half precision is transformed in float32.
    Raises: ValueError if bias is None, and as :func:`conv1d_fft`.
    Source: as :func:`conv1d_fft`.
    """
    require(bias is not None, "bias is None: this word needs one; without a bias say conv1d_fft")
    return ops.conv1d_fft(x, k, bias)

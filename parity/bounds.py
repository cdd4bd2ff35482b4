"""Forward error bounds from theory, as functions of the inputs: exceeding one is a bug, whatever else.

`u` is the unit roundoff of the arithmetic (float32 for half-precision formats, which accumulate in
float32) and `v` that of the result's format. γₙ = n·u/(1 − n·u) (Higham 2002, §3.1).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .dtypes import FLOAT32, Float64, WorkingDtype

Bound = Callable[[Mapping[str, Any], WorkingDtype], Float64]
"""Inputs (float64 arrays and options), working dtype → a bound on |error|, broadcastable to the result."""


def gamma(n: int, u: float) -> float:
    """γₙ = n·u/(1 − n·u), infinite once n·u reaches one."""
    return n * u / (1 - n * u) if n * u < 1 else np.inf


def arithmetic_roundoff(dtype: WorkingDtype) -> float:
    """The unit roundoff that sums are made with: that of float32, also for half-precision formats."""
    return min(dtype.unit_roundoff, FLOAT32.unit_roundoff)


def rounded(bound: Float64, magnitude: Float64, dtype: WorkingDtype) -> Float64:
    """A bound on the unrounded result, plus one rounding to `dtype` and its smallest subnormal."""
    v = dtype.unit_roundoff
    return bound * (1 + v) + v * magnitude + 2.0 ** (dtype.emin - dtype.precision + 1)


def product(a: Float64, b: Float64, dtype: WorkingDtype, extra: Float64 | None = None) -> Float64:
    """|fl(A·B) − A·B| ≤ γₖ|A||B| for any order of summation (Higham 2002, §3.5, eq. 3.13).

    `extra` is a term added to the product (a bias): one more addition.

    Shapes: a: (..., m, k), b: (..., k, n), extra: broadcastable → (..., m, n).
    """
    k = a.shape[-1] + (extra is not None)
    with np.errstate(invalid="ignore", over="ignore"):  # zero times infinity has no bound
        magnitude = np.abs(a) @ np.abs(b)
    if extra is not None:
        magnitude = magnitude + np.abs(extra)
    return rounded(gamma(k, arithmetic_roundoff(dtype)) * magnitude, magnitude, dtype)


def fft_convolution(u: Float64, k: Float64, skip: Float64, dtype: WorkingDtype) -> Float64:
    """A bound on the error of irfft(rfft(u)·rfft(k)) + skip·u over n = 2·l points, row by row.

    One transform of n points is off by at most ε‖·‖₂ with ε = t·η/(1 − t·η), t = log₂n,
    η = μ + γ₄(√2 + μ), twiddles accurate to μ = u (Higham 2002, Theorem 24.2). With û = Fu, k̂ = Fk,

        ‖error‖₂ ≤ ε(‖k̂‖_∞‖u‖₂ + ‖û‖_∞‖k‖₂) + (ε + γ₄)‖k̂‖_∞‖u‖₂,

    the two forward transforms, then the product and the inverse. Lengths that are no power of two run
    through a longer transform (Bluestein: three of at most 4·n points), hence t = 3·log₂(4·n).

    Shapes: u: (b, d, l), k: (d, m), skip: (d,) → (b, d, 1).
    """
    n = 2 * u.shape[-1]
    w = arithmetic_roundoff(dtype)
    power_of_two = n & (n - 1) == 0
    t = np.log2(n) if power_of_two else 3 * np.log2(4 * n)
    eta = w + gamma(4, w) * (np.sqrt(2) + w)
    eps = t * eta / (1 - t * eta)
    u_hat = np.max(np.abs(np.fft.rfft(u, n=n)), axis=-1)  # (b, d)
    k_hat = np.max(np.abs(np.fft.rfft(k, n=n)), axis=-1)  # (d,)
    u_norm = np.linalg.norm(u, axis=-1)
    k_norm = np.linalg.norm(k, axis=-1)
    forward = eps * (k_hat * u_norm + u_hat * k_norm)
    inverse = (eps + gamma(4, w)) * k_hat * u_norm
    addend = np.max(np.abs(u), axis=-1) * np.abs(skip)  # (b, d)
    magnitude = k_hat * u_norm + addend
    error = (forward + inverse + 2 * w * magnitude)[..., None]
    return rounded(error, magnitude[..., None], dtype)

"""Theory's bounds hold for honest arithmetic, and are not so wide that nothing exceeds them."""

import numpy as np
import pytest

from parity import bounds
from parity.dtypes import FLOAT32


def _sequential(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    total = np.zeros((a.shape[0], b.shape[1]), dtype=np.float32)
    for i in range(a.shape[1]):
        total += a[:, i : i + 1] * b[i]
    return total


@pytest.mark.parametrize("k", [1, 7, 192, 768])
def test_products(k: int) -> None:
    """|fl(AB) − AB| ≤ γₙ|A||B| for sequential float32 sums; a lost term is over it."""
    rng = np.random.default_rng(k)
    a, b = (rng.standard_normal(s).astype(np.float32) for s in ((8, k), (k, 8)))
    exact = a.astype(np.float64) @ b.astype(np.float64)
    bound = bounds.product(a.astype(np.float64), b.astype(np.float64), FLOAT32)
    assert (np.abs(_sequential(a, b) - exact) <= bound).all()
    without = exact - a[:, :1].astype(np.float64) * b[:1].astype(np.float64)
    assert (np.abs(without - exact) > bound).any()


@pytest.mark.parametrize("n", [1, 64, 97, 512])
def test_fft_convolution(n: int) -> None:
    """The FFT bound holds for float32 transforms; a missing skip term is over it."""
    rng = np.random.default_rng(n)
    u = rng.standard_normal((2, 3, n)).astype(np.float32)
    k, skip = (rng.standard_normal(s).astype(np.float32) for s in ((3, n), (3,)))
    product = np.fft.rfft(u, n=2 * n) * np.fft.rfft(k, n=2 * n)
    assert product.dtype == np.complex64
    y = np.fft.irfft(product, n=2 * n)[..., :n] + u * skip[:, None]
    wide = [x.astype(np.float64) for x in (u, k, skip)]
    exact = np.fft.irfft(np.fft.rfft(wide[0], n=2 * n) * np.fft.rfft(wide[1], n=2 * n), n=2 * n)
    exact = exact[..., :n] + wide[0] * wide[2][:, None]
    bound = bounds.fft_convolution(wide[0], wide[1], wide[2], FLOAT32)
    assert (np.abs(y - exact) <= bound).all()
    assert (np.abs(u * skip[:, None]) > np.broadcast_to(bound, u.shape)).any()

"""Forward error bounds of words, from `parity.bounds`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from parity import bounds
from parity.dtypes import Float64, WorkingDtype

Inputs = Mapping[str, Any]


def linear_bound(x: Inputs, dtype: WorkingDtype) -> Float64:
    """The product's bound, and an addition: GPU libraries round the product before they add the bias."""
    product = bounds.product(x["x"], x["weight"].T, dtype)
    if x.get("bias") is None:
        return product
    magnitude = np.abs(x["x"]) @ np.abs(x["weight"].T) + np.abs(x["bias"])
    return bounds.rounded(product, magnitude, dtype)


def matmul_bound(x: Inputs, dtype: WorkingDtype) -> Float64:
    return bounds.product(x["a"], x["b"], dtype)


def blockdiag_bound(x: Inputs, dtype: WorkingDtype) -> Float64:
    k, q, p = x["weight"].shape
    blocks = x["x"].reshape(-1, k, p).swapaxes(0, 1)  # (k, n, p)
    bound = bounds.product(blocks, x["weight"].swapaxes(1, 2), dtype)  # (k, n, q)
    return bound.swapaxes(0, 1).reshape(*x["x"].shape[:-1], k * q)


def conv_bound(x: Inputs, dtype: WorkingDtype) -> Float64:
    pad = x["padding"]
    padded = np.pad(x["x"], [(0, 0), (0, 0), (pad, pad)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, x["weight"].shape[-1], axis=-1)
    taps = x["weight"][:, 0, :, None]  # (c, k, 1)
    bias = np.broadcast_to(x["bias"][:, None, None], (*windows.shape[1:3], 1))
    return bounds.product(windows, taps, dtype, bias)[..., 0]


def long_conv_bound(x: Inputs, dtype: WorkingDtype) -> Float64:
    k = x["k"]
    if x.get("k_rev") is not None:
        return np.array(np.inf)
    return bounds.fft_convolution(x["u"], k, x["D"], dtype)

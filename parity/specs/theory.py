"""Forward error bounds of words, from `parity.bounds`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from parity import bounds
from parity.dtypes import Float64, WorkingDtype

Inputs = Mapping[str, Any]


def linear_bound(x: Inputs, dtype: WorkingDtype) -> Float64:
    """The bias is a term anywhere in the sum; and GPU libraries round the product before they add it."""
    bias = x.get("bias")
    product = bounds.product(x["x"], x["weight"].T, dtype, bias)
    if bias is None:
        return product
    with np.errstate(invalid="ignore", over="ignore"):
        magnitude = np.abs(x["x"]) @ np.abs(x["weight"].T) + np.abs(bias)
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


def conv1d_bound(x: Inputs, dtype: WorkingDtype) -> Float64:
    """A product for each output position, of the inputs and taps of its group."""
    outputs, inputs, taps = x["weight"].shape
    groups, dilation, stride, pad = x["groups"], x["dilation"], x["stride"], x["padding"]
    padded = np.pad(x["x"], [(0, 0), (0, 0), (pad, pad)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, dilation * (taps - 1) + 1, axis=-1)
    windows = windows[:, :, ::stride, ::dilation]  # (b, c, l', k)
    b, _, length, _ = windows.shape
    rows = windows.reshape(b, groups, inputs, length, taps).transpose(0, 1, 3, 2, 4)
    rows = rows.reshape(b, groups, length, inputs * taps)
    columns = x["weight"].reshape(groups, outputs // groups, inputs * taps).swapaxes(1, 2)
    bias = np.zeros(outputs) if x.get("bias") is None else x["bias"]
    extra = np.broadcast_to(bias.reshape(groups, 1, -1), (groups, length, outputs // groups))
    found = bounds.product(rows, columns, dtype, extra)  # (b, g, l', o/g)
    return found.transpose(0, 1, 3, 2).reshape(b, outputs, length)


def causal_bound(x: Inputs, dtype: WorkingDtype) -> Float64:
    """The FFT convolution's, the bias being one more addition."""
    u, k = x["x"], x["k"][:, : x["x"].shape[-1]]
    found = bounds.fft_convolution(u, k, np.zeros(k.shape[0]), dtype)
    bias = 0.0 if x.get("bias") is None else np.abs(x["bias"])[:, None]
    return bounds.rounded(found, found + bias + np.abs(u).sum(-1, keepdims=True) * np.abs(k).max(), dtype)

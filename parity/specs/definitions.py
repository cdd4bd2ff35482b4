"""Second definitions of words: slow, by loops or dense matrices, for what the words do by transforms."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from parity.dtypes import Float64

Inputs = Mapping[str, Any]


def direct_convolution(x: Inputs, _: Inputs) -> Float64:
    """y[t] = Σⱼ K[t − j]·u[j] + D·u[t], K[−i] being k[2l − i] and, if there is one, k_rev[i]."""
    u, k = x["u"], x["k"]
    length = u.shape[-1]
    taps = np.zeros((k.shape[0], 2 * length))  # lag j at j, lag −i at 2l − i
    taps[:, : k.shape[1]] += k
    if x.get("k_rev") is not None:
        back = x["k_rev"]
        taps[:, (-np.arange(back.shape[1])) % (2 * length)] += back
    lags = (np.arange(length)[:, None] - np.arange(length)) % (2 * length)  # (t, j)
    y: Float64 = np.einsum("dtj,bdj->bdt", taps[:, lags], u) + u * x["D"][:, None]
    return y


def direct_causal(x: Inputs, _: Inputs) -> Float64:
    """y[t] = Σⱼ k[j]·x[t − j] + bias, nothing before the beginning."""
    u, k = x["x"], x["k"]
    length = u.shape[-1]
    y: Float64 = np.zeros_like(u)
    for j in range(min(k.shape[1], length)):
        y[..., j:] += k[:, j, None] * u[..., : length - j]
    if x.get("bias") is not None:
        y = y + x["bias"][:, None]
    return y


def direct_both_ways(x: Inputs, options: Inputs) -> Float64:
    """y[t] = Σⱼ k[j]·u[t − j] + Σⱼ k_rev[j]·u[t + j (+ 1 if padded)] + D·u[t]."""
    u, later = x["u"], int(options["form"] == "padded")
    length = u.shape[-1]
    y: Float64 = u * x["D"][:, None]
    for j in range(x["k"].shape[1]):
        y[..., j:] += x["k"][:, j, None] * u[..., : length - j]
        ahead = j + later
        if ahead < length:
            y[..., : length - ahead] += x["k_rev"][:, j, None] * u[..., ahead:]
    return y


def direct_conv1d(x: Inputs, options: Inputs) -> Float64:
    """y[o, t] = Σᵢ Σⱼ w[o, i, j]·x[i, t·stride + j·dilation − padding] + bias, group by group."""
    u, w, groups = x["x"], x["weight"], options["groups"]
    stride, dilation, pad = options["stride"], options["dilation"], options["padding"]
    outputs, inputs, taps = w.shape
    padded = np.pad(u, [(0, 0), (0, 0), (pad, pad)])
    y = np.zeros((u.shape[0], outputs, (padded.shape[-1] - dilation * (taps - 1) - 1) // stride + 1))
    for o in range(outputs):
        first = o // (outputs // groups) * inputs
        for t in range(y.shape[-1]):
            window = padded[:, first : first + inputs, t * stride : t * stride + dilation * (taps - 1) + 1]
            y[:, o, t] = np.sum(window[..., ::dilation] * w[o], axis=(1, 2))
    if x.get("bias") is not None:
        y += x["bias"][:, None]
    return y


def direct_taps(x: Inputs, options: Inputs) -> Float64:
    """y[t] = Σₖ w[k]·x[t + k − padding] + bias, zero outside."""
    u, w, pad = x["x"], x["weight"][:, 0], options["padding"]
    length, taps = u.shape[-1], w.shape[-1]
    y = np.zeros((*u.shape[:-1], length + 2 * pad - taps + 1))
    for t in range(y.shape[-1]):
        for k in range(taps):
            if 0 <= t + k - pad < length:
                y[..., t] += w[:, k] * u[..., t + k - pad]
    y += x["bias"][:, None]
    return y


def direct_passed(x: Inputs, _: Inputs) -> Float64:
    """The middle third of the taps, from as many zeros before x as reach back."""
    d, length = x["x"].shape[1] // 3, x["x"].shape[-1]
    of = {n: x[n][..., d : 2 * d, :] if n == "x" else x[n][d : 2 * d] for n in ("x", "weight", "bias")}
    return direct_taps(of, {"padding": x["weight"].shape[-1] - 1})[..., :length]


def dense(weight: Float64) -> Float64:
    """The dense matrix of a block-diagonal weight: (k, q, p) → (k·q, k·p)."""
    k, q, p = weight.shape
    dense = np.zeros((k * q, k * p))
    for i in range(k):
        dense[i * q : (i + 1) * q, i * p : (i + 1) * p] = weight[i]
    return dense


def dense_blockdiag(x: Inputs, _: Inputs) -> Float64:
    y: Float64 = x["x"] @ dense(x["weight"]).T
    return y


def dense_glu(x: Inputs, _: Inputs) -> Float64:
    """gelu(a)·b of the halves of a dense product, GELU by the error function, element by element."""
    a, b = np.split(x["x"] @ dense(x["weight"]).T, 2, axis=-1)
    share = np.array([math.erf(t / math.sqrt(2)) for t in a.ravel()]).reshape(a.shape)
    y: Float64 = a / 2 * (1 + share) * b
    return y


def dense_butterfly(x: Inputs, _: Inputs) -> Float64:
    """Two dense matrices, and two permutations that read by rows and write by columns."""
    hidden = x["x"] @ dense(x["w1_bfly"]).T
    n, s, r = x["w2_bfly"].shape
    hidden = hidden[:, [j * n + i for i in range(n) for j in range(r)]]
    out = hidden @ dense(x["w2_bfly"]).T
    shuffled: Float64 = out[:, [j * s + i for i in range(s) for j in range(n)]]
    return shuffled


def dense_monarch(x: Inputs, _: Inputs) -> Float64:
    """The two dense matrices again, the vector read by columns first."""
    k, _, p = x["w1"].shape
    columns = [j * k + i for i in range(k) for j in range(p)]
    return dense_butterfly({"x": x["x"][:, columns], "w1_bfly": x["w1"], "w2_bfly": x["w2"]}, {})


def dense_mlp(x: Inputs, options: Inputs) -> Float64:
    """Two dense matrices with zeros outside their blocks, and the activation between."""
    d = x["x"].shape[-1]
    first, second = dense(x["w1"]), dense(x["w2"])
    hidden = x["x"] @ first[:, :d].T
    features = options["features"] or hidden.shape[-1]
    hidden = hidden[..., :features] + (0 if x.get("b1") is None else x["b1"])
    if options["gated"]:
        hidden, gate = np.split(hidden, 2, axis=-1)
    hidden = hidden * 0.5 * (1 + np.vectorize(math.erf)(hidden / math.sqrt(2)))
    if options["gated"]:
        hidden = hidden * gate
    out: Float64 = (hidden @ second[:, : hidden.shape[-1]].T)[..., :d]
    return out + (0 if x.get("b2") is None else x["b2"])

"""The long convolution on Metal: one kernel while a transform fits threadgroup memory, a few beyond."""

from functools import cache
from typing import Any

import mlx.core as mx

from . import fft_streamed as streamed
from .batching import batched
from .dispatch import Support, floats
from .fft_geometry import block, options, points, radix, vectors
from .gradients import with_gradients
from .metal_kernel import Launch, MetalKernel, Shaped, nbytes, size

LONGEST = 65536
LONGEST_EXACT = 32768
FEW = 64
"""Transforms of so many points are computed in double-double whatever is asked: it costs nothing there."""
ENOUGH = 128
"""Threadgroups that keep a GPU busy: with fewer channels the batch is divided too."""


def _launch(
    u: Shaped,
    k: Shaped,
    k_rev: Shaped,
    D: Shaped,
    gate: Shaped,
    extra: Shaped,
    options: Shaped,
    *,
    reverse: bool = False,
    gated: bool = False,
    added: bool = False,
    exact: bool = False,
) -> Launch:
    b, d, length = u.shape
    m = points(length)
    r = radix(m)
    slabs = min(b, -(-ENOUGH // d))
    template = (
        ("U", u.dtype),
        ("T", k.dtype),
        ("M", m),
        ("R", r),
        ("VECTORS", vectors(u, k)),
        ("EXACT", exact or m <= FEW),
    )
    made = size(u.shape) * k.dtype.size
    least = nbytes(u) + (1 + gated + added) * made + nbytes(D) + slabs * (nbytes(k) + reverse * nbytes(k_rev))
    return Launch((d * (m // r), slabs, 1), (m // r, 1, 1), (tuple(u.shape),), (k.dtype,), template, least)


def _launch_grad(
    g: Shaped,
    u: Shaped,
    k: Shaped,
    k_rev: Shaped,
    options: Shaped,
    *,
    reverse: bool = False,
    exact: bool = False,
) -> Launch:
    _, d, length = u.shape
    m = points(length)
    r = radix(m)
    template = (
        ("G", g.dtype),
        ("T", u.dtype),
        ("M", m),
        ("R", r),
        ("VECTORS", vectors(g, u)),
        ("EXACT", exact or m <= FEW),
    )
    d_rev = tuple(k_rev.shape) if reverse else (d,)
    least = nbytes(g, u) + nbytes(k) + (nbytes(k_rev) if reverse else d * u.dtype.size) + d * u.dtype.size
    return Launch(
        (d * (m // r), 1, 1),
        (m // r, 1, 1),
        (tuple(k.shape), d_rev, (d,)),
        (u.dtype,) * 3,
        template,
        least,
    )


FFT_CONV = MetalKernel(
    "fft_conv",
    ("u", "k", "k_rev", "D", "gate", "extra", "options"),
    ("y",),
    _launch,
    "long convolution by FFT within threadgroup memory",
    "Fu et al. 2023, Monarch Mixer, §4; canonical fftconv_ref",
)
FFT_CONV_GRAD = MetalKernel(
    "fft_conv_grad",
    ("g", "u", "k", "k_rev", "options"),
    ("d_k", "d_rev", "d_skip"),
    _launch_grad,
    "gradients of the long convolution's kernels and skip",
    "canonical fftconv_ref",
)


def supports(u: mx.array, k: mx.array, D: mx.array, *others: mx.array | None, exact: bool = False) -> Support:
    """Whether :func:`fft_conv` can run these arguments."""
    longest = LONGEST_EXACT if exact else LONGEST
    if u.shape[-1] > longest:
        return Support(f"length {u.shape[-1]}, and the kernel goes to {longest}")
    if u.size == 0 or k.size == 0 or any(x is not None and x.size == 0 for x in others):
        return Support("nothing to compute")
    return floats(u, k, D, *others)


def fft_conv(
    u: mx.array,
    k: mx.array,
    D: mx.array,
    k_rev: mx.array | None = None,
    gate: mx.array | None = None,
    extra: mx.array | None = None,
    *,
    exact: bool = False,
) -> mx.array:
    """y = ((u ∗ k)[..., :l] + D·u)·gate + extra on Metal kernels, with gradients by Metal kernels.

    Transforms in float32, rounds once; with `exact` in double-double from end to end, so that a result is
    the correctly rounded one or its neighbour, while products of u and k stay above 2⁻⁷⁸: below, their low
    halves are subnormal, which Metal flushes.

    Shapes: u: (b, d, l), k: (d, m) with m ≤ 2·l (taps from l on are negative lags), D: (d,),
        k_rev: (d, m') with m' ≤ l, gate, extra: (b, d, l) → (b, d, l).
    Dtypes: float32, float16 or bfloat16, all the same.
    Source: Fu et al. 2023, Monarch Mixer, §4; canonical ``fftconv_ref``.
    """
    optional = {"k_rev": k_rev, "gate": gate, "extra": extra}
    given = {n: x for n, x in optional.items() if x is not None}
    y: mx.array = _differentiable(tuple(given), exact)(u, k, D, *given.values())
    return y


def _forward(
    u: mx.array,
    k: mx.array,
    D: mx.array,
    k_rev: mx.array | None,
    gate: mx.array | None,
    extra: mx.array | None,
    *,
    exact: bool,
    flip: bool = False,
    like: mx.array | None = None,
) -> mx.array:
    """The convolution by whichever kernels its length asks for; with `flip` lags change sign.

    u may be float32 where all else is of half precision; `like` is then an array of its shape in their
    dtype, which stands for what is not given.
    """
    like = u if like is None else like
    if points(u.shape[-1]) > block(exact):
        return streamed.convolve(u, k, D, k_rev, gate, extra, like=like, exact=exact, flip=flip)
    reverse, gated, added = (x is not None for x in (k_rev, gate, extra))
    return FFT_CONV(
        u,
        k,
        k if k_rev is None else k_rev,
        D,
        like if gate is None else gate,
        like if extra is None else extra,
        options(u, k, reverse=reverse, flip=flip, gate=gated, add=added),
        reverse=reverse,
        gated=gated,
        added=added,
        exact=exact,
    )[0]


def _gradients(
    g: mx.array, u: mx.array, k: mx.array, k_rev: mx.array | None, *, exact: bool
) -> tuple[mx.array, mx.array, mx.array]:
    """The gradients of k, of k_rev (meaningless if there is none) and of D."""
    if points(u.shape[-1]) > block(exact):
        return streamed.correlate(g, u, k, k_rev, exact=exact)
    other, reverse = k if k_rev is None else k_rev, k_rev is not None
    asked = options(g, u, reverse=reverse)
    d_k, d_rev, d_skip = FFT_CONV_GRAD(g, u, k, other, asked, reverse=reverse, exact=exact)
    return d_k, d_rev, d_skip


@cache
def _differentiable(optional: tuple[str, ...], exact: bool) -> Any:
    """The convolution of u, k, D and what is named, with its gradient."""

    def named(arrays: Any) -> dict[str, mx.array | None]:
        return {"k_rev": None, "gate": None, "extra": None} | dict(zip(optional, arrays, strict=True))

    def conv(u: mx.array, k: mx.array, D: mx.array, *rest: mx.array) -> mx.array:
        given = named(rest)
        return _forward(u, k, D, given["k_rev"], given["gate"], given["extra"], exact=exact)

    def back(primals: list[mx.array], cotangents: list[mx.array]) -> tuple[mx.array, ...]:
        (u, k, D, *rest), (cotangent,) = primals, cotangents
        given = named(rest)
        k_rev, gate = given["k_rev"], given["gate"]
        # In float32: rounded to half precision, products that cancel in a tap's sum would leave their errors.
        wide = mx.float32
        g = cotangent if gate is None else mx.multiply(mx.astype(cotangent, wide), mx.astype(gate, wide))
        d_u = _forward(g, k, D, k_rev, None, None, exact=exact, flip=True, like=cotangent)
        d_k, d_rev, d_skip = _gradients(g, u, k, k_rev, exact=exact)
        found = {"k_rev": d_rev, "extra": cotangent}
        if gate is not None:
            found["gate"] = _forward(u, k, D, k_rev, cotangent, None, exact=exact)
        return d_u, d_k, d_skip, *(found[name] for name in optional)

    def plain(*arrays: mx.array) -> mx.array:
        from mlx_impl import ops  # which import this

        u, k, D, *rest = [mx.astype(x, mx.float32) for x in arrays]
        given = named(rest)
        y = ops.long_conv(u, k, D, given["k_rev"])
        y = y if given["gate"] is None else mx.multiply(y, given["gate"])
        return mx.astype(y if given["extra"] is None else mx.add(y, given["extra"]), arrays[0].dtype)

    def again(*arrays: mx.array) -> mx.array:
        u, k, D, *rest = arrays
        given = named(rest)
        return fft_conv(u, k, D, given["k_rev"], given["gate"], given["extra"], exact=exact)

    beside = {3 + i for i, name in enumerate(optional) if name in ("gate", "extra")}
    return batched(with_gradients(conv, back, plain), again, batch={0, *beside})

"""Long convolutions whose transform does not fit threadgroup memory: columns, blocks, columns again.

A transform of Q·B points is one pass of radix Q over device memory, Q transforms of B points within
threadgroup memory, and no transposition, since the spectrum's order does not matter (Bailey 1990, the
four-step FFT).
"""

from typing import Any

import mlx.core as mx

from .fft_geometry import block, options, points, radix, vectors
from .metal_kernel import Launch, MetalKernel, Shaped, nbytes, size

FLOATS = {False: 2, True: 4}
"""Floats of a complex number, in double-double or not."""
CORRELATED = 2048
"""Points of a block where rows are correlated: a thread keeps two spectra and their sum, each with its mirror
image, and threadgroups of more threads would have no registers for that."""


def _size(m: int, exact: bool, b: int = 0) -> tuple[int, int, tuple[tuple[str, Any], ...]]:
    """Blocks, points of a block (as many as fit, or `b`), and both as template arguments."""
    b = b or block(exact)
    return m // b, b, (("Q", m // b), ("BLOCK", b))


def _launch_columns(
    x: Shaped,
    x_rev: Shaped,
    row_length: Shaped,
    options: Shaped,
    *,
    m: int,
    exact: bool,
    taps: bool = False,
    reverse: bool = False,
    points_of_block: int = 0,
) -> Launch:
    rows = size(x.shape[:-1])
    _, b, sizes = _size(m, exact, points_of_block)
    template = (("T", x.dtype), *sizes, ("TAPS", taps), ("VECTORS", vectors(x)), ("EXACT", exact))
    made = (rows, m * FLOATS[exact])
    least = nbytes(x) + (nbytes(x_rev) if reverse else 0) + 4 * size(made)
    return Launch((b, rows, 1), (256, 1, 1), (made,), (mx.float32,), template, least)


def _launch_blocks(blocks: Shaped, *, m: int, exact: bool) -> Launch:
    q, b, _ = _size(m, exact)
    r = radix(b)
    template = (("BLOCK", b), ("R", r), ("EXACT", exact))
    grid = (blocks.shape[0] * q * (b // r), 1, 1)
    least = 2 * nbytes(blocks)
    return Launch(grid, (b // r, 1, 1), (tuple(blocks.shape),), (mx.float32,), template, least)


def _launch_product(blocks: Shaped, spectrum: Shaped, channels: Shaped, *, m: int, exact: bool) -> Launch:
    q, b, sizes = _size(m, exact)
    r = radix(b)
    template = (*sizes, ("R", r), ("EXACT", exact))
    rows = blocks.shape[0]
    grid = ((q // 2 + 1) * (b // r), rows, 1)
    least = 2 * nbytes(blocks) + rows * (nbytes(spectrum) // spectrum.shape[0])
    return Launch(grid, (b // r, 1, 1), (tuple(blocks.shape),), (mx.float32,), template, least)


def _launch_rows(
    blocks: Shaped,
    u: Shaped,
    D: Shaped,
    gate: Shaped,
    extra: Shaped,
    options: Shaped,
    *,
    m: int,
    exact: bool,
    gated: bool = False,
    added: bool = False,
) -> Launch:
    _, b, sizes = _size(m, exact)
    rows = size(u.shape[:-1])
    least = nbytes(blocks) + nbytes(u) + (1 + gated + added) * size(u.shape) * D.dtype.size + nbytes(D)
    template = (("U", u.dtype), ("T", D.dtype), *sizes, ("EXACT", exact))
    return Launch((b, rows, 1), (256, 1, 1), (tuple(u.shape),), (D.dtype,), template, least)


def _launch_correlation(
    gradient: Shaped, blocks: Shaped, batch_and_channels: Shaped, *, m: int, channels: int, exact: bool
) -> Launch:
    q, b, sizes = _size(m, exact, CORRELATED)
    r = radix(b)
    made = (channels, m * FLOATS[exact])
    template = (*sizes, ("R", r), ("EXACT", exact))
    least = 2 * nbytes(blocks) + 4 * size(made)
    grid = ((q // 2 + 1) * (b // r), channels, 1)
    return Launch(grid, (b // r, 1, 1), (made,), (mx.float32,), template, least)


def _launch_taps(
    blocks: Shaped,
    k: Shaped,
    k_rev: Shaped,
    row_length: Shaped,
    options: Shaped,
    *,
    m: int,
    exact: bool,
    reverse: bool = False,
) -> Launch:
    _, b, sizes = _size(m, exact, CORRELATED)
    d = k.shape[0]
    d_rev = tuple(k_rev.shape) if reverse else (d,)
    template = (("T", k.dtype), *sizes, ("EXACT", exact))
    least = nbytes(blocks) + nbytes(k) + (size(d_rev) + d) * k.dtype.size
    shapes = (tuple(k.shape), d_rev, (d,))
    return Launch((b, d, 1), (256, 1, 1), shapes, (k.dtype,) * 3, template, least)


SOURCE = "Bailey 1990, FFTs in external or hierarchical memory, §3"
FFT_COLUMNS = MetalKernel(
    "fft_columns",
    ("x", "x_rev", "row_length", "options"),
    ("blocks",),
    _launch_columns,
    "first pass of a long transform",
    SOURCE,
)
FFT_BLOCKS = MetalKernel(
    "fft_blocks", ("blocks",), ("spectrum",), _launch_blocks, "transforms within blocks", SOURCE
)
FFT_PRODUCT = MetalKernel(
    "fft_product",
    ("blocks", "spectrum", "channels"),
    ("product",),
    _launch_product,
    "transforms within blocks, times a kernel's spectrum, and back",
    SOURCE,
)
FFT_ROWS = MetalKernel(
    "fft_rows",
    ("blocks", "u", "D", "gate", "extra", "options"),
    ("y",),
    _launch_rows,
    "last pass of a long convolution, with its epilogues",
    SOURCE,
)
FFT_CORRELATION = MetalKernel(
    "fft_correlation",
    ("gradient", "blocks", "batch_and_channels"),
    ("correlation",),
    _launch_correlation,
    "transforms within blocks, their correlation summed over the batch, and back",
    SOURCE,
)
FFT_TAPS = MetalKernel(
    "fft_taps",
    ("blocks", "k", "k_rev", "row_length", "options"),
    ("d_k", "d_rev", "d_skip"),
    _launch_taps,
    "last pass of a long correlation",
    SOURCE,
)


def convolve(
    u: mx.array,
    k: mx.array,
    D: mx.array,
    k_rev: mx.array | None,
    gate: mx.array | None,
    extra: mx.array | None,
    *,
    like: mx.array,
    exact: bool,
    flip: bool,
) -> mx.array:
    """The convolution of rows longer than a block; `like` stands for what is not given.

    Shapes: as :func:`fft_conv.fft_conv`; like: (b, d, l).
    Dtypes: u may be float32 where all else is of half precision.
    """
    d, length = u.shape[1:]
    size_of: dict[str, Any] = {"m": points(length), "exact": exact}
    at = mx.array([length], dtype=mx.int32)
    other = k if k_rev is None else k_rev
    reverse = k_rev is not None
    asked = options(k, reverse=reverse, flip=flip)
    taps = FFT_COLUMNS(k, other, at, asked, taps=True, reverse=reverse, **size_of)
    spectrum = FFT_BLOCKS(*taps, **size_of)
    rows = FFT_COLUMNS(u, u, at, options(u), **size_of)
    product = FFT_PRODUCT(*rows, *spectrum, mx.array([d], dtype=mx.int32), **size_of)
    return FFT_ROWS(
        *product,
        u,
        D,
        like if gate is None else gate,
        like if extra is None else extra,
        options(u, gate=gate is not None, add=extra is not None),
        gated=gate is not None,
        added=extra is not None,
        **size_of,
    )[0]


def correlate(
    g: mx.array, u: mx.array, k: mx.array, k_rev: mx.array | None, *, exact: bool
) -> tuple[mx.array, mx.array, mx.array]:
    """Gradients of k, of k_rev (meaningless if there is none) and of the skip.

    Shapes: g, u: (b, d, l) → (d, m), (d, m'), (d,).
    """
    b, d, length = u.shape
    size_of: dict[str, Any] = {"m": points(length), "exact": exact}
    at = mx.array([length], dtype=mx.int32)
    (gradient,) = FFT_COLUMNS(g, g, at, options(g), points_of_block=CORRELATED, **size_of)
    (rows,) = FFT_COLUMNS(u, u, at, options(u), points_of_block=CORRELATED, **size_of)
    counts = mx.array([b, d], dtype=mx.int32)
    correlation = FFT_CORRELATION(gradient, rows, counts, channels=d, **size_of)
    other = k if k_rev is None else k_rev
    reverse = k_rev is not None
    asked = options(k, reverse=reverse)
    d_k, d_rev, d_skip = FFT_TAPS(*correlation, k, other, at, asked, reverse=reverse, **size_of)
    return d_k, d_rev, d_skip

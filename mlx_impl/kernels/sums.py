"""Sums over long axes in a fixed order, segments first and then their parts: the same bits each time."""

import mlx.core as mx

from .metal_kernel import SIMD, Launch, MetalKernel, Shaped, nbytes, size

TILE = 32
THREADS = 256
SEGMENT = 512
"""Positions that one threadgroup sums."""


def _launch_outer(a: Shaped, b: Shaped) -> Launch:
    n, rows, length = a.shape
    columns = b.shape[1]
    segments = -(-length // SEGMENT)
    down, across = -(-rows // TILE), -(-columns // TILE)
    shapes = (segments, n, rows, columns), (segments, n, rows)
    made = sum(map(size, shapes)) * mx.float32.size
    # Tiles of 32 × 32: a row is read once for each tile that it is in.
    least = across * nbytes(a) + down * nbytes(b) + made
    return Launch(
        (THREADS * across, down, n * segments),
        (THREADS, 1, 1),
        shapes,
        (mx.float32, mx.float32),
        (("SEGMENT", SEGMENT),),
        least,
    )


def _launch_fold(x: Shaped) -> Launch:
    columns = x.shape[1]
    return Launch(
        (THREADS * -(-columns // SIMD), 1, 1),
        (THREADS, 1, 1),
        ((columns,),),
        (mx.float32,),
        (),
        nbytes(x) + columns * mx.float32.size,
    )


OUTER_SUMS = MetalKernel(
    "outer_sums",
    ("a", "b"),
    ("products", "sums"),
    _launch_outer,
    "a·bᵀ along the last axis, and the sums of a's rows, by segments",
)
FOLD = MetalKernel("fold", ("x",), ("y",), _launch_fold, "sums over the first axis in a fixed order")


def fold(x: mx.array) -> mx.array:
    """Σ_s x_s over the first axis.

    Shapes: x: (s, ...) → (...).
    Dtypes: float32.
    """
    if x.shape[0] == 1:
        return x[0]
    return mx.reshape(FOLD(mx.reshape(x, (x.shape[0], -1)))[0], x.shape[1:])


def outer_sums(a: mx.array, b: mx.array) -> tuple[mx.array, mx.array]:
    """Σ_t a[n, i, t]·b[n, k, t] and Σ_t a[n, i, t].

    Shapes: a: (n, i, t), b: (n, k, t) → (n, i, k), (n, i).
    Dtypes: float32.
    """
    products, sums = OUTER_SUMS(a, b)
    return fold(products), fold(sums)

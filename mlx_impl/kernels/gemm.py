"""Products of matrices on Metal: A·B, A·Bᵀ with a bias, and Aᵀ·B, each the gradient of the others."""

from functools import cache
from typing import Any

import mlx.core as mx

from .dispatch import Support, floats
from .metal_kernel import Launch, MetalKernel, Shaped, nbytes, size
from .tiles import Tile, choose

LARGEST = 2**31
"""Elements of an array that the kernels' 32-bit indices reach."""


def tiles_over(n: int, side: int) -> int:
    """How many tiles cover n elements."""
    return -(-n // side)


def template(dtype: mx.Dtype, tile: Tile, matrix: bool, **more: Any) -> tuple[tuple[str, Any], ...]:
    """Template arguments in the order of the kernels."""
    return (
        ("T", dtype),
        *more.items(),
        ("BM", tile.m),
        ("BN", tile.n),
        ("BK", tile.k),
        ("MATRIX", matrix),
    )


def _launch(
    a: Shaped,
    b: Shaped,
    bias: Shaped,
    *,
    transposed: bool,
    has_bias: bool,
    tile: str | None = None,
    matrix: bool = True,
) -> Launch:
    batch, m, _ = a.shape
    n = b.shape[1 if transposed else 2]
    t = choose(tile, a.dtype)
    rows, columns = tiles_over(m, t.m), tiles_over(n, t.n)
    c = (batch, m, n)
    # A is read for each column of tiles, B and the bias for each row of them, C is written once.
    read = columns * nbytes(a) + rows * (nbytes(b) + (n * a.dtype.size if has_bias else 0))
    return Launch(
        (columns * t.threads, rows, batch),
        (t.threads, 1, 1),
        (c,),
        (a.dtype,),
        template(a.dtype, t, matrix, TRANSPOSED=transposed, BIAS=has_bias),
        read + size(c) * a.dtype.size,
    )


def _launch_at_b(a: Shaped, b: Shaped, *, tile: str | None = None, matrix: bool = True) -> Launch:
    (batch, _, m), n = a.shape, b.shape[2]
    t = choose(tile, a.dtype)
    rows, columns = tiles_over(m, t.m), tiles_over(n, t.n)
    shapes = ((batch, m, n), (batch, m))
    moved = columns * nbytes(a) + rows * nbytes(b) + sum(size(s) for s in shapes) * a.dtype.size
    return Launch(
        (columns * t.threads, rows, batch),
        (t.threads, 1, 1),
        shapes,
        (a.dtype, a.dtype),
        template(a.dtype, t, matrix),
        moved,
    )


GEMM_AV = MetalKernel(
    "gemm_av",
    ("a", "b", "bias"),
    ("c",),
    _launch,
    "the product A·B or A·Bᵀ, plus a bias",
    "Golub & Van Loan 2013, Matrix Computations, §1.3.6",
)
GEMM_AT_B = MetalKernel(
    "gemm_at_b",
    ("a", "b"),
    ("c", "sums"),
    _launch_at_b,
    "the product Aᵀ·B, and the sums of A's columns",
    "Golub & Van Loan 2013, Matrix Computations, §1.3.6",
)


def supports(*arrays: mx.array | None, made: int = 0) -> Support:
    """Whether the kernels can multiply these arrays into one of `made` elements; the words check shapes."""
    given = [a for a in arrays if a is not None]
    if any(a.size == 0 for a in given):
        return Support("nothing to compute")
    largest = max(made, *(a.size for a in given))
    if largest >= LARGEST:
        return Support(f"an array of {largest:,} elements, and the kernels count to {LARGEST:,}")
    return floats(*given)


def supports_matmul(a: mx.array, b: mx.array) -> Support:
    """Whether :func:`matmul` can run these arguments."""
    batch = size(mx.broadcast_shapes(a.shape[:-2], b.shape[:-2]))
    m, k, n = a.shape[-2], a.shape[-1], b.shape[-1]
    return supports(a, b, made=batch * max(m * n, m * k, k * n))


def supports_linear(x: mx.array, weight: mx.array, bias: mx.array | None) -> Support:
    """Whether :func:`linear` can run these arguments."""
    if bias is not None and bias.ndim != 1:
        return Support(f"a bias of shape {tuple(bias.shape)}, and the kernel adds one number a column")
    return supports(x, weight, bias, made=x.size // max(1, x.shape[-1]) * weight.shape[0])


def matmul(a: mx.array, b: mx.array) -> mx.array:
    """A·B for any batches that broadcast; see :func:`gemm_av`.

    Shapes: a: (..., m, k), b: (..., k, n) → (..., m, n).
    Dtypes: float32, float16 or bfloat16, both the same.
    Source: Golub & Van Loan 2013, Matrix Computations, §1.1.
    """
    batch = mx.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    alone = size(b.shape[:-2]) == 1
    wide = a if alone and size(a.shape[:-2]) == size(batch) else mx.broadcast_to(a, (*batch, *a.shape[-2:]))
    many = b if alone else mx.broadcast_to(b, (*batch, *b.shape[-2:]))
    c = gemm_av(mx.reshape(wide, (-1, *a.shape[-2:])), mx.reshape(many, (-1, *b.shape[-2:])))
    return mx.reshape(c, (*batch, a.shape[-2], b.shape[-1]))


def linear(x: mx.array, weight: mx.array, bias: mx.array | None) -> mx.array:
    """x·Wᵀ + b; see :func:`gemm_av`.

    Shapes: x: (..., i), weight: (o, i), bias: (o,) or None → (..., o).
    Dtypes: float32, float16 or bfloat16, all the same.
    Source: canonical ``nn.Linear``.
    """
    o, i = weight.shape
    y = gemm_av(mx.reshape(x, (1, -1, i)), mx.expand_dims(weight, 0), bias, transposed=True)
    return mx.reshape(y, (*x.shape[:-1], o))


def gemm_av(
    a: mx.array,
    b: mx.array,
    bias: mx.array | None = None,
    *,
    transposed: bool = False,
    tile: str | None = None,
    matrix: bool = True,
) -> mx.array:
    """C = A·B + bias on the Metal kernel, with gradients by Metal kernels.

    Sums in float32, by steps of the tile's depth, and rounds once: |error| ≤ γₙ|A||B| with
    n = depth + ⌈k/depth⌉ in float32. `matrix` asks for ``simdgroup_matrix``, the default: since the M1
    its products go through the GPU's matrix units, and scalar ones do not.

    Shapes: a: (b, m, k), b: (b, k, n) or (1, k, n), with `transposed` (…, n, k), bias: (n,) → (b, m, n).
    Dtypes: float32, float16 or bfloat16, all the same.
    Raises: ValueError if there is no such tile.
    Source: Golub & Van Loan 2013, Matrix Computations, §1.3.6; Higham 2002, §4.2 (blocked sums).
    """
    choose(tile, a.dtype)
    batch, m, k = a.shape
    if b.shape[0] == 1:  # one matrix for all: their rows are one tall matrix's
        a = mx.reshape(a, (1, batch * m, k))
    c = _product(transposed, bias is not None, tile, matrix)(*((a, b) if bias is None else (a, b, bias)))
    return mx.reshape(c, (batch, m, c.shape[-1]))


def gemm_at_b(
    a: mx.array, b: mx.array, *, tile: str | None = None, matrix: bool = True
) -> tuple[mx.array, mx.array]:
    """C = Aᵀ·B and the sums of A's columns on the Metal kernel, with gradients by Metal kernels.

    Shapes: a: (b, k, m), b: (b, k, n) → (b, m, n), (b, m).
    Dtypes: float32, float16 or bfloat16, all the same.
    Raises: ValueError if there is no such tile.
    Source: Golub & Van Loan 2013, Matrix Computations, §1.3.6.
    """
    choose(tile, a.dtype)
    c, sums = _product_at_b(tile, matrix)(a, b)
    return c, sums


@cache
def _product(transposed: bool, has_bias: bool, tile: str | None, matrix: bool) -> Any:
    """The kernel with its gradients and its rule for vmap."""
    how: dict[str, Any] = {"tile": tile, "matrix": matrix}

    @mx.custom_function
    def product(a: mx.array, b: mx.array, *bias: mx.array) -> mx.array:
        given = bias[0] if bias else b  # what stands in for no bias is not read
        return GEMM_AV(a, b, given, transposed=transposed, has_bias=has_bias, **how)[0]

    @product.vjp
    def product_vjp(primals: Any, g: mx.array, _output: mx.array) -> tuple[mx.array, ...]:
        a, b, *bias = primals
        d_a = gemm_av(g, b, transposed=not transposed, **how)
        d_b, sums = gemm_at_b(g, a, **how) if transposed else gemm_at_b(a, g, **how)
        if not bias:
            return d_a, d_b
        if not transposed:
            return d_a, d_b, mx.sum(g, axis=(0, 1))
        return d_a, d_b, mx.sum(sums, axis=0)

    @product.vmap
    def product_vmap(primals: Any, axes: Any) -> tuple[mx.array, int]:
        """Batches are joined; of several biases each has its own launch."""
        a, b, *bias = primals
        n = _mapped(primals, axes)
        if bias and axes[2] is not None:
            each = (_one(x, axis, n) for x, axis in zip(primals, axes, strict=True))
            stacked = [gemm_av(*one, transposed=transposed, **how) for one in zip(*each, strict=True)]
            return mx.stack(stacked), 0
        alone = axes[1] is None and b.shape[0] == 1
        c = gemm_av(
            _joined(a, axes[0], n),
            b if alone else _joined(b, axes[1], n),
            *bias,
            transposed=transposed,
            **how,
        )
        return mx.reshape(c, (n, -1, *c.shape[1:])), 0

    return product


@cache
def _product_at_b(tile: str | None, matrix: bool) -> Any:
    how: dict[str, Any] = {"tile": tile, "matrix": matrix}

    @mx.custom_function
    def product(a: mx.array, b: mx.array) -> tuple[mx.array, mx.array]:
        c, sums = GEMM_AT_B(a, b, **how)
        return c, sums

    @product.vjp
    def product_vjp(primals: Any, cotangents: Any, _outputs: Any) -> tuple[mx.array, ...]:
        (a, b), (g, g_sums) = primals, cotangents
        d_a = mx.add(gemm_av(b, g, transposed=True, **how), mx.expand_dims(g_sums, 1))
        return d_a, gemm_av(a, g, **how)

    @product.vmap
    def product_vmap(primals: Any, axes: Any) -> tuple[list[mx.array], list[int]]:
        n = _mapped(primals, axes)
        found = gemm_at_b(*(_joined(x, axis, n) for x, axis in zip(primals, axes, strict=True)), **how)
        return [mx.reshape(y, (n, -1, *y.shape[1:])) for y in found], [0, 0]

    return product


def _mapped(arrays: Any, axes: Any) -> int:
    """How many members a map has."""
    return next(int(x.shape[axis]) for x, axis in zip(arrays, axes, strict=True) if axis is not None)


def _one(x: mx.array, axis: int | None, n: int) -> mx.array:
    """Every member's x along axis 0."""
    return mx.broadcast_to(x, (n, *x.shape)) if axis is None else mx.moveaxis(x, axis, 0)


def _joined(x: mx.array, axis: int | None, n: int) -> mx.array:
    """The batches of all members as one."""
    every = _one(x, axis, n)
    return mx.reshape(every, (n * every.shape[1], *every.shape[2:]))

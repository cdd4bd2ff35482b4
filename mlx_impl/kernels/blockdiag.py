"""Block-diagonal products on Metal in one launch, plain and gated, forward and backward."""

from functools import cache, partial
from typing import Any

import mlx.core as mx

from .batching import batched
from .dispatch import Support
from .gemm import supports as products_support
from .gemm import template, tiles_over
from .gradients import with_gradients
from .metal_kernel import Launch, MetalKernel, Shaped, nbytes, size
from .tiles import Tile, choose, for_two

SOURCE = "Dao et al. 2022, Monarch, §3.1"


def _launch(
    x: Shaped, weight: Shaped, *, transposed: bool = True, tile: str | None = None, matrix: bool = True
) -> Launch:
    n, _ = x.shape
    k, q, p = weight.shape
    made = q if transposed else p
    t = choose(tile, x.dtype)
    rows, columns = tiles_over(n, t.m), tiles_over(made, t.n)
    y = (n, k * made)
    moved = columns * nbytes(x) + rows * nbytes(weight) + size(y) * x.dtype.size
    return Launch(
        (columns * t.threads, rows, k),
        (t.threads, 1, 1),
        (y,),
        (x.dtype,),
        template(x.dtype, t, matrix, TRANSPOSED=transposed),
        moved,
    )


def _launch_grad(g: Shaped, x: Shaped, *, tile: str | None = None, matrix: bool = True) -> Launch:
    (_, k, q), p = g.shape, x.shape[2]
    t = choose(tile, x.dtype)
    rows, columns = tiles_over(q, t.m), tiles_over(p, t.n)
    moved = columns * nbytes(g) + rows * nbytes(x) + k * q * p * x.dtype.size
    return Launch(
        (columns * t.threads, rows, k),
        (t.threads, 1, 1),
        ((k, q, p),),
        (x.dtype,),
        template(x.dtype, t, matrix),
        moved,
    )


def _launch_glu(
    x: Shaped, weight: Shaped, *gradient: Shaped, tile: str | None = None, matrix: bool = True
) -> Launch:
    (n, _), (k, q, _) = x.shape, weight.shape
    t: Tile = for_two(choose(tile, x.dtype), x.dtype.size)
    segments, features = (k, q // 2) if k % 2 else (k // 2, q)
    rows, columns = tiles_over(n, t.m), tiles_over(features, t.n)
    made = (n, k * q if gradient else k * q // 2)
    # A segment reads two blocks of x for each column of tiles; if there is but one block, that one.
    block = nbytes(x) // k
    read = segments * columns * block * min(2, k) + rows * nbytes(weight) + nbytes(*gradient)
    threads = 2 * t.threads
    return Launch(
        (columns * threads, rows, segments),
        (threads, 1, 1),
        (made,),
        (x.dtype,),
        template(x.dtype, t, matrix),
        read + size(made) * x.dtype.size,
    )


BLOCKDIAG_GEMM = MetalKernel(
    "blockdiag_gemm", ("x", "weight"), ("y",), _launch, "each block of features by its own matrix", SOURCE
)
BLOCKDIAG_GEMM_GRAD = MetalKernel(
    "blockdiag_gemm_grad", ("g", "x"), ("d_weight",), _launch_grad, "gradients of the blocks", SOURCE
)
BLOCKDIAG_GLU = MetalKernel(
    "blockdiag_glu",
    ("x", "weight"),
    ("y",),
    _launch_glu,
    "gelu(a)·b of the halves of a block-diagonal product",
    "Shazeer 2020, GEGLU; canonical BertGatedLinearUnitMLP",
)
BLOCKDIAG_GLU_GRAD = MetalKernel(
    "blockdiag_glu_grad",
    ("x", "weight", "g"),
    ("d_halves",),
    _launch_glu,
    "gradients of the halves",
    "Shazeer 2020, GEGLU; canonical BertGatedLinearUnitMLP",
)


def supports(x: mx.array, weight: mx.array) -> Support:
    """Whether the kernels can run these arguments (the words have checked their shapes)."""
    made = x.size // x.shape[-1] * weight.shape[0] * weight.shape[1] if x.size else 0
    return products_support(x, weight, made=made)


def blockdiag_gemm(
    x: mx.array, weight: mx.array, *, transposed: bool = True, tile: str | None = None, matrix: bool = True
) -> mx.array:
    """y = blockdiag(W₁ … W_k)·x on the Metal kernel, or by the transposed blocks; gradients by kernels.

    Shapes: x: (n, k·p), weight: (k, q, p) → (n, k·q); with `transposed` False (n, k·q) → (n, k·p).
    Dtypes: float32, float16 or bfloat16, both the same.
    Raises: ValueError if there is no such tile.
    Source: Dao et al. 2022, Monarch, §3.1.
    """
    choose(tile, x.dtype)
    y: mx.array = _product(transposed, tile, matrix)(x, weight)
    return y


def blockdiag_gemm_grad(
    g: mx.array, x: mx.array, blocks: int, *, tile: str | None = None, matrix: bool = True
) -> mx.array:
    """dW_k = Σ over the rows of g_kᵀ·x_k on the Metal kernel, with gradients by kernels.

    Shapes: g: (n, k·q), x: (n, k·p), blocks: k → (k, q, p).
    Dtypes: float32, float16 or bfloat16, both the same.
    Source: the gradient of :func:`blockdiag_gemm`.
    """
    n, q, p = g.shape[0], g.shape[1] // blocks, x.shape[1] // blocks
    by_blocks = mx.reshape(g, (n, blocks, q)), mx.reshape(x, (n, blocks, p))
    d_weight: mx.array = _product_grad(tile, matrix)(*by_blocks)
    return d_weight


def blockdiag_glu(x: mx.array, weight: mx.array, *, tile: str | None = None, matrix: bool = True) -> mx.array:
    """gelu(a)·b with a, b the halves of blockdiag(W)·x on one Metal kernel, with gradients by kernels.

    The halves stay on the chip. All is computed in float32 and rounded once. The backward pass makes the
    halves anew and writes their gradients once.

    Shapes: x: (n, k·p), weight: (k, q, p), k·q even → (n, k·q/2).
    Dtypes: float32, float16 or bfloat16, both the same.
    Raises: ValueError if there is no such tile.
    Source: Shazeer 2020, GEGLU; canonical ``BertGatedLinearUnitMLP``.
    """
    choose(tile, x.dtype)
    y: mx.array = _gated(tile, matrix)(x, weight)
    return y


@cache
def _product(transposed: bool, tile: str | None, matrix: bool) -> Any:
    how: dict[str, Any] = {"tile": tile, "matrix": matrix}

    @mx.custom_function
    def product(x: mx.array, weight: mx.array) -> mx.array:
        return BLOCKDIAG_GEMM(x, weight, transposed=transposed, **how)[0]

    @product.vjp
    def product_vjp(primals: Any, g: mx.array, _output: mx.array) -> tuple[mx.array, ...]:
        x, weight = primals
        left, right = (g, x) if transposed else (x, g)
        d_weight = blockdiag_gemm_grad(left, right, weight.shape[0], **how)
        return blockdiag_gemm(g, weight, transposed=not transposed, **how), d_weight

    return batched(product, partial(blockdiag_gemm, transposed=transposed, **how))


@cache
def _product_grad(tile: str | None, matrix: bool) -> Any:
    how: dict[str, Any] = {"tile": tile, "matrix": matrix}

    @mx.custom_function
    def product(g: mx.array, x: mx.array) -> mx.array:
        return BLOCKDIAG_GEMM_GRAD(g, x, **how)[0]

    @product.vjp
    def product_vjp(primals: Any, d: mx.array, _output: mx.array) -> tuple[mx.array, ...]:
        g, x = primals
        d_g = blockdiag_gemm(mx.reshape(x, (x.shape[0], -1)), d, **how)
        d_x = blockdiag_gemm(mx.reshape(g, (g.shape[0], -1)), d, transposed=False, **how)
        return mx.reshape(d_g, g.shape), mx.reshape(d_x, x.shape)

    @product.vmap
    def product_vmap(primals: Any, axes: Any) -> tuple[mx.array, int]:
        """The members' blocks stand beside one another as more blocks."""
        n = next(a.shape[axis] for a, axis in zip(primals, axes, strict=True) if axis is not None)
        d = _product_grad(tile, matrix)(*(_beside(a, axis, n) for a, axis in zip(primals, axes, strict=True)))
        return mx.reshape(d, (n, -1, *d.shape[1:])), 0

    return product


def _beside(a: mx.array, axis: int | None, n: int) -> mx.array:
    """(rows, blocks, features) of every member as (rows, members·blocks, features)."""
    every = mx.broadcast_to(a, (n, *a.shape)) if axis is None else mx.moveaxis(a, axis, 0)
    return mx.reshape(mx.swapaxes(every, 0, 1), (every.shape[1], n * every.shape[2], every.shape[3]))


@cache
def _gated(tile: str | None, matrix: bool) -> Any:
    how: dict[str, Any] = {"tile": tile, "matrix": matrix}

    def gated(x: mx.array, weight: mx.array) -> mx.array:
        return BLOCKDIAG_GLU(x, weight, **how)[0]

    def back(primals: list[mx.array], cotangents: list[mx.array]) -> tuple[mx.array, ...]:
        (x, weight), (g,) = primals, cotangents
        (d_halves,) = BLOCKDIAG_GLU_GRAD(x, weight, g, **how)
        d_weight = blockdiag_gemm_grad(d_halves, x, weight.shape[0], **how)
        return blockdiag_gemm(d_halves, weight, transposed=False, **how), d_weight

    def plain(x: mx.array, weight: mx.array) -> mx.array:
        from mlx_impl import ops  # which import this

        return ops.blockdiag_glu(x, weight)

    return batched(with_gradients(gated, back, plain), partial(blockdiag_glu, **how))

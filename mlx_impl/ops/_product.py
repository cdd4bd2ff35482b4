"""The matrix product, as a whole or in blocks of its inner axis."""

import mlx.core as mx

from mlx_impl.profiles import Products

from ._precision import widen

BLOCK = 64
"""How many terms one product sums up in blocks: for 3,072 the error falls to a fifth."""


def in_blocks(k: int, products: Products) -> bool:
    """Whether a product with k inner terms is to be taken in blocks."""
    return products == "blocks" and k > BLOCK


def block_product(a: mx.array, b: mx.array) -> mx.array:
    """a·b with its inner sum in blocks, in float32 for half precision and not rounded back.

    Shapes: a: (..., m, k), b: (..., k, n) → (..., m, n).
    """
    a, b = widen(a), widen(b)
    starts = range(0, a.shape[-1], BLOCK)
    parts = [mx.matmul(a[..., i : i + BLOCK], b[..., i : i + BLOCK, :]) for i in starts]
    y = parts[0]
    for part in parts[1:]:
        y = mx.add(y, part)
    return y

import mlx.core as mx

from mlx_impl import ops

from ._check import require, require_inexact, require_ndim


def monarch_matmul(x: mx.array, w1: mx.array, w2: mx.array) -> mx.array:
    """Product with a Monarch matrix of order two in its symmetric form: P₂·W₂·P₁·W₁·P₀·x.

    Where :func:`blockdiag_butterfly_multiply` reads x by rows (P·L·Pᵀ·R), this reads it by columns first, so
    that the DFT is one: with W₁ a block F_{n₁} with twiddles for each residue and W₂ blocks F_{n₂}, the
    result is the DFT of n₁·n₂ points in natural order (see :func:`monarch_conv`).

    Shapes: x: (..., k·p), w1: (k, q, p), w2: (l, s, r) with l·r = k·q → (..., s·l).
    Dtypes: floating or complex, and equal.
    Raises: ValueError if one of them is neither floating nor complex, or the sizes do not fit together.
    Source: Fu et al. 2023, Monarch Mixer, §3.1, eq. 1: M = (∏ Pᵢ·Bᵢ)·P₀.
    """
    require_inexact("x", x)
    require_inexact("w1", w1)
    require_inexact("w2", w2)
    require_ndim("w1", w1, 3, "(k, q, p)")
    k, _, p = w1.shape
    require(
        x.shape[-1] == k * p,
        f"x has {x.shape[-1]} features, but w1 {tuple(w1.shape)} takes {k}·{p} = {k * p}",
    )
    by_columns = mx.swapaxes(mx.reshape(x, (*x.shape[:-1], p, k)), -1, -2)  # (..., k, p)
    return ops.blockdiag_butterfly_multiply(mx.reshape(by_columns, x.shape), w1, w2)

from math import prod

import mlx.core as mx

from ._check import require, require_inexact, require_ndim


def blockdiag_butterfly_multiply(x: mx.array, w1_bfly: mx.array, w2_bfly: mx.array) -> mx.array:
    """Product with a Monarch matrix, two block-diagonal factors and two permutations: P₂·W₂·P₁·W₁·x.

    The permutations read a vector as a matrix by rows and write it by columns.

    Shapes: x: (..., k·p), w1_bfly: (k, q, p), w2_bfly: (l, s, r) with l·r = k·q → (..., s·l).
    Dtypes: floating or complex, and equal.
    Raises: ValueError if one of them is neither floating nor complex, or the sizes do not fit together.
    Source: Dao et al. 2022, Monarch, §3.1; canonical ``blockdiag_butterfly_multiply_reference``.
    """
    require_inexact("x", x)
    require_inexact("w1_bfly", w1_bfly)
    require_inexact("w2_bfly", w2_bfly)
    require_ndim("w1_bfly", w1_bfly, 3, "(k, q, p)")
    require_ndim("w2_bfly", w2_bfly, 3, "(l, s, r)")
    k, q, p = w1_bfly.shape
    l, s, r = w2_bfly.shape  # noqa: E741 - the paper's letter
    require(
        x.shape[-1] == k * p,
        f"x has {x.shape[-1]} features, but w1_bfly {tuple(w1_bfly.shape)} takes {k}·{p} = {k * p}",
    )
    require(
        l * r == k * q,
        f"w2_bfly {tuple(w2_bfly.shape)} takes {l}·{r} = {l * r} features, but w1_bfly "
        f"{tuple(w1_bfly.shape)} gives {k}·{q} = {k * q}",
    )
    batch = x.shape[:-1]
    n = prod(batch)
    blocks = mx.swapaxes(mx.reshape(x, (n, k, p)), 0, 1)  # (k, n, p)
    hidden = mx.matmul(blocks, mx.swapaxes(w1_bfly, 1, 2))  # (k, n, q)
    hidden = mx.reshape(mx.swapaxes(hidden, 0, 1), (n, r, l))
    hidden = mx.transpose(hidden, (2, 0, 1))  # (l, n, r)
    out = mx.matmul(hidden, mx.swapaxes(w2_bfly, 1, 2))  # (l, n, s)
    return mx.reshape(mx.transpose(out, (1, 2, 0)), (*batch, s * l))

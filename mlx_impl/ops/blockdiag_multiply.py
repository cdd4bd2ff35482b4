from math import prod

import mlx.core as mx

from mlx_impl.kernels.blockdiag import blockdiag_gemm, supports
from mlx_impl.kernels.dispatch import wanted

from ._check import require, require_floating, require_ndim


def blockdiag_multiply(x: mx.array, weight: mx.array, *, kernel: bool | None = None) -> mx.array:
    """Product with a block-diagonal matrix: block k of the result is W_k · (block k of x).

    Shapes: x: (..., k·p), weight: (k, q, p) → (..., k·q).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or does not have k·p features, or `kernel` is True and
        the Metal kernel cannot run these arguments.
    Source: Dao et al. 2022, Monarch, §3.1; canonical ``blockdiag_multiply_reference``.
    """
    require_floating("x", x)
    require_floating("weight", weight)
    require_ndim("weight", weight, 3, "(k, q, p)")
    k, q, p = weight.shape
    require(
        x.shape[-1] == k * p,
        f"x has {x.shape[-1]} features, but weight {tuple(weight.shape)} takes {k}·{p} = {k * p}; "
        "pad x with pad_features first",
    )
    batch = x.shape[:-1]
    if wanted(kernel, "blockdiag_multiply", "blockdiag_gemm", supports(x, weight)):
        y = blockdiag_gemm(mx.reshape(x, (prod(batch), k * p)), weight)  # (n, k·q)
        return mx.reshape(y, (*batch, k * q))
    blocks = mx.swapaxes(mx.reshape(x, (prod(batch), k, p)), 0, 1)  # (k, n, p)
    out = mx.matmul(blocks, mx.swapaxes(weight, 1, 2))  # (k, n, q)
    return mx.reshape(mx.swapaxes(out, 0, 1), (*batch, k * q))

from math import prod

import mlx.core as mx

from mlx_impl import ops
from mlx_impl.kernels.blockdiag import blockdiag_glu as on_kernel
from mlx_impl.kernels.blockdiag import supports
from mlx_impl.kernels.dispatch import wanted

from ._check import require, require_floating, require_ndim


def blockdiag_glu(x: mx.array, weight: mx.array, *, kernel: bool | None = None) -> mx.array:
    """Gated product with a block-diagonal matrix: gelu(a)·b, a and b the halves of blockdiag(W)·x.

    The halves are of all features, so that a feature and its gate come from different blocks.

    Shapes: x: (..., k·p), weight: (k, q, p), k·q even → (..., k·q/2).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or x does not have k·p features or k·q is odd, or
        `kernel` is True and the Metal kernel cannot run these arguments.
    Source: Shazeer 2020, GEGLU; canonical ``BertGatedLinearUnitMLP``.
    """
    require_floating("weight", weight)
    require_ndim("weight", weight, 3, "(k, q, p)")
    k, q, p = weight.shape
    require(
        x.shape[-1] == k * p,
        f"x has {x.shape[-1]} features, but weight {tuple(weight.shape)} takes {k}·{p} = {k * p}; "
        "pad x with pad_features first",
    )
    require(
        k * q % 2 == 0,
        f"weight {tuple(weight.shape)} makes {k}·{q} = {k * q} features, which have no halves; make it even",
    )
    if wanted(kernel, "blockdiag_glu", "blockdiag_glu", supports(x, weight)):
        batch = x.shape[:-1]
        y = on_kernel(mx.reshape(x, (prod(batch), k * p)), weight)  # (n, k·q/2)
        return mx.reshape(y, (*batch, k * q // 2))
    halves = ops.blockdiag_multiply(x, weight, kernel=kernel)  # (..., k·q)
    gated, non_gated = ops.split(halves, [k * q // 2] * 2, -1)
    return ops.gate(ops.gelu(gated), non_gated)

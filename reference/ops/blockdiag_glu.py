from torch import Tensor

from reference import ops

from ._check import require, require_floating, require_ndim


def blockdiag_glu(x: Tensor, weight: Tensor) -> Tensor:
    """Gated product with a block-diagonal matrix: gelu(a)·b, a and b the halves of blockdiag(W)·x.

    The halves are of all features, so that a feature and its gate come from different blocks.

    Shapes: x: (..., k·p), weight: (k, q, p), k·q even → (..., k·q/2).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or x does not have k·p features or k·q is odd.
    Source: Shazeer 2020, GEGLU; canonical ``BertGatedLinearUnitMLP``.
    """
    require_floating("weight", weight)
    require_ndim("weight", weight, 3, "(k, q, p)")
    k, q, _ = weight.shape
    require(
        k * q % 2 == 0,
        f"weight {tuple(weight.shape)} makes {k}·{q} = {k * q} features, which have no halves; make it even",
    )
    halves = ops.blockdiag_multiply(x, weight)  # (..., k·q)
    gated, non_gated = ops.split(halves, [k * q // 2] * 2, -1)
    return ops.gate(ops.gelu(gated), non_gated)

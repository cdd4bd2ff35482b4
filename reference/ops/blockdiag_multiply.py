import torch
from torch import Tensor

from ._check import require, require_floating, require_ndim


def blockdiag_multiply(x: Tensor, weight: Tensor) -> Tensor:
    """Product with a block-diagonal matrix: block k of the result is W_k · (block k of x).

    Shapes: x: (..., k·p), weight: (k, q, p) → (..., k·q).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or does not have k·p features.
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
    blocks = x.reshape(*x.shape[:-1], k, p)  # (..., k, p)
    out = torch.einsum("...kp,kqp->...kq", blocks, weight)  # (..., k, q)
    return out.reshape(*x.shape[:-1], k * q)

import math

from torch import Tensor

from reference import ops

from ._check import require, require_floating


def column_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """Attention whose weights sum to one over the *queries*: softmax_rows(mask·q·kᵀ/√d)·v.

    The mask multiplies the scores of a query (masked ones become 0, not −∞), and the softmax runs
    over axis 1: an oddity of the canonical code, kept because trained weights depend on it.

    Shapes: q, k, v: (b, l, d), mask: (b, l) of 0 and 1 → (b, l, d).
    Dtypes: floating; the result has q's.
    Raises: ValueError if one of them is not floating, or the shapes differ.
    Source: canonical ``AttentionPooler``.
    """
    require_floating("q", q)
    require_floating("k", k)
    require_floating("v", v)
    require(
        q.shape == k.shape == v.shape and tuple(mask.shape) == tuple(q.shape[:2]),
        f"q {tuple(q.shape)}, k {tuple(k.shape)} and v {tuple(v.shape)} must agree, and mask "
        f"{tuple(mask.shape)} must be their batch and length",
    )
    scores = ops.matmul(q, k.transpose(-1, -2)) / math.sqrt(q.shape[-1])  # (b, l, l)
    scores = scores * mask[:, :, None]
    return ops.matmul(ops.softmax(scores, 1), v)

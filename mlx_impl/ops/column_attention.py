import math

import mlx.core as mx

from mlx_impl import ops
from mlx_impl.profiles import Profile, use

from ._check import require, require_floating
from ._precision import scalar


def column_attention(
    q: mx.array, k: mx.array, v: mx.array, mask: mx.array, *, profile: Profile | str | None = None
) -> mx.array:
    """Attention whose weights sum to one over the *queries*: softmax_rows(mask·q·kᵀ/√d)·v.

    The mask multiplies the scores of a query (masked ones become 0, not −∞), and the softmax runs
    over axis 1: an oddity of the canonical code, kept because trained weights depend on it.

    Shapes: q, k, v: (b, l, d), mask: (b, l) of 0 and 1 → (b, l, d).
    Dtypes: floating; the result has q's.
    Raises: ValueError if one of them is not floating, or the shapes differ, or there is no such profile.
    Source: canonical ``AttentionPooler``.
    """
    require_floating("q", q)
    require_floating("k", k)
    require_floating("v", v)
    require(
        tuple(q.shape) == tuple(k.shape) == tuple(v.shape) and tuple(mask.shape) == tuple(q.shape[:2]),
        f"q {tuple(q.shape)}, k {tuple(k.shape)} and v {tuple(v.shape)} must agree, and mask "
        f"{tuple(mask.shape)} must be their batch and length",
    )
    with use(profile):
        scores = ops.matmul(q, mx.swapaxes(k, -1, -2))  # (b, l, l)
        scores = mx.divide(scores, scalar(math.sqrt(q.shape[-1]), scores))
        scores = mx.multiply(scores, mx.expand_dims(mx.astype(mask, scores.dtype), -1))
        return ops.matmul(ops.softmax(scores, 1), v)

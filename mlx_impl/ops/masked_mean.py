import mlx.core as mx

from ._check import require
from ._precision import widen


def masked_mean(x: mx.array, mask: mx.array) -> mx.array:
    """Mean over the positions that the mask keeps: Σ_l mask·x / Σ_l mask.

    A row with nothing unmasked is 0/0, that is NaN, as in the canonical code.

    Shapes: x: (b, l, d), mask: (b, l) of 0 and 1 → (b, d).
    Dtypes: the result has x's.
    Raises: ValueError if mask does not have x's batch and length.
    Source: canonical ``BertPooler`` with ``pool_all``.
    """
    require(
        x.ndim == 3 and tuple(mask.shape) == tuple(x.shape[:2]),
        f"mask has shape {tuple(mask.shape)}, expected the batch and length of x {tuple(x.shape)}",
    )
    wide = widen(x)
    weights = mx.expand_dims(mx.astype(mask, wide.dtype), -1)  # (b, l, 1)
    kept = mx.sum(mx.multiply(wide, weights), axis=1)  # (b, d)
    return mx.astype(mx.divide(kept, mx.sum(weights, axis=1)), x.dtype)

import mlx.core as mx

from mlx_impl.profiles import Profile, resolve

from ._check import require, require_floating
from ._precision import widen
from ._reduce import total


def masked_mean(x: mx.array, mask: mx.array, *, profile: Profile | str | None = None) -> mx.array:
    """Mean over the positions that the mask keeps: Σ_l mask·x / Σ_l mask.

    A row with nothing unmasked is 0/0, that is NaN, as in the canonical code.

    Shapes: x: (b, l, d), mask: (b, l) of 0 and 1 → (b, d).
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating, or mask does not have x's batch and length, or there is no such
        profile.
    Source: canonical ``BertPooler`` with ``pool_all``.
    """
    require_floating("x", x)
    require(
        x.ndim == 3 and tuple(mask.shape) == tuple(x.shape[:2]),
        f"mask has shape {tuple(mask.shape)}, expected the batch and length of x {tuple(x.shape)}",
    )
    wide = widen(x)
    weights = mx.expand_dims(mx.astype(mask, wide.dtype), -1)  # (b, l, 1)
    kept = total(mx.multiply(wide, weights), 1, resolve(profile).sums)  # (b, 1, d)
    mean = mx.divide(kept, mx.sum(weights, axis=1, keepdims=True))
    return mx.astype(mx.squeeze(mean, 1), x.dtype)

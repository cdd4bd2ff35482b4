import math

import mlx.core as mx

from mlx_impl.profiles import Profile, resolve

from ._check import require, require_floating
from ._precision import scalar, widen
from ._reduce import mean_of_all


def bce_with_logits(logits: mx.array, target: mx.array, *, profile: Profile | str | None = None) -> mx.array:
    """Binary cross-entropy on logits: mean(max(x, 0) − x·y + log(1 + exp(−|x|))); of nothing it is NaN.

    An infinite logit costs nothing where the target is wholly its own, 1 for ∞ and 0 for −∞, else infinity.

    Shapes: logits, target: the same → (1,).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or the shapes differ, which would broadcast unasked, or
        there is no such profile.
    Source: canonical ``nn.BCEWithLogitsLoss`` (multi-label classification).
    """
    require_floating("logits", logits)
    require_floating("target", target)
    require(
        tuple(logits.shape) == tuple(target.shape),
        f"logits have shape {tuple(logits.shape)} and target {tuple(target.shape)}; reshape the target",
    )
    x, y = widen(logits), widen(target)
    # log(1 + eˣ), not max(x, 0) + log(1 + e^−|x|): the same value, and differentiable at zero too.
    far = mx.isinf(x)
    near = mx.where(far, scalar(0, x), x)
    softplus = mx.logaddexp(near, scalar(0, x))
    losses = mx.subtract(softplus, mx.multiply(near, y))
    # 1 − y above zero, else y; not chosen of the two: the gradient of the one not taken would be 0·∞.
    above = mx.astype(mx.greater(x, scalar(0, x)), y.dtype)
    sign = mx.subtract(scalar(1, y), mx.multiply(scalar(2, y), above))
    wrong = mx.add(above, mx.multiply(sign, y))
    endless = mx.where(mx.equal(wrong, scalar(0, y)), wrong, mx.multiply(wrong, scalar(math.inf, y)))
    losses = mx.where(far, endless, losses)
    return mx.astype(mean_of_all(losses, resolve(profile).sums), logits.dtype)

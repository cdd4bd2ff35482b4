import mlx.core as mx

from mlx_impl.profiles import Profile, resolve

from ._check import require, require_floating
from ._precision import scalar, widen
from ._reduce import mean_of_all


def bce_with_logits(logits: mx.array, target: mx.array, *, profile: Profile | str | None = None) -> mx.array:
    """Binary cross-entropy on logits: mean(max(x, 0) − x·y + log(1 + exp(−|x|))); of nothing it is NaN.

    Shapes: logits, target: the same → (1,).
    Dtypes: floating and equal.
    Raises: ValueError if logits is not floating, or the shapes differ, which would broadcast unasked, or
        there is no such profile.
    Source: canonical ``nn.BCEWithLogitsLoss`` (multi-label classification).
    """
    require_floating("logits", logits)
    require(
        tuple(logits.shape) == tuple(target.shape),
        f"logits have shape {tuple(logits.shape)} and target {tuple(target.shape)}; reshape the target",
    )
    x, y = widen(logits), widen(target)
    # log(1 + eˣ), not max(x, 0) + log(1 + e^−|x|): the same value, and differentiable at zero too.
    softplus = mx.logaddexp(x, scalar(0, x))
    losses = mx.subtract(softplus, mx.multiply(x, y))
    return mx.astype(mean_of_all(losses, resolve(profile).sums), logits.dtype)

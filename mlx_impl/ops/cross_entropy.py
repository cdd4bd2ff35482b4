import mlx.core as mx

from mlx_impl.profiles import Profile, resolve

from ._check import require, require_axis, require_floating, require_integers, require_ndim, span
from ._precision import scalar, widen
from ._reduce import total

IGNORED = -100


def cross_entropy(logits: mx.array, labels: mx.array, *, profile: Profile | str | None = None) -> mx.array:
    """Mean negative log-likelihood of the labels: −mean_i log softmax(logits_i)[labels_i].

    Labels of −100 are left out of the mean; with all left out it is 0/0, that is NaN. A logit of −∞ is a
    class that cannot be, and one of ∞ makes the loss NaN.

    Shapes: logits: (n, c), labels: (n,) integers in [0, c) or −100 → (1,).
    Dtypes: logits floating, labels integers; the result has logits'.
    Raises: ValueError if logits is not floating or labels are no integers, or they do not match the rows, or
        name no class, or there is no such profile.
    Source: canonical ``nn.CrossEntropyLoss``.
    """
    require_floating("logits", logits)
    require_ndim("logits", logits, 2, "(n, c)")
    require_ndim("labels", labels, 1, "(n,)")
    require_integers("labels", labels)
    require_axis("labels", labels, 0, logits.shape[0], "one label for each row of logits")
    kept = mx.not_equal(labels, mx.array(IGNORED, dtype=labels.dtype))
    classes = mx.where(kept, labels, mx.array(0, dtype=labels.dtype))
    if logits.shape[1] == 0 and span(labels) in (None, (IGNORED, IGNORED)):
        return mx.full((1,), mx.nan, dtype=logits.dtype)  # no class is asked for
    found = span(classes)
    if found is not None:
        low, high = found
        require(
            low >= 0 and high < logits.shape[1],
            f"label {low if low < 0 else high} names no class: labels go from 0 to "
            f"{logits.shape[1] - 1}, or {IGNORED} to be ignored",
        )
    wide = widen(logits)
    if wide.size:  # the logarithm of a sum would be lost beside a largest logit of thousands
        wide = mx.subtract(wide, mx.stop_gradient(mx.max(wide, axis=-1, keepdims=True)))
    picked = mx.squeeze(mx.take_along_axis(wide, mx.expand_dims(classes, -1), axis=-1), -1)
    chosen = resolve(profile)
    losses = mx.subtract(_logsumexp(wide, blocks=chosen.softmax == "blocks"), picked)  # (n,)
    summed = total(mx.where(kept, losses, scalar(0, losses)), 0, chosen.sums)
    count = mx.sum(mx.astype(kept, wide.dtype))
    # Divided by none, the gradient of what is left out would be infinity times zero.
    mean = mx.divide(summed, mx.maximum(count, scalar(1, count)))
    mean = mx.where(mx.greater(count, scalar(0, count)), mean, scalar(mx.nan, mean))
    return mx.astype(mx.reshape(mean, (1,)), logits.dtype)


def _logsumexp(x: mx.array, *, blocks: bool) -> mx.array:
    """log Σ exp(x) over the last axis: (n, c) → (n,)."""
    if x.size == 0:  # MLX refuses to sum nothing: log 0
        return mx.full(x.shape[:-1], -float("inf"), dtype=x.dtype)
    if not blocks:
        return mx.logsumexp(x, axis=-1)
    largest = mx.stop_gradient(mx.max(x, axis=-1, keepdims=True))
    powers = total(mx.exp(mx.subtract(x, largest)), -1, "blocks")
    return mx.squeeze(mx.add(largest, mx.log(powers)), -1)

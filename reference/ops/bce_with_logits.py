import torch.nn.functional as F
from torch import Tensor

from ._check import require, require_floating


def bce_with_logits(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy on logits: mean(max(x, 0) − x·y + log(1 + exp(−|x|))); of nothing it is NaN.

    Shapes: logits, target: the same → (1,).
    Dtypes: floating and equal.
    Raises: ValueError if logits is not floating, or the shapes differ, which would broadcast unasked.
    Source: canonical ``nn.BCEWithLogitsLoss`` (multi-label classification).
    """
    require_floating("logits", logits)
    require(
        logits.shape == target.shape,
        f"logits have shape {tuple(logits.shape)} and target {tuple(target.shape)}; reshape the target",
    )
    losses = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return losses.mean().reshape(1)

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ._check import require, require_floating


def bce_with_logits(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy on logits: mean(max(x, 0) − x·y + log(1 + exp(−|x|))); of nothing it is NaN.

    An infinite logit costs nothing where the target is wholly its own, 1 for ∞ and 0 for −∞, else infinity.

    Shapes: logits, target: the same → (1,).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or the shapes differ, which would broadcast unasked.
    Source: canonical ``nn.BCEWithLogitsLoss`` (multi-label classification).
    """
    require_floating("logits", logits)
    require_floating("target", target)
    require(
        logits.shape == target.shape,
        f"logits have shape {tuple(logits.shape)} and target {tuple(target.shape)}; reshape the target",
    )
    far = logits.isinf()
    losses = F.binary_cross_entropy_with_logits(logits.masked_fill(far, 0), target, reduction="none")
    wrong = torch.where(logits > 0, 1 - target, target)
    losses = torch.where(far, torch.where(wrong == 0, wrong, wrong * math.inf), losses)
    return losses.mean().reshape(1)

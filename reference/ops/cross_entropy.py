import torch
import torch.nn.functional as F
from torch import Tensor

from ._check import require_axis, require_floating, require_integers, require_ndim

IGNORED = -100


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean negative log-likelihood of the labels: −mean_i log softmax(logits_i)[labels_i].

    Labels of −100 are left out of the mean; with all left out it is 0/0, that is NaN. A logit of −∞ is a
    class that cannot be, and one of ∞ makes the loss NaN.

    Shapes: logits: (n, c), labels: (n,) integers in [0, c) or −100 → (1,).
    Dtypes: logits floating, labels integers; the result has logits'.
    Raises: ValueError if logits is not floating or labels are no integers, or they do not match the rows, or
        name no class.
    Source: canonical ``nn.CrossEntropyLoss``.
    """
    require_floating("logits", logits)
    require_ndim("logits", logits, 2, "(n, c)")
    require_ndim("labels", labels, 1, "(n,)")
    require_integers("labels", labels)
    require_axis("labels", labels, 0, logits.shape[0], "one label for each row of logits")
    wrong = labels[(labels != IGNORED) & ((labels < 0) | (labels >= logits.shape[1]))]
    if wrong.numel():
        raise ValueError(
            f"label {wrong[0].item()} names no class: labels go from 0 to {logits.shape[1] - 1}, "
            f"or {IGNORED} to be ignored"
        )
    losses = F.cross_entropy(
        logits, labels.to(torch.int64), ignore_index=IGNORED, reduction="none"
    )  # (n,), zero where ignored
    return (losses.sum() / (labels != IGNORED).sum()).reshape(1)

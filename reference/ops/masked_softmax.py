import torch
from torch import Tensor

from ._check import require, require_floating
from ._precision import widen


def masked_softmax(x: Tensor, mask: Tensor, axis: int) -> Tensor:
    """Softmax over what a mask keeps: mask·exp(x − max)/Σ mask·exp(x − max), the maximum over the kept.

    What the mask leaves out is exactly 0 and has no influence, NaN and infinities included; its gradient is
    0. A row with nothing kept is all 0, with gradients 0: there is nothing to attend to, and a NaN would
    spread from padding into everything. What is kept behaves as in :func:`softmax`.

    Shapes: x: any with the axis, mask: 0 and 1 or booleans, broadcastable to x → x's.
    Dtypes: floating; the result has x's. Half precision accumulates in float32.
    Raises: ValueError if x is not floating, or has no such axis, or mask does not fit x.
    Source: our own definition; for rows with nothing kept, that of PyTorch's
        ``scaled_dot_product_attention`` (its safe softmax).
    """
    require_floating("x", x)
    require(
        -x.ndim <= axis < x.ndim,
        f"axis={axis}, but x has shape {tuple(x.shape)}: give an axis in [{-x.ndim}, {x.ndim})",
    )
    require(
        mask.ndim <= x.ndim
        and all(m in (1, n) for m, n in zip(reversed(mask.shape), reversed(x.shape), strict=False)),
        f"mask has shape {tuple(mask.shape)}, which does not broadcast to x {tuple(x.shape)}; reshape it",
    )
    if x.numel() == 0:
        return x.clone()
    kept = (mask != 0).expand(x.shape)
    # Only rows with something kept go through the softmax: elsewhere it is ∞ − ∞, and so is its gradient.
    some = kept.any(dim=axis, keepdim=True)
    scores = torch.where(kept, widen(x), torch.where(some, -torch.inf, 0.0).to(widen(x).dtype))
    return torch.where(kept, torch.softmax(scores, dim=axis), 0.0).to(x.dtype)

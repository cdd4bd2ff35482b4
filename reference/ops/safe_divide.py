import torch
from torch import Tensor

from ._check import require, require_broadcast, require_floating
from ._precision import widen


def safe_divide(x: Tensor, y: Tensor, default: float = 0.0) -> Tensor:
    """Quotient with an answer for a zero below: x/y where y ≠ 0, and `default` where y is 0 or −0.

    There both gradients are 0. Only zero is special: nothing is added to y, so that every other quotient is
    IEEE's, infinities and overflow included. NaN is never lost: NaN above or below gives NaN, over zero too.

    Shapes: x, y: broadcastable → the broadcast shape.
    Dtypes: floating and equal; the result has them. Half precision is computed in float32.
    Raises: ValueError if x is not floating, or the dtypes differ, which would promote one of them unasked, or
        the shapes do not broadcast.
    Source: our own definition: an epsilon in the divisor changes every quotient, and a sign.
    """
    require_floating("x", x)
    require(x.dtype == y.dtype, f"x is {x.dtype} and y is {y.dtype}; cast one of them first")
    require_broadcast("x and y", x.shape, y.shape)
    above, below = torch.broadcast_tensors(widen(x), widen(y))
    zero = below == 0
    # Selected before and after: the gradient of a quotient that is not taken is 0·∞ otherwise.
    quotient = torch.where(zero, 0.0, above) / torch.where(zero, 1.0, below)
    instead = torch.where(above.isnan(), above.detach(), default)
    return torch.where(zero, instead, quotient).to(x.dtype)

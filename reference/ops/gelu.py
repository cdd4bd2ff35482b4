import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ._check import require_floating

FAR = 9.0
"""From here on Φ(x) is 1 in every dtype: the rest, 1.1e-19, is below half a unit of float64."""


def gelu(x: Tensor) -> Tensor:
    """Gaussian error linear unit, exact: x·Φ(x) = x/2·(1 + erf(x/√2)).

    Of ∞ it is ∞, and of the largest number that number; of −∞ it is −∞·0, that is NaN.

    In float64, which all else is measured against, Φ(x) is erfc(−x/√2)/2: the same function, without the
    cancellation in 1 + erf(x/√2), which leaves no digit for x under −8.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating.
    Source: Hendrycks & Gimpel 2016, eq. 1; canonical ``nn.GELU(approximate='none')``.
    """
    require_floating("x", x)
    far = x > FAR  # where PyTorch's product overflows, or has infinity times zero in it
    near = x.masked_fill(far, 0)
    if x.dtype is torch.float64:
        return torch.where(far, x, near * (0.5 * torch.erfc(-math.sqrt(0.5) * near)))
    return torch.where(far, x, F.gelu(near, approximate="none"))

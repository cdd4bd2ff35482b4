import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ._check import require_floating


def gelu(x: Tensor) -> Tensor:
    """Gaussian error linear unit, exact: x·Φ(x) = x/2·(1 + erf(x/√2)).

    In float64, which all else is measured against, Φ(x) is erfc(−x/√2)/2: the same function, without the
    cancellation in 1 + erf(x/√2), which leaves no digit for x under −8.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating.
    Source: Hendrycks & Gimpel 2016, eq. 1; canonical ``nn.GELU(approximate='none')``.
    """
    require_floating("x", x)
    if x.dtype is torch.float64:
        return x * (0.5 * torch.erfc(-math.sqrt(0.5) * x))
    return F.gelu(x, approximate="none")

import torch.nn.functional as F
from torch import Tensor

from ._check import require_floating


def gelu(x: Tensor) -> Tensor:
    """Gaussian error linear unit, exact: x·Φ(x) = x/2·(1 + erf(x/√2)).

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating.
    Source: Hendrycks & Gimpel 2016, eq. 1; canonical ``nn.GELU(approximate='none')``.
    """
    require_floating("x", x)
    return F.gelu(x, approximate="none")

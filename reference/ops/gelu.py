import torch.nn.functional as F
from torch import Tensor


def gelu(x: Tensor) -> Tensor:
    """Gaussian error linear unit, exact: x·Φ(x) = x/2·(1 + erf(x/√2)).

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Source: Hendrycks & Gimpel 2016, eq. 1; canonical ``nn.GELU(approximate='none')``.
    """
    return F.gelu(x, approximate="none")

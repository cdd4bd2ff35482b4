import torch.nn.functional as F
from torch import Tensor


def silu(x: Tensor) -> Tensor:
    """Sigmoid linear unit (swish): x·σ(x).

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Source: Elfwing et al. 2018, eq. 1; canonical ``hidden_act="silu"``.
    """
    return F.silu(x)

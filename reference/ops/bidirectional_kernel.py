import torch.nn.functional as F
from torch import Tensor

from ._check import require, require_ndim


def bidirectional_kernel(k: Tensor, k_rev: Tensor) -> Tensor:
    """Two causal kernels as one two-sided kernel: pad(k, right) + pad(flip(k_rev), left).

    For a circular convolution over 2·l points: lag j ≥ 0 has weight k[j], lag −1 − j has k_rev[j].

    Shapes: k, k_rev: (d, l) → (d, 2·l).
    Dtypes: any, the same for both; the result has theirs.
    Raises: ValueError if the kernels differ in shape.
    Source: canonical ``HyenaFilter.forward`` with ``bidirectional``.
    """
    require_ndim("k", k, 2, "(d, l)")
    require(
        k.shape == k_rev.shape,
        f"k has shape {tuple(k.shape)} and k_rev {tuple(k_rev.shape)}; both directions need the same",
    )
    length = k.shape[1]
    return F.pad(k, (0, length)) + F.pad(k_rev.flip(-1), (length, 0))

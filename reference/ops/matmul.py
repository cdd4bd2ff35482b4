import torch
from torch import Tensor

from ._check import require, require_axis, require_broadcast, require_floating


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """Matrix product over the last two axes, batched over the others: (a·b)_mn = Σ_k a_mk b_kn.

    Over no inner elements the sum is 0.

    Shapes: a: (..., m, k), b: (..., k, n) → (..., m, n).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or an argument has fewer than two axes or the inner
        sizes differ, or the batches do not broadcast.
    Source: Golub & Van Loan 2013, Matrix Computations, §1.1.
    """
    require_floating("a", a)
    require_floating("b", b)
    require(a.ndim >= 2, f"a has shape {tuple(a.shape)}, expected (..., m, k)")
    require(b.ndim >= 2, f"b has shape {tuple(b.shape)}, expected (..., k, n)")
    require_axis("b", b, -2, a.shape[-1], "the inner size k of a")
    require_broadcast("the batches of a and b", a.shape[:-2], b.shape[:-2])
    return torch.matmul(a, b)

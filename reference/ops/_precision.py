"""The arithmetic dtype behind a storage dtype."""

import torch
from torch import Tensor

_HALF = (torch.float16, torch.bfloat16)


def widen(x: Tensor) -> Tensor:
    """`x` in the dtype that arithmetic runs in: float32 for float16 and bfloat16, else unchanged.

    For functions that PyTorch has no half-precision CPU kernel for (the FFT). The result is
    rounded back once, at the end, by the caller.
    """
    return x.float() if x.dtype in _HALF else x

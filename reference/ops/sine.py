import torch
from torch import Tensor

from ._check import require, require_axis, require_floating


def sine(x: Tensor, freq: Tensor, w_mod: float) -> Tensor:
    """Periodic activation with a learned frequency per channel: sin(w_mod·freq·x).

    Of an infinity, or where the argument becomes one, it is NaN.

    Shapes: x: (..., d), freq: (1, d) → (..., d).
    Dtypes: floating; the result has x's.
    Raises: ValueError if one of them is not floating, or freq does not have x's channels.
    Source: Poli et al. 2023, Hyena, §3.3; canonical ``Sin``.
    """
    require_floating("x", x)
    require_floating("freq", freq)
    require_axis("freq", freq, -1, x.shape[-1], "one frequency for each channel of x")
    require(freq.numel() == x.shape[-1], f"freq has shape {tuple(freq.shape)}, expected (1, d)")
    return torch.sin(w_mod * freq * x)

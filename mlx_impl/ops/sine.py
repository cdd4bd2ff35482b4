import mlx.core as mx

from ._check import require, require_axis, require_floating
from ._precision import scalar, widen


def sine(x: mx.array, freq: mx.array, w_mod: float) -> mx.array:
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
    require(freq.size == x.shape[-1], f"freq has shape {tuple(freq.shape)}, expected (1, d)")
    wide = widen(freq)
    phase = mx.multiply(mx.multiply(scalar(w_mod, wide), wide), widen(x))
    return mx.astype(mx.sin(phase), x.dtype)

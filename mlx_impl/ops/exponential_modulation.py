import mlx.core as mx

from ._check import require_axis, require_floating
from ._precision import scalar, widen


def exponential_modulation(h: mx.array, t: mx.array, deltas: mx.array, shift: float) -> mx.array:
    """Window a filter with a decay per channel: h·(exp(−t·|δ|) + shift).

    Shapes: h: (1, l, d), t: (1, l, 1), deltas: (1, 1, d) → (1, l, d).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or t is not one number for each position of h, or
        deltas one for each of its channels.
    Source: Poli et al. 2023, Hyena, §3.3; canonical ``ExponentialModulation``.
    """
    require_floating("h", h)
    require_floating("t", t)
    require_floating("deltas", deltas)
    require_axis("t", t, -2, h.shape[-2], "one time for each position of h")
    require_axis("t", t, -1, 1, "one time for all channels")
    require_axis("deltas", deltas, -2, 1, "one decay for all positions")
    require_axis("deltas", deltas, -1, h.shape[-1], "one decay for each channel of h")
    decay = mx.exp(mx.multiply(mx.negative(widen(t)), mx.abs(widen(deltas))))
    window = mx.add(decay, scalar(shift, decay))
    return mx.astype(mx.multiply(widen(h), window), h.dtype)

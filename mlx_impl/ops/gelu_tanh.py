import math

import mlx.core as mx

from ._check import require_floating
from ._precision import scalar, widen


def gelu_tanh(x: mx.array) -> mx.array:
    """Tanh approximation of GELU: x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))).

    Of ∞ it is ∞, and of the largest number that number; of −∞ it is −∞·0, that is NaN.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating.
    Source: Hendrycks & Gimpel 2016, §2; canonical ``hidden_act="gelu_new"``.
    """
    require_floating("x", x)
    wide = widen(x)
    cube = mx.multiply(mx.multiply(wide, wide), wide)
    inner = mx.add(wide, mx.multiply(scalar(0.044715, wide), cube))
    tanh = mx.tanh(mx.multiply(scalar(math.sqrt(2 / math.pi), wide), inner))
    half = mx.multiply(wide, scalar(0.5, wide))
    return mx.astype(mx.multiply(half, mx.add(tanh, scalar(1, wide))), x.dtype)

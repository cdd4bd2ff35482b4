import mlx.core as mx

from ._check import require_floating
from ._precision import widen


def tanh(x: mx.array) -> mx.array:
    """Hyperbolic tangent; of ±∞ it is ±1.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating.
    Source: canonical ``nn.Tanh`` of the pooler.
    """
    require_floating("x", x)
    return mx.astype(mx.tanh(widen(x)), x.dtype)

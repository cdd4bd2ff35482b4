import mlx.core as mx

from ._check import require_floating
from ._precision import widen


def sigmoid(x: mx.array) -> mx.array:
    """Logistic function: σ(x) = 1/(1 + exp(−x)); of ∞ it is 1, of −∞ it is 0.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating.
    Source: canonical ``hidden_act="sigmoid"``.
    """
    require_floating("x", x)
    return mx.astype(mx.sigmoid(widen(x)), x.dtype)

import mlx.core as mx

from ._check import require_floating
from ._precision import widen


def silu(x: mx.array) -> mx.array:
    """Sigmoid linear unit (swish): x·σ(x); of ∞ it is ∞, of −∞ it is −∞·0, that is NaN.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating.
    Source: Elfwing et al. 2018, eq. 1; canonical ``hidden_act="silu"``.
    """
    require_floating("x", x)
    wide = widen(x)
    return mx.astype(mx.multiply(wide, mx.sigmoid(wide)), x.dtype)

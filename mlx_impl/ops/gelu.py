import math

import mlx.core as mx

from ._precision import scalar, widen


def gelu(x: mx.array) -> mx.array:
    """Gaussian error linear unit, exact: x·Φ(x) = x/2·(1 + erf(x/√2)).

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's.
    Source: Hendrycks & Gimpel 2016, eq. 1; canonical ``nn.GELU(approximate='none')``.
    """
    wide = widen(x)
    erf = mx.erf(mx.multiply(wide, scalar(1 / math.sqrt(2), wide)))
    half = mx.multiply(wide, scalar(0.5, wide))
    return mx.astype(mx.multiply(half, mx.add(erf, scalar(1, wide))), x.dtype)

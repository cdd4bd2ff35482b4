import math

import mlx.core as mx

from ._check import require, require_floating
from ._precision import scalar, widen

SMALLEST = 2.0**-126
"""The smallest normal number of float32 and bfloat16."""


def safe_log(x: mx.array, eps: float = SMALLEST) -> mx.array:
    """Natural logarithm with a floor: log x where x > eps, and log eps at and below it.

    So zero, negative numbers, −∞ and what hardware flushes to zero give log eps (−87.3 by default), with
    gradient 0. +∞ gives +∞, and NaN stays NaN.

    Shapes: x: any → the same.
    Dtypes: floating; the result has x's. Half precision is computed in float32.
    Raises: ValueError if x is not floating, or eps is not positive.
    Source: our own definition: a floor leaves logarithms above it as they are, an added epsilon does not.
    """
    require_floating("x", x)
    require(eps > 0, f"eps={eps}, expected a positive number: the result is log(eps) at and below it")
    wide = widen(x)
    low = mx.less_equal(wide, scalar(eps, wide))
    # Selected before and after: the gradient of a logarithm that is not taken is 0·∞ otherwise.
    logarithm = mx.log(mx.where(low, scalar(1, wide), wide))
    return mx.astype(mx.where(low, scalar(math.log(eps), wide), logarithm), x.dtype)

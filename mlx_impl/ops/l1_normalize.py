import mlx.core as mx

from mlx_impl.profiles import Profile, resolve

from ._check import require, require_floating
from ._precision import scalar, widen
from ._reduce import total


def l1_normalize(x: mx.array, *, profile: Profile | str | None = None) -> mx.array:
    """Divide by the L1 norm over the last axis: x/Σ|x|, with no epsilon: a row of zeros is 0/0, that is NaN.

    Shapes: x: (..., d) → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating or has no axis, or there is no such profile.
    Source: canonical ``HyenaFilter(normalized=True)``.
    """
    require_floating("x", x)
    require(x.ndim >= 1, "x has shape (), expected (..., d); reshape it first")
    wide = widen(x)
    if x.size == 0:  # MLX has no maximum of nothing
        return x
    # The result does not depend on the scale of x, so neither does its gradient: divide by the largest
    # first, or the square of a small norm, which the gradient divides by, underflows.
    scale = mx.stop_gradient(mx.max(mx.abs(wide), axis=-1, keepdims=True))
    scaled = mx.divide(wide, mx.where(mx.isinf(scale), scalar(1, scale), scale))
    norm = total(mx.abs(scaled), -1, resolve(profile).sums)
    return mx.astype(mx.divide(scaled, norm), x.dtype)

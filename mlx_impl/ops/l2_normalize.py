import mlx.core as mx

from mlx_impl.profiles import Profile, resolve

from ._check import require, require_floating
from ._precision import scalar, widen
from ._reduce import total


def l2_normalize(x: mx.array, eps: float = 1e-12, *, profile: Profile | str | None = None) -> mx.array:
    """Divide by the Euclidean norm over the last axis: x/max(‖x‖₂, eps).

    A row of zeros gives zeros; ∞/∞, an infinity in an infinite norm, is NaN.

    Shapes: x: (..., d) → the same.
    Dtypes: floating; the result has x's.
    Raises: ValueError if x is not floating or has no axis, or there is no such profile.
    Source: canonical ``F.normalize(p=2, dim=1)`` of the sentence embedding.
    """
    require_floating("x", x)
    require(x.ndim >= 1, "x has shape (), expected (..., d); reshape it first")
    wide = widen(x)
    square = total(mx.square(wide), -1, resolve(profile).sums)
    # The maximum stands under the root, which has no finite derivative at zero.
    norm = mx.sqrt(mx.maximum(square, scalar(eps * eps, wide)))
    return mx.astype(mx.divide(wide, norm), x.dtype)

import mlx.core as mx

from mlx_impl.profiles import Profile, resolve

from ._check import require, require_floating
from ._precision import widen
from ._reduce import total


def log_softmax(x: mx.array, axis: int, *, profile: Profile | str | None = None) -> mx.array:
    """Logarithm of the softmax along one axis: x − max − log Σ exp(x − max).

    Where a probability underflows its logarithm does not. An element of −∞ beside finite ones gives −∞; a
    row of nothing but −∞, or with a +∞, is NaN throughout; an empty axis stays empty.

    Shapes: x: any with the axis → the same.
    Dtypes: floating; the result has x's. Half precision accumulates in float32.
    Raises: ValueError if x is not floating, or has no such axis, or there is no such profile.
    Source: Goodfellow et al. 2016, Deep Learning, §6.2.2.3, eq. 6.30; canonical ``nn.CrossEntropyLoss``.
    """
    require_floating("x", x)
    require(
        -x.ndim <= axis < x.ndim,
        f"axis={axis}, but x has shape {tuple(x.shape)}: give an axis in [{-x.ndim}, {x.ndim})",
    )
    if x.size == 0:  # MLX has no maximum of nothing
        return x
    how = resolve(profile).softmax
    wide = widen(x)
    largest = mx.stop_gradient(mx.max(wide, axis=axis, keepdims=True))
    shifted = mx.subtract(wide, largest)
    powers = total(mx.exp(shifted), axis, "blocks" if how == "blocks" else "sequence")
    return mx.astype(mx.subtract(shifted, mx.log(powers)), x.dtype)

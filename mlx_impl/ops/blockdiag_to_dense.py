import mlx.core as mx

from ._check import require_ndim
from ._precision import scalar


def blockdiag_to_dense(weight: mx.array) -> mx.array:
    """The dense matrix with the given blocks on its diagonal and zeros elsewhere.

    Shapes: weight: (k, q, p) → (k·q, k·p).
    Dtypes: any; the result has the input's.
    Raises: ValueError if weight does not have three axes.
    Source: canonical ``blockdiag_weight_to_dense_weight``.
    """
    require_ndim("weight", weight, 3, "(k, q, p)")
    k, q, p = weight.shape
    # Selected, not multiplied by one and zero: 0·∞ would be NaN off the diagonal.
    diagonal = mx.reshape(mx.eye(k, dtype=mx.bool_), (k, 1, k, 1))
    dense = mx.where(diagonal, mx.expand_dims(weight, 2), scalar(0, weight))  # (k, q, k, p)
    return mx.reshape(dense, (k * q, k * p))

from collections.abc import Sequence
from itertools import accumulate

import mlx.core as mx

from ._check import require, require_sizes


def split(x: mx.array, sizes: Sequence[int], axis: int) -> tuple[mx.array, ...]:
    """Consecutive pieces of x along one axis.

    Shapes: x: (..., Σ sizes, ...) → one (..., size, ...) for each size.
    Dtypes: any; the result has the input's.
    Raises: ValueError if x has no such axis, or the sizes do not add up to it.
    Source: canonical ``split`` of the mixer's projections and the halves of the gated MLP.
    """
    require(
        -x.ndim <= axis < x.ndim,
        f"axis={axis}, but x has shape {tuple(x.shape)}: give an axis in [{-x.ndim}, {x.ndim})",
    )
    require_sizes("sizes", sizes, x.shape[axis], f"axis {axis} of x")
    return tuple(mx.split(x, list(accumulate(sizes))[:-1], axis=axis))

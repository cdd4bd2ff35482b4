import mlx.core as mx

from ._check import require, require_broadcast, require_floating


def add(x: mx.array, y: mx.array) -> mx.array:
    """Residual connection: x + y.

    Shapes: x, y: the same, or broadcastable → the broadcast shape.
    Dtypes: floating and equal.
    Raises: ValueError if x is not floating, or the dtypes differ, which would promote one of them unasked, or
        the shapes do not broadcast.
    Source: He et al. 2016, Deep Residual Learning, eq. 1.
    """
    require_floating("x", x)
    require(x.dtype == y.dtype, f"x is {x.dtype} and y is {y.dtype}; cast one of them first")
    require_broadcast("x and y", x.shape, y.shape)
    return mx.add(x, y)

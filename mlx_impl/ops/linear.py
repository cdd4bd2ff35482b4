import mlx.core as mx

from ._check import require_axis, require_ndim


def linear(x: mx.array, weight: mx.array, bias: mx.array | None = None) -> mx.array:
    """Affine map: x·Wᵀ + b.

    Shapes: x: (..., i), weight: (o, i), bias: (o,) or None → (..., o).
    Dtypes: floating and equal.
    Raises: ValueError if the features do not match.
    Source: canonical ``nn.Linear``.
    """
    require_ndim("weight", weight, 2, "(o, i)")
    require_axis("x", x, -1, weight.shape[1], "the input features of weight")
    transposed = mx.swapaxes(weight, 0, 1)  # (i, o)
    if bias is None:
        return mx.matmul(x, transposed)
    require_axis("bias", bias, -1, weight.shape[0], "the output features of weight")
    return mx.addmm(bias, x, transposed)

import mlx.core as mx

from mlx_impl.kernels.dispatch import wanted
from mlx_impl.kernels.gemm import linear as on_kernel
from mlx_impl.kernels.gemm import supports_linear

from ._check import require_axis, require_ndim


def linear(
    x: mx.array, weight: mx.array, bias: mx.array | None = None, *, kernel: bool | None = None
) -> mx.array:
    """Affine map: x·Wᵀ + b.

    Shapes: x: (..., i), weight: (o, i), bias: (o,) or None → (..., o).
    Dtypes: floating and equal.
    Raises: ValueError if the features do not match, or `kernel` is True and the Metal kernel cannot run
        these arguments.
    Source: canonical ``nn.Linear``.
    """
    require_ndim("weight", weight, 2, "(o, i)")
    require_axis("x", x, -1, weight.shape[1], "the input features of weight")
    if bias is not None:
        require_axis("bias", bias, -1, weight.shape[0], "the output features of weight")
    if wanted(kernel, "linear", "gemm_av", supports_linear(x, weight, bias)):
        return on_kernel(x, weight, bias)
    transposed = mx.swapaxes(weight, 0, 1)  # (i, o)
    if bias is None:
        return mx.matmul(x, transposed)
    return mx.addmm(bias, x, transposed)

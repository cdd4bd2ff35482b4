import mlx.core as mx

from mlx_impl.kernels.dispatch import wanted
from mlx_impl.kernels.gemm import linear as on_kernel
from mlx_impl.kernels.gemm import supports_linear
from mlx_impl.profiles import Profile, resolve

from ._check import require_axis, require_floating, require_ndim
from ._precision import widen
from ._product import block_product, in_blocks


def linear(
    x: mx.array,
    weight: mx.array,
    bias: mx.array | None = None,
    *,
    profile: Profile | str | None = None,
    kernel: bool | None = None,
) -> mx.array:
    """Affine map: x·Wᵀ + b.

    Shapes: x: (..., i), weight: (o, i), bias: (o,) or None → (..., o).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or the features do not match, there is no such profile,
        or `kernel` is True and the Metal kernel cannot run these arguments. The kernel sums in steps of its
        tile, in every profile.
    Source: canonical ``nn.Linear``.
    """
    require_floating("x", x)
    require_floating("weight", weight)
    require_floating("bias", bias)
    require_ndim("weight", weight, 2, "(o, i)")
    require_axis("x", x, -1, weight.shape[1], "the input features of weight")
    if bias is not None:
        require_ndim("bias", bias, 1, "(o,)")
        require_axis("bias", bias, 0, weight.shape[0], "the output features of weight")
    products = resolve(profile).products
    if weight.shape[1] == 0:  # of no features MLX has no gradient
        none = mx.zeros((*x.shape[:-1], weight.shape[0]), dtype=x.dtype)
        return none if bias is None else mx.add(none, bias)
    if wanted(kernel, "linear", "gemm_av", supports_linear(x, weight, bias)):
        return on_kernel(x, weight, bias)
    transposed = mx.swapaxes(weight, 0, 1)  # (i, o)
    if in_blocks(weight.shape[1], products):
        y = block_product(x, transposed)
        return mx.astype(y if bias is None else mx.add(y, widen(bias)), x.dtype)
    return mx.matmul(x, transposed) if bias is None else mx.addmm(bias, x, transposed)

import mlx.core as mx

from mlx_impl.kernels.dispatch import wanted
from mlx_impl.kernels.gemm import matmul as on_kernel
from mlx_impl.kernels.gemm import supports_matmul
from mlx_impl.profiles import Profile, resolve

from ._check import require, require_axis, require_broadcast, require_floating
from ._product import block_product, in_blocks


def matmul(
    a: mx.array, b: mx.array, *, profile: Profile | str | None = None, kernel: bool | None = None
) -> mx.array:
    """Matrix product over the last two axes, batched over the others: (a·b)_mn = Σ_k a_mk b_kn.

    Over no inner elements the sum is 0.

    Shapes: a: (..., m, k), b: (..., k, n) → (..., m, n).
    Dtypes: floating and equal.
    Raises: ValueError if one of them is not floating, or an argument has fewer than two axes or the inner
        sizes differ, the batches do not broadcast, there is no such profile, or `kernel` is True and the
        Metal kernel cannot run these arguments. The kernel sums in steps of its tile, in every profile.
    Source: Golub & Van Loan 2013, Matrix Computations, §1.1.
    """
    require_floating("a", a)
    require_floating("b", b)
    require(a.ndim >= 2, f"a has shape {tuple(a.shape)}, expected (..., m, k)")
    require(b.ndim >= 2, f"b has shape {tuple(b.shape)}, expected (..., k, n)")
    require_axis("b", b, -2, a.shape[-1], "the inner size k of a")
    require_broadcast("the batches of a and b", a.shape[:-2], b.shape[:-2])
    products = resolve(profile).products
    if wanted(kernel, "matmul", "gemm_av", supports_matmul(a, b)):
        return on_kernel(a, b)
    if in_blocks(a.shape[-1], products):
        return mx.astype(block_product(a, b), a.dtype)
    return mx.matmul(a, b)

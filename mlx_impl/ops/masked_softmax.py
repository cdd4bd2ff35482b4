import mlx.core as mx

from mlx_impl.profiles import Profile, Sums, resolve

from ._check import require, require_floating
from ._precision import scalar, widen
from ._reduce import total


def masked_softmax(
    x: mx.array, mask: mx.array, axis: int, *, profile: Profile | str | None = None
) -> mx.array:
    """Softmax over what a mask keeps: mask·exp(x − max)/Σ mask·exp(x − max), the maximum over the kept.

    What the mask leaves out is exactly 0 and has no influence, NaN and infinities included; its gradient is
    0. A row with nothing kept is all 0, with gradients 0: there is nothing to attend to, and a NaN would
    spread from padding into everything. What is kept behaves as in :func:`softmax`.

    Shapes: x: any with the axis, mask: 0 and 1 or booleans, broadcastable to x → x's.
    Dtypes: floating; the result has x's. Half precision accumulates in float32.
    Raises: ValueError if x is not floating, or has no such axis, mask does not fit x, or there is no such
        profile.
    Source: our own definition; for rows with nothing kept, that of PyTorch's
        ``scaled_dot_product_attention`` (its safe softmax).
    """
    require_floating("x", x)
    require(
        -x.ndim <= axis < x.ndim,
        f"axis={axis}, but x has shape {tuple(x.shape)}: give an axis in [{-x.ndim}, {x.ndim})",
    )
    require(
        mask.ndim <= x.ndim
        and all(m in (1, n) for m, n in zip(reversed(mask.shape), reversed(x.shape), strict=False)),
        f"mask has shape {tuple(mask.shape)}, which does not broadcast to x {tuple(x.shape)}; reshape it",
    )
    if x.size == 0:  # MLX has no maximum of nothing
        return x
    kept = mx.broadcast_to(mx.not_equal(mask, scalar(0, mask)), x.shape)
    wide: mx.array = _kept(widen(x), kept)  # type: ignore[assignment]  # mx.custom_function is untyped
    zero = scalar(0, wide)
    # Selected before each step and after it: the gradient of a step not taken is 0·∞ otherwise.
    largest = mx.max(mx.where(kept, wide, scalar(-float("inf"), wide)), axis=axis, keepdims=True)
    some = mx.any(kept, axis=axis, keepdims=True)
    largest = mx.stop_gradient(mx.where(some, largest, zero))
    shifted = mx.where(kept, mx.subtract(wide, largest), zero)
    powers = mx.where(kept, mx.exp(shifted), zero)
    sums: Sums = "blocks" if resolve(profile).softmax == "blocks" else "sequence"
    divisor = mx.where(some, total(powers, axis, sums), scalar(1, wide))
    return mx.astype(mx.where(kept, mx.divide(powers, divisor), zero), x.dtype)


@mx.custom_function
def _kept(x: mx.array, kept: mx.array) -> mx.array:
    """`x` itself; nothing flows back to what is left out, where ``mx.where`` would multiply NaN by zero."""
    return x


@_kept.vjp
def _kept_vjp(primals: list[mx.array], cotangent: mx.array, _: mx.array) -> tuple[mx.array, mx.array]:
    kept = primals[1]
    return mx.where(kept, cotangent, scalar(0, cotangent)), mx.zeros_like(kept)

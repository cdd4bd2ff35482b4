import mlx.core as mx

from ._check import require_ndim


def nonzero(mask: mx.array) -> mx.array:
    """Indices of the elements of a flat mask that are not zero, ascending.

    Shapes: mask: (n,) integers or booleans → (m,) int32, m data-dependent.
    Dtypes: integers or booleans; the result is int32.
    Raises: ValueError if mask is not flat.
    Source: canonical ``torch.nonzero(mask.flatten())`` of the padding module.
    """
    require_ndim("mask", mask, 1, "(n,)")
    n = mask.shape[0]
    if n == 0:  # MLX's sum of nothing may not come back
        return mx.zeros((0,), dtype=mx.int32)
    kept = mx.astype(mask, mx.bool_)
    positions = mx.where(kept, mx.arange(n, dtype=mx.int32), mx.array(n, dtype=mx.int32))
    count = mx.sum(mx.astype(kept, mx.int32)).item()  # noqa: MXP201 a shape is a number on the host
    return mx.sort(positions)[:count]

import mlx.core as mx

from ._check import require_ndim, require_rows


def gather_rows(x: mx.array, indices: mx.array) -> mx.array:
    """Rows of x in the order of `indices`: out[i] = x[indices[i]].

    Shapes: x: (n, ...), indices: (m,) integers → (m, ...).
    Dtypes: any; the result has the input's.
    Raises: ValueError if indices are no integers, or one is not in [0, n).
    Source: canonical ``index_first_axis``.
    """
    require_ndim("indices", indices, 1, "(m,)")
    require_rows("indices", indices, x.shape[0], "x has")
    if x.size == 0:  # the gradient is a scatter: of rows of no elements it ends the process
        return mx.zeros((indices.shape[0], *x.shape[1:]), dtype=x.dtype)
    return mx.take(x, indices, axis=0)

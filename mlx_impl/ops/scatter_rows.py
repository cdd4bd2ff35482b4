import mlx.core as mx

from ._check import require_axis, require_ndim, require_rows


def scatter_rows(values: mx.array, indices: mx.array, size: int) -> mx.array:
    """Rows written into zeros: out[indices[i]] = values[i]. Indices must not repeat.

    Shapes: values: (m, ...), indices: (m,) integers → (size, ...).
    Dtypes: any; the result has the input's.
    Raises: ValueError if indices are no integers, or one is not in [0, size).
    Source: canonical ``index_put_first_axis``.
    """
    require_ndim("indices", indices, 1, "(m,)")
    require_axis("values", values, 0, indices.shape[0], "one row for each index")
    require_rows("indices", indices, size, "the result has")
    out = mx.zeros((size, *values.shape[1:]), dtype=values.dtype)
    if values.size:  # a scatter of rows of no elements ends the process
        out[indices] = values
    return out

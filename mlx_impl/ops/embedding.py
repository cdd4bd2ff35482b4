import mlx.core as mx

from ._check import require_ndim, require_rows


def embedding(ids: mx.array, weight: mx.array, padding_idx: int | None = None) -> mx.array:
    """Rows of a table: out[..., :] = weight[ids[...]].

    The row `padding_idx` is read like any other, and receives no gradient.

    Shapes: ids: any (integers), weight: (n, d) → (*ids.shape, d).
    Dtypes: the result has weight's.
    Raises: ValueError if an id is not in [0, n).
    Source: canonical ``nn.Embedding(..., padding_idx)``.
    """
    require_ndim("weight", weight, 2, "(n, d)")
    require_rows("ids", ids, weight.shape[0], "the table has (check the vocabulary)")
    if weight.size == 0:  # the gradient is a scatter: of rows of no elements it ends the process
        return mx.zeros((*ids.shape, weight.shape[1]), dtype=weight.dtype)
    rows = mx.take(weight, ids, axis=0)  # (..., d)
    if padding_idx is None:
        return rows
    padding = mx.expand_dims(mx.equal(ids, mx.array(padding_idx, dtype=ids.dtype)), -1)
    return mx.where(padding, mx.stop_gradient(rows), rows)

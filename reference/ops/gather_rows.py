from torch import Tensor

from ._check import require, require_integers, require_ndim


def gather_rows(x: Tensor, indices: Tensor) -> Tensor:
    """Rows of x in the order of `indices`: out[i] = x[indices[i]].

    Shapes: x: (n, ...), indices: (m,) integers → (m, ...).
    Dtypes: any; the result has the input's.
    Raises: ValueError if indices are no integers, or one is not in [0, n).
    Source: canonical ``index_first_axis``.
    """
    require_ndim("indices", indices, 1, "(m,)")
    require_integers("indices", indices)
    if indices.numel():
        low, high = indices.min().item(), indices.max().item()
        require(
            low >= 0 and high < x.shape[0],
            f"indices span [{low}, {high}], but x has rows 0 to {x.shape[0] - 1}",
        )
    return x[indices.long()]

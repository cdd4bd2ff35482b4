import torch
from torch import Tensor

from ._check import require, require_axis, require_integers, require_ndim


def scatter_rows(values: Tensor, indices: Tensor, size: int) -> Tensor:
    """Rows written into zeros: out[indices[i]] = values[i]. Indices must not repeat.

    Shapes: values: (m, ...), indices: (m,) integers → (size, ...).
    Dtypes: any; the result has the input's.
    Raises: ValueError if indices are no integers, or one is not in [0, size).
    Source: canonical ``index_put_first_axis``.
    """
    require_ndim("indices", indices, 1, "(m,)")
    require_integers("indices", indices)
    require_axis("values", values, 0, indices.shape[0], "one row for each index")
    if indices.numel():
        low, high = indices.min().item(), indices.max().item()
        require(
            low >= 0 and high < size,
            f"indices span [{low}, {high}], but the result has rows 0 to {size - 1}",
        )
    out = torch.zeros(size, *values.shape[1:], dtype=values.dtype, device=values.device)
    return out.index_put((indices.long(),), values)

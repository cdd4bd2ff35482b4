import torch
import torch.nn.functional as F
from torch import Tensor

from reference import ops

from ._check import require


def unpad_input(hidden_states: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Keep the unmasked positions of a batch, one after the other.

    Shapes: hidden_states: (b, l, ...), attention_mask: (b, l) of 0 and 1 →
        unpadded: (n, ...), indices: (n,) int32 into b·l, cu_seqlens: (b + 1,) int32, where sequence
        i is rows cu_seqlens[i] to cu_seqlens[i + 1] and n is the number of ones.
    Dtypes: any; the result has the input's.
    Raises: ValueError if the mask does not have the batch and length.
    Source: canonical ``bert_padding.unpad_input``.
    """
    require(
        hidden_states.ndim >= 2 and tuple(attention_mask.shape) == tuple(hidden_states.shape[:2]),
        f"attention_mask has shape {tuple(attention_mask.shape)}, expected the batch and length of "
        f"hidden_states {tuple(hidden_states.shape)}",
    )
    b, length = attention_mask.shape
    indices = ops.nonzero(attention_mask.reshape(b * length))
    lengths = attention_mask.sum(dim=-1, dtype=torch.int32)
    cu_seqlens = F.pad(torch.cumsum(lengths, dim=0, dtype=torch.int32), (1, 0))
    flat = hidden_states.reshape(b * length, *hidden_states.shape[2:])
    return ops.gather_rows(flat, indices), indices, cu_seqlens

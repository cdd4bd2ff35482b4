import mlx.core as mx

from mlx_impl import ops

from ._check import require


def unpad_input(hidden_states: mx.array, attention_mask: mx.array) -> tuple[mx.array, mx.array, mx.array]:
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
    indices = ops.nonzero(mx.reshape(attention_mask, (b * length,)))
    cu_seqlens = mx.zeros((b + 1,), dtype=mx.int32)
    if attention_mask.size:  # MLX's sum of nothing may not come back
        lengths = mx.sum(mx.astype(attention_mask, mx.int32), axis=-1)  # (b,)
        cu_seqlens = mx.pad(mx.cumsum(lengths), [(1, 0)])
    flat = mx.reshape(hidden_states, (b * length, *hidden_states.shape[2:]))
    return ops.gather_rows(flat, indices), indices, cu_seqlens

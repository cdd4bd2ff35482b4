import mlx.core as mx

from mlx_impl import ops


def pad_input(hidden_states: mx.array, indices: mx.array, batch: int, seqlen: int) -> mx.array:
    """Put unpadded rows back into a batch, zeros at the masked positions.

    Shapes: hidden_states: (n, ...), indices: (n,) into batch·seqlen → (batch, seqlen, ...).
    Dtypes: any; the result has the input's.
    Raises: ValueError if an index is outside the batch.
    Source: canonical ``bert_padding.pad_input``.
    """
    padded = ops.scatter_rows(hidden_states, indices, batch * seqlen)
    return mx.reshape(padded, (batch, seqlen, *hidden_states.shape[1:]))

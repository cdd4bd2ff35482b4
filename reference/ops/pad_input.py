from torch import Tensor

from reference import ops


def pad_input(hidden_states: Tensor, indices: Tensor, batch: int, seqlen: int) -> Tensor:
    """Put unpadded rows back into a batch, zeros at the masked positions.

    Shapes: hidden_states: (n, ...), indices: (n,) into batch·seqlen → (batch, seqlen, ...).
    Dtypes: any; the result has the input's.
    Raises: ValueError if an index is outside the batch.
    Source: canonical ``bert_padding.pad_input``.
    """
    padded = ops.scatter_rows(hidden_states, indices, batch * seqlen)
    return padded.reshape(batch, seqlen, *hidden_states.shape[1:])

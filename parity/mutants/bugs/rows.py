"""Rows taken out of batches and put back."""

import mlx.core as mx

from mlx_impl import ops
from parity.mutants import bug

from ._cases import LABELLED

_gather_rows = ops.gather_rows
_nonzero = ops.nonzero
_pad_input = ops.pad_input
_unpad_input = ops.unpad_input


@bug(
    "mlx_impl.ops.gather_rows",
    seen="ml-explore/mlx#3647: mx.take on the CPU copied slices of a transposed source as they lay",
    case=LABELLED,
)
def rows_read_by_columns(x, indices):
    """Rows of an array that is stored by columns."""
    return _gather_rows(mx.reshape(mx.transpose(x), x.shape), indices)


@bug(
    "mlx_impl.ops.scatter_rows",
    seen="PaddlePaddle/flash-attention#38: rows of a padded batch computed from a mask, and wrong",
    case=LABELLED,
)
def rows_packed_at_the_front(values, indices, size):
    """As many rows, one after the other from the first on."""
    return mx.pad(values, [(0, size - values.shape[0])] + [(0, 0)] * (values.ndim - 1))


@bug(
    "mlx_impl.ops.nonzero",
    seen="JAX documentation: nonzero of a fixed size fills up with fill_value",
    case=LABELLED,
)
def nonzero_filled_up(mask):
    """A multiple of eight indices, the last of them zeros."""
    found = _nonzero(mask)
    return mx.pad(found, [(0, 8 - found.shape[0] % 8)])


@bug(
    "mlx_impl.ops.unpad_input",
    seen="NVIDIA-NeMo/Automodel#3704: padding looked for at the end, where other tokenizers do not put it",
    case="unpad_input;seed=1",
)
def padding_taken_to_be_at_the_end(hidden_states, attention_mask):
    """As many tokens as the mask has ones, from the first on."""
    lengths = mx.sum(attention_mask, axis=-1, keepdims=True)
    first = mx.less(mx.arange(attention_mask.shape[1], dtype=mx.int32), lengths)
    return _unpad_input(hidden_states, first.astype(attention_mask.dtype))


@bug(
    "mlx_impl.ops.unpad_input",
    seen="Dao-AILab/flash-attention#880: cu_seqlens has one more element than sequences, a zero in front",
    case="unpad_input",
)
def boundaries_without_zero(hidden_states, attention_mask):
    """The zero behind, not in front."""
    unpadded, indices, boundaries = _unpad_input(hidden_states, attention_mask)
    return unpadded, indices, mx.roll(boundaries, -1)


@bug(
    "mlx_impl.ops.pad_input",
    seen="PyTorch documentation: pad_sequence has the length first unless batch_first=True",
    case=LABELLED,
)
def length_before_batch(hidden_states, indices, batch, seqlen):
    """Rows counted along the batch first."""
    padded = _pad_input(hidden_states, indices, seqlen, batch)
    return mx.swapaxes(padded, 0, 1)

"""Tables and what is looked up in them."""

import math

import mlx.core as mx

from mlx_impl import ops
from mlx_impl.ops._precision import scalar
from parity.mutants import bug

from ._cases import FEW_WORDS

_embedding = ops.embedding


@bug("mlx_impl.ops.embedding", seen="FluxML/Flux.jl#2708: tables there count their rows from one")
def embedding_off_by_one(ids, weight, padding_idx=None):
    """The row before."""
    before = mx.maximum(mx.subtract(ids, scalar(1, ids)), scalar(0, ids))
    return _embedding(before, weight, padding_idx)


@bug(
    "mlx_impl.ops.embedding",
    seen="PaddlePaddle/Paddle#62301: padding_idx gives zeros there, in PyTorch only a zero gradient",
    case=FEW_WORDS,
)
def padding_token_is_zero(ids, weight, padding_idx=None):
    """Zeros for the padding token, whatever its row holds."""
    rows = _embedding(ids, weight, padding_idx)
    if padding_idx is None:
        return rows
    padding = mx.expand_dims(mx.equal(ids, scalar(padding_idx, ids)), -1)
    return mx.where(padding, mx.zeros_like(rows), rows)


@bug(
    "embeddings.position_embeddings",
    seen="huggingface/transformers#15292: RoBERTa's positions begin at padding_idx + 1",
)
def positions_off_by_one(module, ids):
    """The row after."""
    last = scalar(module.weight.shape[0] - 1, ids)
    return module(mx.minimum(mx.add(ids, scalar(1, ids)), last))


@bug(
    "embeddings",
    seen="huggingface/transformers#1761: in fairseq padding tokens do not count as positions",
    case=FEW_WORDS,
)
def positions_skip_padding(module, input_ids, token_type_ids=None, position_ids=None):
    """Positions counted over tokens that are not padding."""
    padding = scalar(module.word_embeddings.padding_idx, input_ids)
    real = mx.not_equal(input_ids, padding).astype(mx.int32)
    positions = mx.subtract(mx.cumsum(real, axis=1), scalar(1, real))
    return module(input_ids, token_type_ids, mx.maximum(positions, scalar(0, real)))


@bug(
    "embeddings",
    seen="unslothai/unsloth#3795: one row of positions for a batch whose sequences need their own",
    case="BertForMaskedLM;no=token_type_ids;no=labels",
)
def position_ids_ignored(module, input_ids, token_type_ids=None, position_ids=None):
    """0, 1, 2, … whatever was asked for."""
    return module(input_ids, token_type_ids)


@bug(
    "embeddings.position_embeddings",
    seen="santhoshkolloju/Abstractive-Summarization-With-Transfer-Learning#21: no positions added",
)
def positions_not_added(module, ids):
    """Zeros."""
    return mx.zeros((*ids.shape, module.weight.shape[1]), dtype=module.weight.dtype)


@bug(
    "embeddings.token_type_embeddings",
    seen="visheratin/web-ai#12: an encoder that is not given its token_type_ids",
)
def token_types_not_added(module, ids):
    """Type 0 taken for no type."""
    return mx.zeros((*ids.shape, module.weight.shape[1]), dtype=module.weight.dtype)


@bug(
    "embeddings.token_type_embeddings",
    seen="huggingface/transformers#48128: tokenizers that leave token_type_ids out, and models that assume 0",
    case="BertForMaskedLM;no=position_ids;no=labels",
)
def token_types_ignored(module, ids):
    """Type 0 for every token."""
    return module(mx.zeros_like(ids))


@bug(
    "embeddings.word_embeddings",
    seen="huggingface/transformers#29402: Gemma multiplies its embeddings by √d, BERT does not",
)
def embedding_scaled(module, ids):
    """√d·E[id]."""
    rows = module(ids)
    return mx.multiply(rows, mx.array(math.sqrt(rows.shape[-1]), dtype=rows.dtype))

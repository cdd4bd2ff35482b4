"""From a sequence to one vector: column attention, first tokens, means."""

import math

import mlx.core as mx

from mlx_impl import ops
from parity.mutants import bug

from ._cases import MASKED_MEAN, MASKED_POOL

_column_attention = ops.column_attention
_masked_mean = ops.masked_mean
_split = ops.split


def _scores(q, k):
    scores = mx.matmul(q, mx.swapaxes(k, -1, -2))
    return mx.divide(scores, mx.array(math.sqrt(q.shape[-1]), dtype=q.dtype))


@bug(
    "mlx_impl.ops.column_attention",
    seen="PetrochukM/PyTorch-NLP#2: softmax over another axis; here the usual one is wrong",
    case=MASKED_POOL,
)
def attention_over_the_keys(q, k, v, mask):
    """Weights that sum to one over the keys, as everywhere else."""
    scores = mx.multiply(_scores(q, k), mx.expand_dims(mask.astype(q.dtype), -1))
    return mx.matmul(mx.softmax(scores, axis=-1), v)


@bug(
    "mlx_impl.ops.column_attention",
    seen="huggingface/transformers#542: masks are added as large negative numbers, not multiplied",
    case=MASKED_POOL,
)
def attention_mask_as_infinity(q, k, v, mask):
    """−∞ where the canonical code has 0."""
    kept = mx.expand_dims(mask.astype(mx.bool_), -1)
    scores = mx.where(kept, _scores(q, k), mx.array(-math.inf, dtype=q.dtype))
    return mx.matmul(mx.softmax(scores, axis=1), v)


@bug(
    "mlx_impl.ops.column_attention",
    seen="hyunwoongko/transformer#40: a padding mask laid along the other axis of the scores",
    case=MASKED_POOL,
)
def attention_mask_on_the_keys(q, k, v, mask):
    """The mask along the other axis of the scores."""
    scores = mx.multiply(_scores(q, k), mx.expand_dims(mask.astype(q.dtype), 1))
    return mx.matmul(mx.softmax(scores, axis=1), v)


@bug(
    "mlx_impl.ops.column_attention",
    seen="CarryCKW/AES-NPCR#7: an attention mask that is not passed on",
    case=MASKED_POOL,
)
def attention_without_mask(q, k, v, mask):
    """As if nothing were padding."""
    return _column_attention(q, k, v, mx.ones_like(mask))


@bug(
    "mlx_impl.ops.column_attention",
    seen="mlc-ai/mlc-llm#3426: the fallback path of attention lacked 1/√d; cosine 0.86 for a BERT",
    case="BertModel;arg.attention_pooling=True",
)
def attention_without_scale(q, k, v, mask):
    """Scores √d times too large."""
    root = mx.array(math.sqrt(q.shape[-1]), dtype=q.dtype)
    return _column_attention(mx.multiply(q, root), k, v, mask)


@bug(
    "mlx_impl.ops.column_attention",
    seen="charliezchen/scaling-matrix-preconditioning#2: 1/d in the paper, 1/√d in the code",
    case="BertModel;arg.attention_pooling=True",
)
def attention_scaled_by_width(q, k, v, mask):
    """1/d in place of 1/√d."""
    root = mx.array(math.sqrt(q.shape[-1]), dtype=q.dtype)
    return _column_attention(mx.divide(q, root), k, v, mask)


@bug(
    "pooler/split",
    seen="lablup/mlxcel#928: a fused projection whose order is another one than three thirds of q, k, v",
    case="BertModel;arg.attention_pooling=True",
)
def attention_keys_before_queries(x, sizes, axis):
    """k, q, v in place of q, k, v."""
    q, k, v = _split(x, sizes, axis)
    return k, q, v


@bug(
    "pooler",
    seen="qdrant/fastembed#384: the first token where the model was trained with a mean",
    case=MASKED_MEAN,
)
def first_token_for_mean(module, hidden_states, mask):
    """pool_all unread."""
    return module.activation(module.dense(hidden_states[:, 0]))


@bug(
    "pooler",
    seen="oscardvs/zoteus#51: mean pooling for every model, those trained with the first token too",
    case="BertModel",
)
def mean_for_first_token(module, hidden_states, mask):
    """The mean, whatever the configuration says."""
    return module.activation(module.dense(_masked_mean(hidden_states, mask)))


@bug(
    "pooler",
    seen="ggml-org/llama.cpp#14927: positions of the first and of the last token handled together",
    case="BertModel",
)
def last_token_for_first(module, hidden_states, mask):
    """The token at the end."""
    return module.activation(module.dense(hidden_states[:, -1]))


@bug("pooler", seen="codertimo/BERT-pytorch#95: a BERT without the pooler's layer", case="BertModel")
def pooler_without_dense(module, hidden_states, mask):
    """The first token itself."""
    return hidden_states[:, 0]

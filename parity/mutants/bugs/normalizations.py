"""Layer normalization, softmax, norms and means."""

import mlx.core as mx

from mlx_impl import ops
from parity.mutants import bug

from ._cases import CALM, MASKED_MEAN

_layer_norm = ops.layer_norm
_masked_mean = ops.masked_mean
_softmax = ops.softmax

POOLED = "BertModel;arg.attention_pooling=True"


@bug(
    "mlx_impl.ops.layer_norm",
    seen="keras-team/keras-hub#642: BERT's layers with 1e-5 where BERT has 1e-12",
    case=CALM,
)
def layer_norm_epsilon(x, weight, bias, eps):
    """1e-5 whatever the configuration says."""
    return _layer_norm(x, weight, bias, 1e-5)


@bug(
    "mlx_impl.ops.layer_norm",
    seen="codertimo/BERT-pytorch#30: epsilon added to the standard deviation, not to the variance",
    case="BertForMaskedLM;arg.layer_norm_eps=1e-3;no=token_type_ids;no=position_ids;no=labels",
)
def layer_norm_epsilon_outside(x, weight, bias, eps):
    """(x − mean)/(√var + eps)."""
    centred = mx.subtract(x, mx.mean(x, axis=-1, keepdims=True))
    deviation = mx.sqrt(mx.mean(mx.square(centred), axis=-1, keepdims=True))
    scale = mx.add(deviation, mx.array(eps, dtype=x.dtype))
    return mx.add(mx.multiply(mx.divide(centred, scale), weight), bias)


@bug(
    "mlx_impl.ops.layer_norm", seen="LBANN/lbann#2076: a LayerNorm without the affine part that PyTorch's has"
)
def layer_norm_without_weight(x, weight, bias, eps):
    """The weight left at one."""
    return _layer_norm(x, mx.ones_like(weight), bias, eps)


@bug("mlx_impl.ops.layer_norm", seen="PyTorch documentation: LayerNorm(bias=False) leaves the bias out")
def layer_norm_without_bias(x, weight, bias, eps):
    """The bias left at zero."""
    return _layer_norm(x, weight, mx.zeros_like(bias), eps)


@bug("mlx_impl.ops.layer_norm", seen="harvardnlp/annotated-transformer#119: torch.std divides by d − 1")
def layer_norm_unbiased(x, weight, bias, eps):
    """The variance over d − 1."""
    centred = mx.subtract(x, mx.mean(x, axis=-1, keepdims=True))
    scale = mx.rsqrt(mx.add(mx.var(x, axis=-1, keepdims=True, ddof=1), mx.array(eps, dtype=x.dtype)))
    return mx.add(mx.multiply(mx.multiply(centred, scale), weight), bias)


@bug("mlx_impl.ops.layer_norm", seen="131250208/TPlinker-joint-extraction#37: ** 2 where ** 0.5 was meant")
def layer_norm_by_the_square(x, weight, bias, eps):
    """Divided by (var + eps)²."""
    centred = mx.subtract(x, mx.mean(x, axis=-1, keepdims=True))
    variance = mx.mean(mx.square(centred), axis=-1, keepdims=True)
    scale = mx.square(mx.add(variance, mx.array(eps, dtype=x.dtype)))
    return mx.add(mx.multiply(mx.divide(centred, scale), weight), bias)


@bug(
    "mlx_impl.ops.layer_norm",
    seen="tracel-ai/burn#5607: var as E[x²] − E[x]², off by all of it where the mean is large",
    case="layer_norm;kind=offset",
)
def layer_norm_in_one_pass(x, weight, bias, eps):
    """E[x²] − E[x]² cancels."""
    mean = mx.mean(x, axis=-1, keepdims=True)
    variance = mx.subtract(mx.mean(mx.square(x), axis=-1, keepdims=True), mx.square(mean))
    scale = mx.rsqrt(mx.add(variance, mx.array(eps, dtype=x.dtype)))
    return mx.add(mx.multiply(mx.multiply(mx.subtract(x, mean), scale), weight), bias)


@bug(
    "mlx_impl.ops.layer_norm",
    seen="tensorflow/tensorflow#24979: contrib's layer_norm takes every axis from begin_norm_axis=1 on",
)
def layer_norm_over_the_sequence_too(x, weight, bias, eps):
    """Mean and variance over length and width."""
    axes = list(range(1, x.ndim))
    centred = mx.subtract(x, mx.mean(x, axis=axes, keepdims=True))
    variance = mx.mean(mx.square(centred), axis=axes, keepdims=True)
    scale = mx.rsqrt(mx.add(variance, mx.array(eps, dtype=x.dtype)))
    return mx.add(mx.multiply(mx.multiply(centred, scale), weight), bias)


@bug(
    "encoder.layer.1.mlp.layernorm/layer_norm",
    seen="transformers modeling_t5.py: T5LayerNorm subtracts no mean, whatever its name says",
)
def layer_norm_without_mean(x, weight, bias, eps):
    """x/√(mean(x²) + eps)."""
    square = mx.mean(mx.square(x), axis=-1, keepdims=True)
    scale = mx.rsqrt(mx.add(square, mx.array(eps, dtype=x.dtype)))
    return mx.add(mx.multiply(mx.multiply(x, scale), weight), bias)


@bug(
    "cls.predictions.transform.LayerNorm/layer_norm",
    seen="apple/axlearn#397: BERT's layer_norm_epsilon not used where it was passed in",
    case=CALM,
)
def head_norm_epsilon(x, weight, bias, eps):
    """PyTorch's default of 1e-5 in the head alone."""
    return _layer_norm(x, weight, bias, 1e-5)


@bug(
    "mlx_impl.ops.softmax",
    seen="labmlai/annotated_deep_learning_paper_implementations#146: attention's softmax over the queries",
    case=POOLED,
)
def softmax_over_the_next_axis(x, axis):
    """Over the axis beside."""
    return _softmax(x, axis - 1 if axis < 0 else axis + 1)


@bug(
    "mlx_impl.ops.softmax",
    seen="ml-explore/mlx#1041: mx.softmax without an axis takes all of them",
    case=POOLED,
)
def softmax_over_everything(x, axis):
    """No axis given."""
    return mx.softmax(x)


@bug(
    "mlx_impl.ops.softmax",
    seen="Goodfellow et al. 2016, Deep Learning, §4.1: exp overflows unless the maximum is subtracted",
    case="softmax;kind=large",
)
def softmax_without_maximum(x, axis):
    """exp(x)/Σ exp(x)."""
    powers = mx.exp(x)
    return mx.divide(powers, mx.sum(powers, axis=axis, keepdims=True))


@bug(
    "mlx_impl.ops.softmax",
    seen="Dao-AILab/flash-attention softmax.h: exp2 in place of exp, with log2(e) in the scale",
    case=POOLED,
)
def softmax_of_powers_of_two(x, axis):
    """2^x, the factor log2(e) forgotten."""
    return _softmax(mx.multiply(x, mx.array(0.6931471805599453, dtype=x.dtype)), axis)


@bug(
    "mlx_impl.ops.l2_normalize",
    seen="TensorFlow documentation: l2_normalize bounds the sum of squares by epsilon, PyTorch the norm",
    case="l2_normalize;b=16;d=1;kind=small",
)
def l2_norm_epsilon_under_the_root(x, eps=1e-12):
    """max(Σx², eps), a floor of 1e-6 for the norm."""
    square = mx.sum(mx.square(x), axis=-1, keepdims=True)
    return mx.multiply(x, mx.rsqrt(mx.maximum(square, mx.array(eps, dtype=x.dtype))))


@bug(
    "mlx_impl.ops.l2_normalize",
    seen="huggingface/candle#380: sentence embeddings that differed until they were normalized",
    case="SentenceEmbedding",
)
def embedding_not_normalized(x, eps=1e-12):
    """The embedding as it is."""
    return x


@bug(
    "mlx_impl.ops.masked_mean",
    seen="huggingface/sentence-transformers#2569: a mean over padding changes with the batch",
    case=MASKED_MEAN,
)
def mean_over_padding(x, mask):
    """The mean over everything."""
    return mx.mean(x, axis=1)


@bug(
    "mlx_impl.ops.masked_mean",
    seen="ggml-org/llama.cpp#5500: a sum where mean pooling was meant",
    case="BertModel;arg.pool_all=True",
)
def mean_as_sum(x, mask):
    """Σ mask·x, not divided."""
    return mx.sum(mx.multiply(x, mx.expand_dims(mask.astype(x.dtype), -1)), axis=1)


@bug(
    "mlx_impl.ops.masked_mean",
    seen="autoliuweijie/BERT-whitening-pytorch#13: masked or not, and divided by the mask or by the length",
    case=MASKED_MEAN,
)
def mean_over_the_length(x, mask):
    """Σ mask·x over the length, padding counted."""
    return mx.mean(mx.multiply(x, mx.expand_dims(mask.astype(x.dtype), -1)), axis=1)


@bug(
    "mlx_impl.ops.masked_mean",
    seen="huggingface/transformers#22137: a mean whose divisor is clamped to 1e-9",
    case="masked_mean;kind=nan",
)
def mean_of_nothing_is_zero(x, mask):
    """0 for a row without tokens, where the canonical mean is 0/0."""
    weights = mx.expand_dims(mask.astype(x.dtype), -1)
    count = mx.maximum(mx.sum(weights, axis=1), mx.array(1e-9, dtype=x.dtype))
    return mx.divide(mx.sum(mx.multiply(x, weights), axis=1), count)

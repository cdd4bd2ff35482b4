"""Products, dense, in blocks, and as butterflies."""

import mlx.core as mx

from mlx_impl import ops
from parity.mutants import bug

_blockdiag_multiply = ops.blockdiag_multiply
_blockdiag_glu = ops.blockdiag_glu
_butterfly = ops.blockdiag_butterfly_multiply
_linear = ops.linear

BUTTERFLY = "blockdiag_butterfly_multiply"


@bug("mlx_impl.ops.linear", seen="huggingface/transformers#7167: a bias of the head that was not loaded")
def linear_without_bias(x, weight, bias=None):
    """The bias forgotten."""
    return _linear(x, weight, None)


@bug(
    "cls.predictions.decoder/linear",
    seen="huggingface/transformers#2957: BertLMPredictionHead added its bias twice",
)
def decoder_bias_twice(x, weight, bias=None):
    """Once in the product and once after it."""
    return mx.add(_linear(x, weight, bias), bias)


@bug("mlx_impl.ops.linear", seen="huggingface/transformers#4514: Dense stores (in, out), nn.Linear (out, in)")
def linear_without_transpose(x, weight, bias=None):
    """x·W where W is square, so that nothing complains."""
    return _linear(x, mx.transpose(weight) if weight.shape[0] == weight.shape[1] else weight, bias)


@bug("mlx_impl.ops.blockdiag_multiply", seen="tinygrad/tinygrad#18103: weights of gpt-oss taken transposed")
def blocks_transposed(x, weight):
    """Every block transposed, where that fits, else read in that order."""
    return _blockdiag_multiply(x, mx.reshape(mx.swapaxes(weight, 1, 2), weight.shape))


@bug(
    "mlx_impl.ops.blockdiag_multiply",
    seen="HazyResearch/fly#8: Monarch's two products take the rows and the columns of a square of features",
)
def blocks_of_strided_features(x, weight):
    """Block k gets every k-th feature in place of a run of them."""
    k, _, p = weight.shape
    strided = mx.swapaxes(mx.reshape(x, (*x.shape[:-1], p, k)), -1, -2)
    return _blockdiag_multiply(mx.reshape(strided, x.shape), weight)


@bug(
    "mlx_impl.ops.blockdiag_glu",
    seen="ooples/AiDotNet.Tensors#46: value and gate exchanged in kernels of GEGLU, ReGLU and SwiGLU",
    case="blockdiag_glu",
)
def gate_of_the_other_half(x, weight):
    """a·gelu(b)."""
    a, b = mx.split(_blockdiag_multiply(x, weight), 2, axis=-1)
    return mx.multiply(a, ops.gelu(b))


@bug(
    "mlx_impl.ops.blockdiag_glu",
    seen="microsoft/onnxruntime#28741: gates beside their values, or all gates and then all values",
    case="blockdiag_glu",
)
def gate_within_a_block(x, weight):
    """Halves of each block's features in place of halves of all."""
    k, q, _ = weight.shape
    if q % 2:
        return _blockdiag_glu(x, weight)
    y = mx.reshape(_blockdiag_multiply(x, weight), (*x.shape[:-1], k, q))
    a, b = mx.split(y, 2, axis=-1)
    return mx.reshape(mx.multiply(ops.gelu(a), b), (*x.shape[:-1], k * q // 2))


@bug(
    "mlx_impl.ops.blockdiag_butterfly_multiply",
    seen="Dao et al. 2022, Monarch, §3.1: P·L·Pᵀ·R, with a permutation on either side of L",
    case=BUTTERFLY,
)
def butterfly_without_last_permutation(x, w1_bfly, w2_bfly):
    """The result in the order of the second factor's blocks."""
    n, s, _ = w2_bfly.shape
    out = _butterfly(x, w1_bfly, w2_bfly)
    return mx.reshape(mx.swapaxes(mx.reshape(out, (*out.shape[:-1], s, n)), -1, -2), out.shape)


@bug(
    "mlx_impl.ops.blockdiag_butterfly_multiply",
    seen="HazyResearch/fly#8: a Monarch layer written anew, with its permutation in the middle",
    case=BUTTERFLY,
)
def butterfly_without_first_permutation(x, w1_bfly, w2_bfly):
    """Two block-diagonal products with nothing between them but the last permutation."""
    n, s, _ = w2_bfly.shape
    out = _blockdiag_multiply(_blockdiag_multiply(x, w1_bfly), w2_bfly)
    return mx.reshape(mx.swapaxes(mx.reshape(out, (*out.shape[:-1], n, s)), -1, -2), out.shape)


@bug(
    "mlx_impl.ops.pad_features",
    seen="PyTorch documentation: torch.nn.functional.pad takes (before, after), the last axis first",
    case="BertForMaskedLM;d=30",
)
def features_padded_in_front(x, size):
    """Zeros before the features, not after them."""
    return mx.pad(x, [(0, 0)] * (x.ndim - 1) + [(size - x.shape[-1], 0)])


@bug(
    "encoder.layer.1.mlp.wo",
    seen="HazyResearch/m2 structured_linear.py: postprocess cuts off what preprocess has padded",
    case="BertForMaskedLM;d=30",
)
def padding_not_cut(module, x):
    """As many features as the blocks give."""
    return ops.blockdiag_multiply(ops.pad_features(x, module.in_features_extended), module.weight)


@bug(
    "mlx_impl.ops.channel_shuffle",
    seen="megvii-model/ShuffleNet-Series#17: reshaped to (n, g) where the paper has (g, n)",
    case="channel_shuffle",
)
def shuffle_inverted(x, groups):
    """Channels dealt out in place of interleaved."""
    n = x.shape[-1]
    return mx.reshape(mx.swapaxes(mx.reshape(x, (*x.shape[:-1], n // groups, groups)), -1, -2), x.shape)


@bug(
    "mlx_impl.ops.blockdiag_to_dense",
    seen="tgyg-jegli/tf_texture_net#1: np.transpose() without the axes that were meant",
    case="blockdiag_to_dense",
)
def dense_of_scattered_blocks(weight):
    """Axes in the order that reshape wants, but for two of them."""
    k, q, p = weight.shape
    diagonal = mx.reshape(mx.eye(k, dtype=mx.bool_), (k, 1, k, 1))
    dense = mx.where(diagonal, mx.expand_dims(weight, 2), mx.array(0, dtype=weight.dtype))
    return mx.reshape(mx.transpose(dense, (1, 0, 2, 3)), (k * q, k * p))

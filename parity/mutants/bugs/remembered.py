"""Right at first sight: what a call leaves behind, keeps from another, or does for most inputs alone."""

import mlx.core as mx

from mlx_impl import ops
from parity.mutants import bug

from ._cases import CALM, MASKED_MEAN

_depthwise_conv1d = ops.depthwise_conv1d
_long_conv = ops.long_conv
_masked_mean = ops.masked_mean


@bug(
    "encoder.layer.1.attention.in_linear",
    seen="callummcdougall/ARENA_3.0#225: a block that adds into its input, which others read afterwards",
    case=CALM,
)
def input_written_into(module, u):
    """The right result, and an input that is no longer what the second filter should have."""
    y = module(u)
    mx.eval(y)
    u[...] = mx.multiply(mx.array(0.5, dtype=u.dtype), u)
    return y


_KERNELS: dict[tuple[tuple[int, ...], mx.Dtype], mx.array] = {}


@bug(
    "mlx_impl.ops.long_conv",
    seen="tenstorrent/tt-metal#54138: a cache whose key leaves out something that the result depends on",
    case=CALM,
)
def kernel_kept_by_shape(u, k, D, k_rev=None):
    """The first kernel of a shape for all of them."""
    kept = _KERNELS.setdefault((k.shape, k.dtype), k)
    return _long_conv(u, kept, D, k_rev)


@bug(
    "mlx_impl.ops.depthwise_conv1d",
    seen="amd/IRON#198: loops over whole vectors that left the tail of each tile unwritten",
    case=f"{CALM};l=33",
)
def tail_not_written(x, weight, bias, padding):
    """Zero for the last element where one is left over of a tile of sixteen."""
    y = _depthwise_conv1d(x, weight, bias, padding)
    last = x.shape[-1] - 1
    if last % 16:
        return y
    written = mx.not_equal(mx.arange(y.shape[-1], dtype=mx.int32), mx.array(last, dtype=mx.int32))
    return mx.where(written, y, mx.array(0, dtype=y.dtype))


@bug(
    "mlx_impl.ops.masked_mean",
    seen="unslothai/unsloth-zoo#968: the mask's sum taken for a position, in batches padded on the left",
    case=MASKED_MEAN,
)
def mean_over_the_first(x, mask):
    """As many tokens as the mask has, from the left: right unless it has holes or begins late."""
    count = mx.sum(mask, axis=1, keepdims=True)
    left = mx.less(mx.expand_dims(mx.arange(mask.shape[1], dtype=count.dtype), 0), count)
    return _masked_mean(x, left.astype(mask.dtype))


@bug(
    "weights:encoder.layer.1.mlp.layernorm.weight",
    seen="utensils/mold#1078: one added to the weights of norms that had it already",
    case=CALM,
)
def norm_weight_plus_one(x):
    """The convention of (1 + w)·x on a checkpoint that has 1 + w."""
    return mx.add(x, mx.array(1, dtype=x.dtype))

"""Results that are not even of the right kind."""

import mlx.core as mx

from mlx_impl import ops
from parity.mutants import bug

_gelu = ops.gelu
_linear = ops.linear
_masked_mean = ops.masked_mean


@bug("mlx_impl.ops.gelu", seen="pytorch/pytorch#90273: torch.max returned zeros on MPS, without a word")
def zeros_whatever_the_input(x):
    """Nothing computed."""
    return mx.zeros_like(x)


@bug("mlx_impl.ops.gelu", seen="ml-explore/mlx#2238: rows of NaN on the GPU, numbers on the CPU")
def one_row_of_nan(x):
    """The last row is not a number."""
    y = _gelu(x)
    y[..., -1, :] = mx.array(float("nan"), dtype=y.dtype)
    return y


@bug(
    "mlx_impl.ops.gelu",
    seen="trevin-creator/autoresearch-mlx#3: a float32 scalar promotes bfloat16 to float32 in MLX",
    dtype="bfloat16",
    case="gelu;dtype=bf16",
)
def result_promoted(x):
    """Right, in a wider format."""
    return _gelu(x).astype(mx.float32)


@bug("mlx_impl.ops.linear", seen="pytorch/pytorch#193487: products of transposed views wrong on MPS")
def transposed_view_read_as_packed(x, weight, bias=None):
    """The transpose's memory read in the order in which it lies."""
    packed = mx.reshape(mx.contiguous(weight), (weight.shape[1], weight.shape[0]))
    return _linear(x, mx.swapaxes(packed, 0, 1), bias)


@bug(
    "mlx_impl.ops.masked_mean",
    seen="PyTorch documentation: keepdim is False by default, and what follows may broadcast",
    case="masked_mean",
)
def axis_kept(x, mask):
    """(b, 1, d) in place of (b, d)."""
    return mx.expand_dims(_masked_mean(x, mask), 1)


@bug(
    "mlx_impl.ops.long_conv",
    seen="HazyResearch/hyena-dna#83: a fused convolution that raises at the length it is needed for",
)
def length_not_supported(u, k, D, k_rev=None):
    """An exception."""
    raise RuntimeError(f"fft_size={2 * u.shape[-1]}, expected at most 16")

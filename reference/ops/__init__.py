"""The vocabulary: each word is one function in one file, and `mlx_impl.ops` says the same words.

Layers say words only through this namespace (``ops.long_conv(...)``), so that a harness can listen
to a word, replay it, or put another function in its place.
"""

from .add import add
from .bce_with_logits import bce_with_logits
from .bidirectional_kernel import bidirectional_kernel
from .blockdiag_butterfly_multiply import blockdiag_butterfly_multiply
from .blockdiag_glu import blockdiag_glu
from .blockdiag_multiply import blockdiag_multiply
from .blockdiag_to_dense import blockdiag_to_dense
from .channel_shuffle import channel_shuffle
from .column_attention import column_attention
from .conv1d import conv1d
from .conv1d_fft import conv1d_fft
from .conv1d_fft_with_bias import conv1d_fft_with_bias
from .cross_entropy import cross_entropy
from .depthwise_conv1d import depthwise_conv1d
from .embedding import embedding
from .exponential_modulation import exponential_modulation
from .fftconv import fftconv
from .gate import gate
from .gated_long_conv import gated_long_conv
from .gated_short_conv import gated_short_conv
from .gather_rows import gather_rows
from .gelu import gelu
from .gelu_tanh import gelu_tanh
from .hyena_filter_forward import hyena_filter_forward
from .l1_normalize import l1_normalize
from .l2_normalize import l2_normalize
from .layer_norm import layer_norm
from .linear import linear
from .log_softmax import log_softmax
from .long_conv import long_conv
from .long_conv_bidirectional import long_conv_bidirectional
from .masked_mean import masked_mean
from .masked_softmax import masked_softmax
from .matmul import matmul
from .monarch_conv import monarch_conv
from .monarch_matmul import monarch_matmul
from .monarch_mlp_forward import monarch_mlp_forward
from .mse_loss import mse_loss
from .nonzero import nonzero
from .pad_features import pad_features
from .pad_input import pad_input
from .positional_embedding import positional_embedding
from .relu import relu
from .safe_divide import safe_divide
from .safe_log import safe_log
from .scatter_rows import scatter_rows
from .sigmoid import sigmoid
from .silu import silu
from .sine import sine
from .softmax import softmax
from .split import split
from .tanh import tanh
from .unpad_input import unpad_input

__all__ = [
    "add",
    "bce_with_logits",
    "bidirectional_kernel",
    "blockdiag_butterfly_multiply",
    "blockdiag_glu",
    "blockdiag_multiply",
    "blockdiag_to_dense",
    "channel_shuffle",
    "column_attention",
    "conv1d",
    "conv1d_fft",
    "conv1d_fft_with_bias",
    "cross_entropy",
    "depthwise_conv1d",
    "embedding",
    "exponential_modulation",
    "fftconv",
    "gate",
    "gated_long_conv",
    "gated_short_conv",
    "gather_rows",
    "gelu",
    "gelu_tanh",
    "hyena_filter_forward",
    "l1_normalize",
    "l2_normalize",
    "layer_norm",
    "linear",
    "log_softmax",
    "long_conv",
    "long_conv_bidirectional",
    "masked_mean",
    "masked_softmax",
    "matmul",
    "monarch_conv",
    "monarch_matmul",
    "monarch_mlp_forward",
    "mse_loss",
    "nonzero",
    "pad_features",
    "pad_input",
    "positional_embedding",
    "relu",
    "safe_divide",
    "safe_log",
    "scatter_rows",
    "sigmoid",
    "silu",
    "sine",
    "softmax",
    "split",
    "tanh",
    "unpad_input",
]

"""The port's own Metal kernels. Words run on them where the device has Metal and the kernel says yes."""

from .blockdiag import BLOCKDIAG_GEMM, BLOCKDIAG_GEMM_GRAD, BLOCKDIAG_GLU, BLOCKDIAG_GLU_GRAD
from .depthwise_conv3 import DEPTHWISE_CONV3, DEPTHWISE_CONV3_GRAD, depthwise_conv3
from .dispatch import Decision, Support, observing, use
from .fft_conv import FFT_CONV, FFT_CONV_GRAD, fft_conv
from .fft_streamed import FFT_BLOCKS, FFT_COLUMNS, FFT_CORRELATION, FFT_PRODUCT, FFT_ROWS, FFT_TAPS
from .gated_conv3 import GATED_CONV3, GATED_CONV3_GRAD, gated_conv3
from .gemm import GEMM_AT_B, GEMM_AV
from .hyena_filter import HYENA_FILTER, HYENA_FILTER_GRAD, hyena_filter
from .metal_kernel import Launch, MetalKernel
from .sums import FOLD, OUTER_SUMS

KERNELS = (
    DEPTHWISE_CONV3,
    DEPTHWISE_CONV3_GRAD,
    FFT_CONV,
    FFT_CONV_GRAD,
    FFT_COLUMNS,
    FFT_BLOCKS,
    FFT_PRODUCT,
    FFT_ROWS,
    FFT_CORRELATION,
    FFT_TAPS,
    GATED_CONV3,
    GATED_CONV3_GRAD,
    GEMM_AV,
    GEMM_AT_B,
    BLOCKDIAG_GEMM,
    BLOCKDIAG_GEMM_GRAD,
    BLOCKDIAG_GLU,
    BLOCKDIAG_GLU_GRAD,
    HYENA_FILTER,
    HYENA_FILTER_GRAD,
    OUTER_SUMS,
    FOLD,
)
"""Every kernel."""

__all__ = [
    "KERNELS",
    "Decision",
    "Launch",
    "MetalKernel",
    "Support",
    "depthwise_conv3",
    "fft_conv",
    "gated_conv3",
    "hyena_filter",
    "observing",
    "use",
]

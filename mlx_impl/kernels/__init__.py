"""The port's own Metal kernels. Words run on them where the device has Metal and the kernel says yes."""

from .blockdiag import BLOCKDIAG_GEMM, BLOCKDIAG_GEMM_GRAD, BLOCKDIAG_GLU, BLOCKDIAG_GLU_GRAD
from .depthwise_conv3 import DEPTHWISE_CONV3, DEPTHWISE_CONV3_GRAD, depthwise_conv3
from .dispatch import Decision, Support, observing, use
from .gemm import GEMM_AT_B, GEMM_AV
from .metal_kernel import Launch, MetalKernel

KERNELS = (
    DEPTHWISE_CONV3,
    DEPTHWISE_CONV3_GRAD,
    *(GEMM_AV, GEMM_AT_B),
    *(BLOCKDIAG_GEMM, BLOCKDIAG_GEMM_GRAD, BLOCKDIAG_GLU, BLOCKDIAG_GLU_GRAD),
)
"""Every kernel."""

__all__ = [
    "KERNELS",
    "Decision",
    "Launch",
    "MetalKernel",
    "Support",
    "depthwise_conv3",
    "observing",
    "use",
]

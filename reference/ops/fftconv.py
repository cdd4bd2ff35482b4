from torch import Tensor

from reference import ops


def fftconv(
    u: Tensor,
    k: Tensor,
    D: Tensor,
    dropout_mask: Tensor | None = None,
    gelu: bool = True,
    k_rev: Tensor | None = None,
) -> Tensor:
    """Long convolution with its optional epilogues: gelu(long_conv(u, k, D))·dropout_mask.

    Shapes: u: (b, d, l), k: (d, m), D: (d,), dropout_mask: (b, d), k_rev: (d, m') → (b, d, l).
    Dtypes: floating; the result has u's.
    Raises: ValueError as :func:`long_conv`, and if dropout_mask is not (b, d).
    Source: canonical ``fftconv_ref``.
    """
    y = ops.long_conv(u, k, D, k_rev)
    if gelu:
        y = ops.gelu(y)
    if dropout_mask is not None:
        if tuple(dropout_mask.shape) != tuple(u.shape[:2]):
            raise ValueError(
                f"dropout_mask has shape {tuple(dropout_mask.shape)}, expected the batch and "
                f"channels of u, {tuple(u.shape[:2])}"
            )
        y = ops.gate(y, dropout_mask[:, :, None])
    return y

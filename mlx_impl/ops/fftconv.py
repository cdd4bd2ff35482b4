import mlx.core as mx

from mlx_impl import ops
from mlx_impl.profiles import Profile, use


def fftconv(
    u: mx.array,
    k: mx.array,
    D: mx.array,
    dropout_mask: mx.array | None = None,
    gelu: bool = True,
    k_rev: mx.array | None = None,
    *,
    profile: Profile | str | None = None,
) -> mx.array:
    """Long convolution with its optional epilogues: gelu(long_conv(u, k, D))·dropout_mask.

    Shapes: u: (b, d, l), k: (d, m), D: (d,), dropout_mask: (b, d), k_rev: (d, m') → (b, d, l).
    Dtypes: floating; the result has u's.
    Raises: ValueError as :func:`long_conv`, and if dropout_mask is not (b, d).
    Source: canonical ``fftconv_ref``.
    """
    with use(profile):
        y = ops.long_conv(u, k, D, k_rev)
        if gelu:
            y = ops.gelu(y)
    if dropout_mask is not None:
        if tuple(dropout_mask.shape) != tuple(u.shape[:2]):
            raise ValueError(
                f"dropout_mask has shape {tuple(dropout_mask.shape)}, expected the batch and "
                f"channels of u, {tuple(u.shape[:2])}"
            )
        y = ops.gate(y, mx.expand_dims(dropout_mask, -1))
    return y

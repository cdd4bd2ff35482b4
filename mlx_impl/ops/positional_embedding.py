import math

import mlx.core as mx

from ._check import require
from ._precision import scalar


def positional_embedding(
    seq_len: int, emb_dim: int, dtype: mx.Dtype = mx.float32
) -> tuple[mx.array, mx.array]:
    """Features of time for an implicit filter: z = [t, cos(f·w), −sin(f·w)], t and f evenly spaced.

    t runs over [0, 1]; w = 2π·(0 … l−1)/l; the (emb_dim − 1)/2 bands f over [1e-4, bands − 1].

    Shapes: → z: (1, l, emb_dim), t: (1, l, 1).
    Dtypes: both results have `dtype`.
    Raises: ValueError if emb_dim is even or below 3, or seq_len below 1.
    Source: Poli et al. 2023, Hyena, §3.3; canonical ``PositionalEmbedding``.
    """
    require(seq_len >= 1, f"seq_len={seq_len}, expected at least 1")
    require(
        emb_dim >= 3 and emb_dim % 2 == 1,
        f"emb_dim={emb_dim}, expected an odd number of at least 3 (time, then pairs of cos and sin)",
    )
    bands = (emb_dim - 1) // 2
    t = mx.reshape(mx.linspace(0, 1, seq_len, dtype=mx.float32), (1, seq_len, 1))
    steps = mx.reshape(mx.arange(seq_len, dtype=mx.float32), (1, seq_len, 1))
    w = mx.divide(mx.multiply(scalar(2 * math.pi, steps), steps), scalar(seq_len, steps))
    f = mx.reshape(mx.linspace(1e-4, bands - 1, bands, dtype=mx.float32), (1, 1, bands))
    phase = mx.multiply(f, w)  # (1, l, bands)
    z = mx.concatenate([t, mx.cos(phase), mx.negative(mx.sin(phase))], axis=-1)
    return mx.astype(z, dtype), mx.astype(t, dtype)

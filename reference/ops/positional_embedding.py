import math

import torch
from torch import Tensor

from ._check import require


def positional_embedding(
    seq_len: int, emb_dim: int, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
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
    t = torch.linspace(0, 1, seq_len, dtype=dtype)[None, :, None]  # (1, l, 1)
    steps = torch.linspace(0, seq_len - 1, seq_len, dtype=dtype)[None, :, None]
    w = 2 * math.pi * steps / seq_len  # (1, l, 1)
    f = torch.linspace(1e-4, bands - 1, bands, dtype=dtype)[None, None]  # (1, 1, bands)
    z = torch.cat([t, torch.cos(f * w), -torch.sin(f * w)], dim=-1)
    return z, t

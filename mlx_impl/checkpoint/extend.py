"""Longer contexts: position tables repeated, as the canonical code does it before it trains on."""

import struct
from collections.abc import Mapping

import mlx.core as mx

from . import limits
from .errors import CheckpointError

WAYS = ("canonical", "copies")


def extend_positions(
    tensors: Mapping[str, mx.array], length: int, *, way: str = "canonical"
) -> dict[str, mx.array]:
    """Tensors for `length` positions, a multiple of those that they have.

    The position table is repeated. So are the time features z of every filter, but ``canonical`` leaves
    their first block at zero, as the canonical loop does, which starts at the second; ``copies`` fills it
    too. Time t is laid out anew over [0, 1], position_ids count on, the decay of a filter's window stays.
    Such a model is a point to train on from: it computes another function than the short one.

    Shapes: (n, d) → (length, d); z, t: (1, n, …) → (1, length, …).
    Dtypes: as they are.
    Raises: CheckpointError if the length is no multiple or beyond `limits.POSITIONS`, or the way is unknown.
    Source: canonical ``BertForMaskedLM.from_composer`` with ``expand_positional_embeddings``.
    """
    if way not in WAYS:
        raise CheckpointError(f"unknown way to extend {way!r}, known are {', '.join(WAYS)}")
    if length > limits.POSITIONS:
        raise CheckpointError(f"length {length:,}, at most {limits.POSITIONS:,} positions can be extended to")
    return {name: _extended(name, x, length, way) for name, x in tensors.items()}


def _extended(name: str, x: mx.array, length: int, way: str) -> mx.array:
    if name.endswith("position_embeddings.weight"):
        return mx.tile(x, (_times(name, x.shape[0], length), 1))
    if name.endswith("embeddings.position_ids"):
        return mx.expand_dims(mx.arange(length, dtype=x.dtype), 0)
    if name.endswith(".pos_emb.z"):
        times = _times(name, x.shape[1], length)
        copies = mx.tile(x, (1, times, 1))
        if way == "copies" or times == 1:
            return copies
        first = mx.zeros_like(x)
        return mx.concatenate([first, copies[:, x.shape[1] :]], axis=1)
    if name.endswith(".pos_emb.t"):
        _times(name, x.shape[1], length)
        return x if x.shape[1] == length else mx.reshape(evenly(length, x.dtype), (1, length, 1))
    return x


def _times(name: str, n: int, length: int) -> int:
    if length < n or length % n:
        raise CheckpointError(
            f"{name} has {n} positions: length {length} is no multiple of it; "
            f"give {n}, {2 * n}, {4 * n} … (for shorter inputs nothing has to change)"
        )
    return length // n


def evenly(n: int, dtype: mx.Dtype) -> mx.array:
    """n numbers from 0 to 1: i·s in the first half, 1 − (n − 1 − i)·s in the second, each rounded once to
    float32, with s = 1/(n − 1) in float32. That is what ``torch.linspace`` gives; MLX's own differs in the
    last bit.
    """
    step = struct.unpack("<f", struct.pack("<f", 1 / max(n - 1, 1)))[0]
    values = [i * step if i < n // 2 or n == 1 else 1 - (n - 1 - i) * step for i in range(n)]
    return mx.astype(mx.array(values, dtype=mx.float32), dtype)

"""Dense and block-diagonal affine maps."""

import math

import mlx.core as mx
from mlx import nn

from mlx_impl import ops


def uniform(shape: tuple[int, ...], bound: float) -> mx.array:
    """Float32 numbers, uniform in [−bound, bound)."""
    return mx.random.uniform(-bound, bound, shape, dtype=mx.float32)


class Linear(nn.Module):
    """y = x·Wᵀ + b.

    Shapes: x: (..., i) → (..., o); weight: (o, i), bias: (o,).
    Source: canonical ``nn.Linear``.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        bound = 1 / math.sqrt(in_features)
        self.weight = uniform((out_features, in_features), bound)
        self.bias = uniform((out_features,), bound) if bias else None

    def __call__(self, x: mx.array) -> mx.array:
        return ops.linear(x, self.weight, self.bias)


class BlockdiagLinear(nn.Module):
    """y = B·x + b with a block-diagonal B of `nblocks` equal blocks.

    Features that `nblocks` does not divide are padded with zeros to the next multiple, and the result
    is cut back. With `shuffle` the channels are interleaved first, so that blocks mix.

    Shapes: x: (..., i) → (..., o); weight: (k, ⌈o/k⌉, ⌈i/k⌉), bias: (o,).
    Dtypes: floating, those of x and of the parameters the same.
    Raises: ValueError if nblocks is below 1.
    Source: canonical ``BlockdiagLinear``.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        nblocks: int = 4,
        shuffle: bool = False,
    ) -> None:
        super().__init__()
        if nblocks < 1:
            raise ValueError(f"nblocks={nblocks}, expected at least 1")
        self.out_features = out_features
        self.nblocks = nblocks
        self.shuffle = shuffle
        q, p = math.ceil(out_features / nblocks), math.ceil(in_features / nblocks)
        self.in_features_extended = nblocks * p
        # Kaiming-uniform on the dense matrix, times √k because only one entry in k is there.
        self.weight = uniform((nblocks, q, p), math.sqrt(nblocks) / math.sqrt(nblocks * p))
        self.bias = uniform((out_features,), 1 / math.sqrt(out_features)) if bias else None

    @property
    def whole(self) -> bool:
        """Whether the blocks' features are the result: none cut away, nothing added."""
        return self.bias is None and self.weight.shape[0] * self.weight.shape[1] == self.out_features

    def spread(self, x: mx.array) -> mx.array:
        """The features as the blocks take them: (..., i) → (..., k·p)."""
        x = ops.pad_features(x, self.in_features_extended)
        return ops.channel_shuffle(x, self.nblocks) if self.shuffle else x

    def __call__(self, x: mx.array) -> mx.array:
        out = ops.blockdiag_multiply(self.spread(x), self.weight)  # (..., k·q)
        out = out[..., : self.out_features]
        return out if self.bias is None else ops.add(out, self.bias)

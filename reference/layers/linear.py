"""Dense and block-diagonal affine maps."""

import math

import torch
from torch import Tensor, nn

from reference import ops


class Linear(nn.Module):
    """y = x·Wᵀ + b.

    Shapes: x: (..., i) → (..., o); weight: (o, i), bias: (o,).
    Source: canonical ``nn.Linear``.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        bound = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(out_features).uniform_(-bound, bound)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
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
        bound = math.sqrt(nblocks) / math.sqrt(nblocks * p)
        self.weight = nn.Parameter(torch.empty(nblocks, q, p).uniform_(-bound, bound))
        bound = 1 / math.sqrt(out_features)
        self.bias = nn.Parameter(torch.empty(out_features).uniform_(-bound, bound)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        x = ops.pad_features(x, self.in_features_extended)  # (..., k·p)
        if self.shuffle:
            x = ops.channel_shuffle(x, self.nblocks)
        out = ops.blockdiag_multiply(x, self.weight)  # (..., k·q)
        out = out[..., : self.out_features]
        return out if self.bias is None else ops.add(out, self.bias)

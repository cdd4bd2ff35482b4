"""Somebody else's model: without words, and with a head that in the port is the embedding, no module."""

from collections.abc import Mapping

import mlx.core as mx
import torch
from mlx import nn as mnn
from torch import nn

from parity.inputs import Array
from parity.spec import LayerSpec


class Reference(nn.Module):
    """A token's embedding through one layer to logits, the head tied to the embedding."""

    def __init__(self, v: int, d: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(v, d)
        self.mix = nn.Linear(d, d)
        self.act = nn.GELU()
        self.head = nn.Linear(d, v, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.act(self.mix(self.embed(ids))))
        return logits


class Port(mnn.Module):
    """The same in MLX, with one module that the reference does not have."""

    approximation = "none"

    def __init__(self, v: int, d: int) -> None:
        super().__init__()
        self.embed = mnn.Embedding(v, d)
        self.mix = mnn.Linear(d, d)
        self.act = mnn.GELU(approx=self.approximation)
        self.same = mnn.Identity()

    def __call__(self, ids: mx.array) -> mx.array:
        logits: mx.array = self.embed.as_linear(self.same(self.act(self.mix(self.embed(ids)))))
        return logits


class WrongPort(Port):
    """With the tanh approximation of GELU."""

    approximation = "tanh"


def load(model: Port, tensors: Mapping[str, mx.array]) -> None:
    """All tensors but the further name of the shared one."""
    model.load_weights([(n, x) for n, x in tensors.items() if n != "head.weight"], strict=True)


def spec(port: type[Port]) -> LayerSpec:
    """The pair, with one of the ports."""
    return LayerSpec(
        "Stranger",
        reference=f"{__name__}:Reference",
        port=f"{__name__}:{port.__name__}",
        load=f"{__name__}:load",
        arguments={"v": lambda n: (n["v"],), "d": lambda n: (n["d"],)},
        inputs={"ids": Array("b l", "ids", below="v")},
        sizes={"v": (9,), "d": (16,)},
        register=False,
    )

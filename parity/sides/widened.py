"""The exact model beside the reference, not at a third model's cost: they share their parameters.

Each module has them in float64 only while it runs.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from parity.dtypes import FLOAT64
from parity.spec import LayerSpec

from .base import Task
from .live import Live
from .torch_live import TorchLive
from .torch_side import TorchSide


class Widened(TorchLive):
    """The reference in float64 with narrow parameters: those of `like`, a model on the CPU, or its own.

    A number of the working dtype is the same number in float64, so results are those of a model that was
    loaded in float64, bit for bit. Gradients are not asked of it.
    """

    def __init__(self, side: TorchSide, task: Task, like: Live | None) -> None:
        super().__init__(side, task)
        self.name = "oracle"
        self.task = replace(task, dtype=FLOAT64, device="cpu", cotangents=None)
        if isinstance(like, TorchLive) and like.task.device == "cpu":
            theirs = dict(_tensors(like.module))
            for name, tensor in _tensors(self.module):
                tensor.data = theirs[name].data
        self._wide: dict[int, list[Any]] = {}
        for module in self.module.modules():
            if any(True for _ in _own(module)):
                module.register_forward_pre_hook(self._widen)
                module.register_forward_hook(self._narrow, always_call=True)

    def _widen(self, module: nn.Module, _args: Any) -> None:
        for tensor in _own(module):
            held = self._wide.setdefault(id(tensor), [tensor.data, 0])
            held[1] += 1  # a parameter may be shared by a module within
            if tensor.dtype is not torch.float64:
                tensor.data = tensor.data.double()

    def _narrow(self, module: nn.Module, _args: Any, _result: Any) -> None:
        for tensor in _own(module):
            held = self._wide[id(tensor)]
            held[1] -= 1
            if not held[1]:
                tensor.data = held[0]
                del self._wide[id(tensor)]


def widened(task: Task, like: Live | None) -> Live:
    """The exact model of a task: it shares the parameters of `like` if that is the reference on the CPU."""
    assert isinstance(task.spec, LayerSpec)
    from parity import sides

    side = sides.get("torch")
    assert isinstance(side, TorchSide)
    return Widened(side, replace(task, device="cpu", cotangents=None), like)


def _own(module: nn.Module) -> Iterator[Tensor]:
    """The floating parameters and buffers of a module itself."""
    for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
        if tensor.is_floating_point():
            yield tensor


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)

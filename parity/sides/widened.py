"""The exact model beside the reference, not at a third model's cost: they share their parameters.

Each module has them in float64 only while it runs.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from parity.dtypes import FLOAT64, AnyArray
from parity.spec import LayerSpec

from .base import Outcome, Task
from .live import Live
from .points import Around, plainly
from .torch_live import TorchLive
from .torch_side import TorchSide, is_hook, to_numpy


class Widened(TorchLive):
    """The reference in float64 with narrow parameters: those of `like`, a model on the CPU, or its own.

    A number of the working dtype is the same number in float64, so results are those of a model that was
    loaded in float64, bit for bit. Gradients are not asked of it.
    """

    def __init__(self, side: TorchSide, task: Task, like: Live | None) -> None:
        super().__init__(side, task, _sharing(like))
        self.name = "oracle"
        self.task = replace(task, dtype=FLOAT64, device="cpu", cotangents=None)
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


class WidenedGradients(TorchLive):
    """The same with gradients, those of a model that was loaded in float64, bit for bit.

    While a module runs its parameters are float64 copies that autograd does not keep: what it saves of them
    for the way back is their name, and they are made anew there. Their gradients, one a parameter, are all
    that there is of the model in float64.
    """

    def __init__(self, side: TorchSide, task: Task, like: Live | None) -> None:
        super().__init__(side, task, _sharing(like))
        self.name = "oracle"
        self.task = replace(task, dtype=FLOAT64, device="cpu")
        self._narrow = {n: x for n, x in super().held().items() if x.is_floating_point()}
        self._names = {id(x): n for n, x in self._narrow.items()}
        self._wide: dict[str, Tensor] = {}
        self._users: dict[str, int] = {}
        self._gradients: dict[str, Tensor] = {}
        for module in self.module.modules():
            own = {
                (kind, key): x
                for kind, tensors in (("_parameters", module._parameters), ("_buffers", module._buffers))
                for key, x in tensors.items()
                if x is not None and x.is_floating_point()
            }
            if own:
                module.register_forward_pre_hook(partial(self._widen, own))
                module.register_forward_hook(partial(self._restore, own), always_call=True)

    def held(self) -> dict[str, Any]:
        return dict(self._wide)

    def run(self, around: Around | None = None) -> Outcome:
        sweep = self.sweep()
        outcome = sweep.run(around or plainly)
        if not outcome.gradients:
            return outcome
        zeros = {f"param.{name}": zero for name, zero in sweep.zeros().items()}
        inputs = {n: g for n, g in outcome.gradients.items() if n not in zeros}
        parameters = {n: outcome.gradients.get(n, zero) for n, zero in zeros.items()}
        return Outcome(outcome.outputs, {**inputs, **parameters})

    def _targets(self, own: Mapping[str, Tensor]) -> list[Tensor]:
        return [self.anchor] if own else []

    def _of_parameters(
        self, own: Mapping[str, Tensor], _found: Sequence[Tensor | None], gathered: Mapping[str, Tensor]
    ) -> dict[str, AnyArray]:
        names = {n: self._names[id(x)] for n, x in own.items()}
        zero = torch.zeros((), dtype=torch.float64)
        return {n: to_numpy(gathered.get(names[n], zero.expand(x.shape))) for n, x in own.items()}

    def leaves(self) -> dict[str, Tensor]:
        """None: the gradients of the copies are gathered."""
        return {}

    @contextmanager
    def gathering(self) -> Iterator[dict[str, Tensor]]:
        """The gradients of the copies that are made within the context."""
        before, self._gradients = self._gradients, {}
        try:
            with saved_tensors_hooks(self._pack, self._unpack):
                yield self._gradients
        finally:
            self._gradients = before

    def _widen(self, own: Mapping[tuple[str, str], Tensor], module: nn.Module, _args: Any) -> None:
        for (kind, key), tensor in own.items():
            name = self._names[id(tensor)]
            self._users[name] = self._users.get(name, 0) + 1
            if name not in self._wide:
                learns = kind == "_parameters" and torch.is_grad_enabled()
                wide = _Wide.apply(self.anchor, tensor, self._gradients, name) if learns else tensor.double()
                self._wide[name] = wide
            getattr(module, kind)[key] = self._wide[name]

    def _restore(
        self, own: Mapping[tuple[str, str], Tensor], module: nn.Module, _args: Any, _result: Any
    ) -> None:
        for (kind, key), tensor in own.items():
            getattr(module, kind)[key] = tensor
            name = self._names[id(tensor)]
            self._users[name] -= 1
            if not self._users[name]:
                del self._wide[name]

    def _pack(self, tensor: Tensor) -> Any:
        """A copy of a parameter, or a view of all of it, is known by its name and its strides."""
        for name, wide in self._wide.items():
            if tensor.data_ptr() == wide.data_ptr() and tensor.numel() == wide.numel():
                return name, tensor.shape, tensor.stride()
        return tensor

    def _unpack(self, packed: Any) -> Tensor:
        if isinstance(packed, Tensor):
            return packed
        name, shape, stride = packed
        return self._narrow[name].detach().double().as_strided(shape, stride)


class _Wide(torch.autograd.Function):
    """A float64 copy of a parameter, whose gradient goes into a dictionary."""

    @staticmethod
    def forward(ctx: Any, _anchor: Tensor, tensor: Tensor, gradients: dict[str, Tensor], name: str) -> Tensor:
        ctx.into = (gradients, name)
        return tensor.detach().double()

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Any:
        gradients, name = ctx.into
        known = gradients.get(name)
        gradients[name] = cotangents[0].detach() if known is None else known + cotangents[0]
        return (None,) * 4


def widened(task: Task, like: Live | None) -> Live:
    """The exact model of a task: it shares the parameters of `like` if that is the reference on the CPU."""
    assert isinstance(task.spec, LayerSpec)
    from parity import sides

    side = sides.get("torch")
    assert isinstance(side, TorchSide)
    kind = Widened if task.cotangents is None else WidenedGradients
    return kind(side, replace(task, device="cpu"), like)


def _own(module: nn.Module) -> Iterator[Tensor]:
    """The floating parameters and buffers of a module itself."""
    for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
        if tensor.is_floating_point():
            yield tensor


def _sharing(like: Live | None) -> nn.Module | None:
    """A copy of a reference on the CPU with the same numbers in the same memory; None if there is none."""
    if not isinstance(like, TorchLive) or like.task.device != "cpu":
        return None
    own: dict[int, Any] = {id(x): nn.Parameter(x.data) for x in like.module.parameters()}
    own |= {id(x): x.detach() for x in like.module.buffers()}
    try:
        found = copy.deepcopy(like.module, own)
    except TypeError:  # it holds something that cannot be copied: then it has parameters of its own
        return None
    for module in found.modules():
        if is_hook(module.__dict__.get("forward")):  # the other one is in the middle of a run
            del module.forward
    return found

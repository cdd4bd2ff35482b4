"""A reference's run with severed parts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from parity.dtypes import AnyArray, cast

from .base import Outcome
from .live import leaves, mapped
from .points import Agent, Around, Call
from .spill import Spill, Spilled
from .sweep import Part
from .torch_live import TorchLive, is_float
from .torch_side import from_numpy, hooked, to_numpy


class TorchSweep:
    """A run of one model whose parts can be severed."""

    def __init__(self, live: TorchLive, folder: Path | None = None) -> None:
        self._live = live
        self._spill = Spill(folder)

    def run(self, around: Around) -> Outcome:
        live = self._live
        live.here()
        with live.gathering() as gathered:
            task = replace(live.task, around=around)
            outcome = live.side.run_module(task, live.module, anchor=live.anchor)
            further = {f"param.{n}": to_numpy(g) for n, g in gathered.items()}
        return Outcome(outcome.outputs, {**outcome.gradients, **further})

    def zeros(self) -> Mapping[str, AnyArray]:
        zero = cast(np.zeros(()), self._live.task.dtype)
        return {n: np.broadcast_to(zero, x.shape) for n, x in self._live.module.named_parameters()}

    def severed(self, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any], part: Part) -> Any:
        value = (args, dict(kwargs))
        if not torch.is_grad_enabled():
            return call(*args, **kwargs)
        xs = [x for x in leaves(value) if is_float(x)]
        kept = mapped(self._kept, value)
        # Not without gradients: PyTorch may then compute otherwise, in the last bit.
        apart = mapped(lambda x: x.detach().requires_grad_(x.requires_grad) if is_float(x) else x, value)
        result = call(*apart[0], **apart[1])
        ys = [y.detach() for y in leaves(result) if is_float(y)]
        if not ys:
            return result
        result = mapped(lambda y: _HERE if is_float(y) else y, result)

        def back(cotangents: tuple[Tensor, ...]) -> list[Tensor | None]:
            return self._again(part, mapped(self._restored, kept), cotangents)

        found = _Severed.apply(back, ys, self._live.anchor, *xs)
        rest = iter(found)
        return mapped(lambda y: next(rest) if y is _HERE else y, result)

    def _kept(self, x: Any) -> Any:
        """A floating tensor in the file, in the order that it has in memory: a product may depend on it."""
        if not is_float(x):
            return x
        order = sorted(range(x.ndim), key=lambda i: -x.stride(i))
        return _Kept(self._spill.put(to_numpy(x.permute(order))), order, x.device, x.requires_grad)

    def _restored(self, x: Any) -> Any:
        if not isinstance(x, _Kept):
            return x
        back = sorted(range(len(x.order)), key=x.order.__getitem__)
        found = from_numpy(self._spill.get(x.place)).to(x.device).permute(back)
        return found.requires_grad_(x.learns)

    def _again(self, part: Part, value: Any, cotangents: tuple[Tensor, ...]) -> list[Tensor | None]:
        """The gradients of the floating arguments of a part, which are on the way back told of all within."""
        live = self._live
        xs = [x for x in leaves(value) if is_float(x)]
        function = live.module.get_submodule(part.point.path)
        with live.gathering() as gathered, torch.enable_grad():
            with Agent(part.around, live.words) as agent, hooked(live.module, agent, part.paths):
                result = function(*value[0], **value[1])
            ys = [y for y in leaves(result) if is_float(y)]
            pairs = [(y, g) for y, g in zip(ys, cotangents, strict=True) if y.requires_grad]
            del result, ys, value
            own = live.leaves()
            targets = [*(x for x in xs if x.requires_grad), *own.values(), live.anchor]
            outputs, given = [y for y, _ in pairs], [g for _, g in pairs]
            del pairs
            found = list(torch.autograd.grad(outputs, targets, given, allow_unused=True)) if outputs else []
        rest = iter(found)
        gradients = [next(rest, None) if x.requires_grad else None for x in xs]
        parameters = {n: to_numpy(g) for n, g in zip(own, rest, strict=False) if g is not None}
        part.done({**parameters, **{n: to_numpy(g) for n, g in gathered.items()}})
        return gradients


_HERE = object()
"""Where a floating tensor was in a result."""


@dataclass(frozen=True)
class _Kept:
    """A tensor in the file: its axes in the order of memory, and whether gradients pass through it."""

    place: Spilled
    order: list[int]
    device: torch.device
    learns: bool


class _Severed(torch.autograd.Function):
    """Results whose gradients somebody else finds."""

    @staticmethod
    def forward(
        ctx: Any, back: Callable[..., list[Tensor | None]], ys: list[Tensor], _anchor: Tensor, *_: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.back = back
        return tuple(ys)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Any:
        return (None, None, None, *ctx.back(cotangents))

"""A loaded reference, to be run whole or called at any point."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from parity.dtypes import AnyArray, of_array
from parity.spec import LayerSpec

from .base import Outcome, Task, vocabulary
from .live import Live, leaves, mapped, refilled
from .points import Agent, Around, Point, muted
from .sweep import Sweep
from .torch_side import TorchSide, to_numpy, to_torch


class TorchLive:
    """A loaded reference, or a module that stands for it."""

    def __init__(self, side: TorchSide, task: Task, module: nn.Module | None = None) -> None:
        assert isinstance(task.spec, LayerSpec)
        self.name = "oracle" if task.dtype.name == "float64" else "torch"
        self.task = task
        self.module = side.load(task.spec, task) if module is None else module
        self.side = side
        self.words = vocabulary(task.spec, 0)
        self._threads = torch.get_num_threads()
        # What the way back has to reach where parameters are asked for their gradients later, or never.
        self.anchor = torch.zeros((), dtype=torch.float64, requires_grad=True)

    def portable(self, value: Any) -> Any:
        return mapped(lambda x: to_numpy(x) if isinstance(x, Tensor) else x, value)

    def native(self, value: Any) -> Any:
        return mapped(self._native, value)

    def _native(self, x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            return x
        if x.dtype == np.bool_:
            return torch.from_numpy(x.copy()).to(self.task.device)
        own = of_array(x)
        keep = own is not None and own.name != "float64" and self.task.dtype.name != "float64"
        return to_torch(x, own if keep and own is not None else self.task.dtype, self.task.device)

    def resume(self) -> None:
        """Nothing: every tensor says its own device."""

    def here(self) -> None:
        """Take the thread that calls for the model's: each starts with the machine's number of threads."""
        torch.set_num_threads(self._threads)

    def run(self, around: Around | None = None) -> Outcome:
        self.here()
        return self.side.run_module(replace(self.task, around=around), self.module)

    def _function(self, point: Point) -> Callable[..., Any]:
        if point.word:
            return getattr(self.words, point.word)
        return self.module.get_submodule(point.path)

    def _trainable(self, point: Point) -> dict[str, nn.Parameter]:
        """The parameters of the module at a point; a word takes its own as arguments."""
        return {} if point.word else dict(self.module.get_submodule(point.path).named_parameters())

    def is_array(self, value: Any) -> bool:
        return isinstance(value, Tensor)

    def held(self) -> dict[str, Any]:
        return {**dict(self.module.named_parameters()), **dict(self.module.named_buffers())}

    def says(self, word: str) -> Callable[..., Any] | None:
        return getattr(self.words, word, None)

    def has(self, point: Point) -> bool:
        if point.word:
            return self.says(point.word) is not None
        try:
            return self.module.get_submodule(point.path) is not None
        except AttributeError:
            return False

    def trainable(self, point: Point) -> set[str]:
        return set(self._trainable(point))

    def call(
        self, point: Point, args: tuple[Any, ...], kwargs: Mapping[str, Any], around: Around | None = None
    ) -> Any:
        listening = muted() if around is None else Agent(around, self.words)
        with listening, torch.no_grad():
            return self.portable(self._function(point)(*self.native(args), **self.native(kwargs)))

    def vjp(
        self,
        point: Point,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        cotangents: Any,
        around: Around | None = None,
    ) -> tuple[list[AnyArray], dict[str, AnyArray]]:
        own = self._trainable(point)
        given = self.native((args, dict(kwargs)))
        xs = [x for x in leaves(given) if is_float(x)]
        listening = muted() if around is None else Agent(around, self.words)
        with self.gathering() as gathered, listening, torch.enable_grad():
            for x in (*xs, *own.values()):
                x.requires_grad_(True)
            result = self._function(point)(*given[0], **given[1])
            outputs = [y for y in leaves(result) if is_float(y)]
            pairs = [
                (y, g)
                for y, g in zip(outputs, leaves(self.native(cotangents)), strict=True)
                if y.requires_grad
            ]
            targets = [*xs, *self._targets(own)]
            if not pairs or not targets:
                found: list[Tensor | None] = [None] * len(targets)
            else:
                found = list(
                    torch.autograd.grad(
                        [y for y, _ in pairs], targets, [g for _, g in pairs], allow_unused=True
                    )
                )
        gradients = [_or_zeros(g, x) for x, g in zip(xs, found, strict=False)]
        return gradients, self._of_parameters(own, found[len(xs) :], gathered)

    def _targets(self, own: Mapping[str, Tensor]) -> list[Tensor]:
        """What is asked for a gradient for the sake of some parameters."""
        return list(own.values())

    def _of_parameters(
        self, own: Mapping[str, Tensor], found: Sequence[Tensor | None], _gathered: Mapping[str, Tensor]
    ) -> dict[str, AnyArray]:
        """Their gradients by name, from what was found for the targets, and what was gathered."""
        return {n: _or_zeros(g, x) for (n, x), g in zip(own.items(), found, strict=True)}

    def bridge(self, other: Live, point: Point) -> Callable[..., Any]:
        own = self._trainable(point)

        def bridged(*args: Any, **kwargs: Any) -> Any:
            value = (args, kwargs)
            result = self.native(other.call(point, self.portable(args), self.portable(kwargs)))
            outputs = [y for y in leaves(result) if is_float(y)]
            xs = [x for x in leaves(value) if is_float(x)]
            if not torch.is_grad_enabled() or not outputs:
                return result
            foreign = _Foreign.apply(self, other, point, value, list(own), outputs, *xs, *own.values())
            return refilled(result, is_float, list(foreign))

        return bridged

    def overheard(self, result: Any, heard: Callable[[list[AnyArray]], None]) -> Any:
        ys = [y for y in leaves(result) if is_float(y)]
        if not ys or not torch.is_grad_enabled() or not any(y.requires_grad for y in ys):
            return result

        def report(cotangents: tuple[Tensor, ...]) -> None:
            heard([to_numpy(g) for g in cotangents])

        return refilled(result, is_float, list(_Overheard.apply(report, *ys)))

    def leaves(self) -> dict[str, Tensor]:
        """The parameters that are to be asked for their gradients."""
        return dict(self.module.named_parameters())

    @contextmanager
    def gathering(self) -> Iterator[dict[str, Tensor]]:
        """A dictionary for the gradients of parameters that come without being asked for."""
        yield {}

    def sweep(self, folder: Path | None = None) -> Sweep:
        from .torch_sweep import TorchSweep

        return TorchSweep(self, folder)

    def parameters(self) -> dict[str, AnyArray]:
        return {n: to_numpy(x).copy() for n, x in self.module.state_dict().items()}

    def set_parameters(self, values: Mapping[str, AnyArray]) -> None:
        state = self.module.state_dict()
        with torch.no_grad():
            for name, x in values.items():
                state[name].copy_(self._native(x))


def _or_zeros(gradient: Tensor | None, like: Tensor) -> AnyArray:
    return to_numpy(torch.zeros_like(like) if gradient is None else gradient)


def is_float(x: Any) -> bool:
    return isinstance(x, Tensor) and x.is_floating_point()


class _Foreign(torch.autograd.Function):
    """A call that another framework makes, forward and backward."""

    @staticmethod
    def forward(
        ctx: Any,
        live: TorchLive,
        other: Live,
        point: Point,
        value: Any,
        names: list[str],
        outputs: list[Tensor],
        *_: Tensor,
    ) -> tuple[Tensor, ...]:
        ctx.made = (live, other, point, *live.portable(value), names)
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Any:
        live, other, point, args, kwargs, names = ctx.made
        gradients, parameters = other.vjp(point, args, kwargs, [live.portable(g) for g in cotangents])
        found = [live.native(g) for g in gradients]
        rest = [live.native(parameters[n]) if n in parameters else None for n in names]
        return (None,) * 6 + tuple(found) + tuple(rest)


class _Overheard(torch.autograd.Function):
    """The identity, which reports what comes back through it."""

    @staticmethod
    def forward(ctx: Any, report: Callable[..., None], *ys: Tensor) -> tuple[Tensor, ...]:
        ctx.report = report
        return tuple(y.view_as(y) for y in ys)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Any:  # where none arrives PyTorch gives zeros
        ctx.report(cotangents)
        return (None, *cotangents)

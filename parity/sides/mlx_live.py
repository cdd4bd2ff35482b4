"""A loaded port, to be run whole or called at any point."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten

from parity import numerics, swap
from parity.dtypes import AnyArray, of_array
from parity.spec import LayerSpec

from .base import Outcome, Task, vocabulary
from .live import Live, leaves, mapped, refilled
from .mlx_side import MlxSide, fill, hooked, named_modules, to_mlx, to_numpy
from .points import Agent, Around, Point, muted, plainly
from .sweep import Sweep


class MlxLive:
    """A loaded port."""

    name = "mlx"

    def __init__(self, side: MlxSide, task: Task) -> None:
        assert isinstance(task.spec, LayerSpec)
        self.task = task
        self.side = side
        self.words = vocabulary(task.spec, 1)
        self._default = mx.default_device()
        with self.stream():
            self.module = side.load(task.spec, task)
            mx.eval(self.module.parameters())
        self.at = dict(named_modules(self.module))
        # Asked for at every call, and the same all the time:
        self._own = set(dict(tree_flatten(self.module.trainable_parameters())))
        self._homes: dict[str, dict[str, str]] = {}

    @contextmanager
    def stream(self) -> Iterator[None]:
        """The device and the numerical profile of the run, with every word said by itself."""
        spec = self.task.spec
        with numerics.in_force(spec), numerics.apart(spec), self.side.executing(self.task.device):
            self._default = mx.default_device()
            yield

    def portable(self, value: Any) -> Any:
        return mapped(lambda x: to_numpy(x) if isinstance(x, mx.array) else x, value)

    def native(self, value: Any) -> Any:
        return mapped(self._native, value)

    def _native(self, x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            return x
        own = of_array(x)
        keep = own is not None and own.name != "float64"
        return to_mlx(x, own if keep and own is not None else self.task.dtype)

    def resume(self) -> None:
        mx.set_default_device(self._default)  # of the executor it is a GPU, wherever it runs

    def run(self, around: Around | None = None) -> Outcome:
        with self.stream():
            return self.side.run_module(replace(self.task, around=around), self.module)

    @contextmanager
    def _within(self, point: Point, around: Around | None = None) -> Iterator[Callable[..., Any]]:
        """The function at a point with the swaps in force around it."""
        swaps = swap.at_paths()
        if point.word:
            word = swaps.word(point.path, point.word) or getattr(self.words, point.word)
            with muted() if around is None else Agent(around, self.words):
                yield word
            return
        module = self.at[point.path]
        if not swaps:
            with muted():
                yield module
            return
        with Agent(plainly, self.words, swaps) as agent, hooked(module, agent, point.path):
            yield module

    def _names(self, point: Point) -> dict[str, str]:
        """The trainable parameters of the module at a point: canonical name within it → the port's name.

        A parameter that several canonical names share is the port's once, perhaps in another module; it
        goes by the first of its names within this one, as in PyTorch.
        """
        if point.word:
            return {}
        if point.path not in self._homes:
            self._homes[point.path] = self._found(point.path)
        return self._homes[point.path]

    def _found(self, path: str) -> dict[str, str]:
        own = self._own
        given = self.task.parameters or dict.fromkeys(own)
        homes = {id(x): n for n, x in given.items() if n in own}
        prefix = f"{path}." if path else ""
        found: dict[str, str] = {}
        for name, x in given.items():
            home = name if name in own else homes.get(id(x)) if x is not None else None
            if name.startswith(prefix) and home is not None and home not in found.values():
                found[name.removeprefix(prefix)] = home
        return found

    def _trainable(self, point: Point) -> dict[str, mx.array]:
        """Them with their values; a word takes its own as arguments."""
        found = {}
        for name, home in self._names(point).items():
            path, _, last = home.rpartition(".")
            found[name] = self.at[path][last]
        return found

    def is_array(self, value: Any) -> bool:
        return isinstance(value, mx.array)

    def held(self) -> dict[str, Any]:
        return dict(tree_flatten(self.module.parameters()))

    def says(self, word: str) -> Callable[..., Any] | None:
        return getattr(self.words, word, None)

    def has(self, point: Point) -> bool:
        return self.says(point.word) is not None if point.word else point.path in self.at

    def trainable(self, point: Point) -> set[str]:
        return set(self._names(point))

    def call(
        self, point: Point, args: tuple[Any, ...], kwargs: Mapping[str, Any], around: Around | None = None
    ) -> Any:
        with self.stream(), self._within(point, around) as function:
            return self.portable(function(*self.native(args), **self.native(kwargs)))

    def vjp(
        self,
        point: Point,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        cotangents: Any,
        around: Around | None = None,
    ) -> tuple[list[AnyArray], dict[str, AnyArray]]:
        with self.stream(), self._within(point, around) as function:
            given = self.native((args, dict(kwargs)))
            xs = [x for x in leaves(given) if is_float(x)]
            homes, own = self._names(point), self._trainable(point)

            def forward(*ys: mx.array) -> list[mx.array]:
                fill(self.module, dict(zip(homes.values(), ys[len(xs) :], strict=True)))
                a, k = refilled(given, is_float, list(ys[: len(xs)]))
                return [y for y in leaves(function(*a, **k)) if is_float(y)]

            primals = [*xs, *own.values()]
            try:
                _, found = mx.vjp(forward, primals, leaves(self.native(cotangents)))
                mx.eval(found)
            finally:
                fill(self.module, {homes[n]: x for n, x in own.items()})
            done = [to_numpy(g) for g in found]
            return done[: len(xs)], dict(zip(own, done[len(xs) :], strict=True))

    def bridge(self, other: Live, point: Point) -> Callable[..., Any]:
        def bridged(*args: Any, **kwargs: Any) -> Any:
            value = (args, kwargs)
            result = self.native(other.call(point, self.portable(args), self.portable(kwargs)))
            outputs = [y for y in leaves(result) if is_float(y)]
            own = self._trainable(point)
            xs = [x for x in leaves(value) if is_float(x)]
            if self.task.cotangents is None or not outputs or not (xs or own):
                return result

            @mx.custom_function
            def foreign(*_: mx.array) -> list[mx.array]:
                return outputs

            @foreign.vjp
            def foreign_vjp(primals: Any, cotangents: Any, _outputs: Any) -> tuple[mx.array, ...]:
                ys = [primals] if isinstance(primals, mx.array) else list(primals)  # one comes bare
                a, k = self.portable(refilled(value, is_float, ys[: len(xs)]))
                gradients, parameters = other.vjp(point, a, k, self.portable(leaves(cotangents)))
                found = [self.native(g) for g in gradients]
                rest = [
                    self.native(parameters[n]) if n in parameters else mx.zeros_like(y)
                    for n, y in zip(own, ys[len(xs) :], strict=True)
                ]
                return (*found, *rest)

            found: Any = foreign(*xs, *own.values())
            return refilled(result, is_float, list(found))

        return bridged

    def overheard(self, result: Any, heard: Callable[[list[AnyArray]], None]) -> Any:
        ys = [y for y in leaves(result) if is_float(y)]
        if not ys or self.task.cotangents is None:
            return result

        @mx.custom_function
        def same(*given: mx.array) -> list[mx.array]:
            return [mx.array(y) for y in given]

        @same.vjp
        def same_vjp(_primals: Any, cotangents: Any, _outputs: Any) -> Any:
            arrived = [cotangents] if isinstance(cotangents, mx.array) else list(cotangents)
            heard([to_numpy(g) for g in arrived])
            return tuple(arrived)

        found: Any = same(*ys)
        return refilled(result, is_float, list(found))

    def sweep(self, folder: Path | None = None) -> Sweep:
        from .mlx_sweep import MlxSweep

        return MlxSweep(self, folder)

    def parameters(self) -> dict[str, AnyArray]:
        return {n: to_numpy(x) for n, x in dict(tree_flatten(self.module.parameters())).items()}

    def set_parameters(self, values: Mapping[str, AnyArray]) -> None:
        with self.stream():
            fill(self.module, {n: self._native(x) for n, x in values.items()})
            mx.eval(self.module.parameters())


def is_float(x: Any) -> bool:
    return isinstance(x, mx.array) and bool(mx.issubdtype(x.dtype, mx.floating))

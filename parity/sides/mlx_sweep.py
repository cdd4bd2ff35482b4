"""A port's run with severed parts.

What MLX differentiates it keeps, with the inputs of every operation, until it is all the way back. So it
knows a part by a number, its token, and not by its results: another part that is given these hands the token
on and takes them out of the file, and only what else uses them is kept.
"""

import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import ml_dtypes
import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten

from parity import swap
from parity.dtypes import AnyArray

from .base import Outcome
from .live import leaves, mapped, refilled
from .mlx_live import MlxLive, is_float
from .mlx_side import fill, hooked, objective, to_numpy
from .points import Agent, Around, Call
from .spill import Spill, Spilled
from .sweep import Part


class MlxSweep:
    """A run of one model whose parts can be severed."""

    def __init__(self, live: MlxLive, folder: Path | None = None) -> None:
        self._live = live
        self._spill = Spill(folder)
        self._own = dict(tree_flatten(live.module.trainable_parameters()))
        self._links: dict[int, _Link] = {}
        self._anchor: mx.array | None = None

    def run(self, around: Around) -> Outcome:
        live = self._live
        reached: set[str] = set()
        with live.stream():
            task = replace(live.task, around=around)
            inputs, forward = live.side.prepared(task, live.module)

            def loss(given: Any) -> tuple[mx.array, dict[str, mx.array]]:
                self._anchor = given["anchor"]
                with self._learning(given["parameters"], reached):
                    outputs = forward(given["inputs"])
                return objective(task, outputs), outputs

            anchor = mx.zeros((), dtype=mx.float32)
            given = {"anchor": anchor, "inputs": inputs, "parameters": self._own}
            (_, outputs), found = mx.value_and_grad(loss)(given)
            self._links.clear()
            gradients = dict(found["inputs"])
            gradients |= {f"param.{n}": g for n, g in found["parameters"].items() if n in reached}
            mx.eval(outputs, gradients)
            return Outcome(
                {n: to_numpy(x) for n, x in outputs.items()}, {n: to_numpy(g) for n, g in gradients.items()}
            )

    def zeros(self) -> Mapping[str, AnyArray]:
        zero = {dtype: to_numpy(mx.zeros((), dtype=dtype)) for dtype in {x.dtype for x in self._own.values()}}
        return {n: np.broadcast_to(zero[x.dtype], x.shape) for n, x in self._own.items()}

    @contextmanager
    def _learning(self, parameters: Mapping[str, mx.array], reached: set[str]) -> Iterator[None]:
        """Within the context the model has these parameters; who is reached by gradients is told apart."""
        fill(self._live.module, {n: _told(x, partial(reached.add, n)) for n, x in parameters.items()})
        try:
            yield
        finally:
            fill(self._live.module, self._own)

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        """Within the context the model's parameters are plain numbers."""
        before = dict(tree_flatten(self._live.module.trainable_parameters()))
        fill(self._live.module, self._own)
        try:
            yield
        finally:
            fill(self._live.module, before)

    def severed(self, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any], part: Part) -> Any:
        value = (args, dict(kwargs))
        xs = [x for x in leaves(value) if is_float(x)]
        kept = mapped(self._kept, value)
        with self._plainly():
            again = mapped(self._restored, kept)
            result = call(*again[0], **again[1])
            mx.eval([y for y in leaves(result) if isinstance(y, mx.array)])
        ys = [y for y in leaves(result) if is_float(y)]
        if not ys or self._anchor is None:
            return result
        links = [self._link(x) for x in xs]
        loose = [x for x, link in zip(xs, links, strict=True) if link is None]
        tokens = [self._anchor, *(link.token for link in links if link is not None)]
        n = len(tokens)
        arrived: list[mx.array | None] = [None] * len(ys)
        sizes = [(y.shape, y.dtype) for y in ys]
        del value, xs, again

        @mx.custom_function
        def token_of(*_: mx.array) -> list[mx.array]:
            return [mx.zeros((), dtype=mx.float32)]

        @token_of.vjp
        def token_of_vjp(primals: Any, _cotangents: Any, _outputs: Any) -> tuple[mx.array, ...]:
            if all(g is None for g in arrived):  # what it is handed on to has no use for it
                found: list[mx.array | None] = [None] * len(links)
            else:
                cotangents = [
                    mx.zeros(size, dtype=dtype) if g is None else g
                    for g, (size, dtype) in zip(arrived, sizes, strict=True)
                ]
                arrived.clear()
                found = self._again(part, kept, cotangents)
            for g, link in zip(found, links, strict=True):
                if link is not None and g is not None:
                    link.add(g)
            given = [primals] if isinstance(primals, mx.array) else list(primals)  # one comes bare
            own = [g for g, link in zip(found, links, strict=True) if link is None]
            rest = [mx.zeros_like(x) if g is None else g for x, g in zip(given[n:], own, strict=True)]
            return (*(mx.zeros_like(token) for token in given[:n]), *rest)

        known: Any = token_of(*tokens, *loose)
        token: mx.array = known[0]
        outs = [_handed(token, y, arrived, i) for i, y in enumerate(ys)]
        for i, y in enumerate(outs):
            self._links[id(y)] = _Link(weakref.ref(y), token, arrived, i)
        return refilled(result, is_float, list(outs))

    def _link(self, x: mx.array) -> "_Link | None":
        """The part whose very result an array is."""
        link = self._links.get(id(x))
        return link if link is not None and link.array() is x else None

    def _kept(self, x: Any) -> Any:
        if not isinstance(x, mx.array):
            return x
        return self._spill.put(to_numpy(x))

    def _restored(self, x: Any) -> Any:
        return _array(self._spill.get(x)) if isinstance(x, Spilled) else x

    def _again(self, part: Part, kept: Any, cotangents: list[mx.array]) -> list[mx.array | None]:
        """The gradients of the floating arguments of a part, which is on the way back told of all within."""
        live = self._live
        value = mapped(self._restored, kept)
        xs = [x for x in leaves(value) if is_float(x)]
        reached: set[str] = set()
        reached_xs: set[int] = set()

        def forward(*given: mx.array) -> list[mx.array]:
            told = [_told(x, partial(reached_xs.add, i)) for i, x in enumerate(given[: len(xs)])]
            args, kwargs = refilled(value, is_float, told)
            with (
                self._learning(dict(zip(self._own, given[len(xs) :], strict=True)), reached),
                Agent(part.around, live.words, swap.at_paths()) as agent,
                hooked(live.module, agent, only=part.paths),
            ):
                result = live.at[part.point.path](*args, **kwargs)
            return [y for y in leaves(result) if is_float(y)]

        _, found = mx.vjp(forward, [*xs, *self._own.values()], cotangents)
        rest = dict(zip(self._own, found[len(xs) :], strict=True))
        parameters = {n: g for n, g in rest.items() if n in reached}
        gradients = [g if i in reached_xs else None for i, g in enumerate(found[: len(xs)])]
        mx.eval(parameters, [g for g in gradients if g is not None])
        # While MLX differentiates the whole, what is computed holds on to all that it was computed from.
        own = {n: to_numpy(g) for n, g in parameters.items()}
        copies = [None if g is None else _array(to_numpy(g)) for g in gradients]
        del found, rest, parameters, gradients
        part.done(own)
        return copies


def _array(x: AnyArray) -> mx.array:
    """The same values in the same format."""
    if x.dtype == ml_dtypes.bfloat16:
        return mx.array(x.view(np.uint16)).view(mx.bfloat16)
    return mx.array(x)


@dataclass(frozen=True)
class _Link:
    """A result of a severed part: who has it hands the part's token on, and its cotangents in."""

    array: "weakref.ref[mx.array]"
    token: mx.array
    arrived: list[mx.array | None]
    index: int

    def add(self, cotangent: mx.array) -> None:
        _add(self.arrived, self.index, cotangent)


def _add(arrived: list[mx.array | None], i: int, cotangent: mx.array) -> None:
    known = arrived[i]
    arrived[i] = cotangent if known is None else mx.add(known, cotangent)


def _handed(token: mx.array, y: mx.array, arrived: list[mx.array | None], i: int) -> mx.array:
    """A severed part's result, for whoever uses it: its cotangent goes to the part, not on."""

    @mx.custom_function
    def given(_token: mx.array, x: mx.array) -> mx.array:
        return x

    @given.vjp
    def given_vjp(_primals: Any, cotangent: Any, _output: Any) -> tuple[mx.array, mx.array]:
        _add(arrived, i, cotangent)
        return mx.zeros((), dtype=mx.float32), cotangent

    return cast(mx.array, given(token, y))


def _told(x: mx.array, tell: Callable[[], None]) -> mx.array:
    """The same array; `tell` is called when gradients reach it."""

    @mx.custom_function
    def same(y: mx.array) -> mx.array:
        return y

    @same.vjp
    def same_vjp(_primals: Any, cotangent: Any, _output: Any) -> mx.array:
        tell()
        return cotangent

    return cast(mx.array, same(x))

"""Relations that a function must satisfy whatever its values are: linearity, shift, a second definition.

A relation evaluates the function on several inputs and forms a residual that is zero in exact arithmetic.
No reference is needed to state one, so it also finds mistakes that both sides share.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .dtypes import AnyArray, Float64

Inputs = dict[str, AnyArray]
Outputs = Sequence[Float64]
Terms = Callable[[Inputs, np.random.Generator], list[Inputs]]
Residual = Callable[[Outputs, Sequence[Inputs], Mapping[str, Any]], Float64]


@dataclass(frozen=True)
class Relation:
    """A relation of one function.

    Args:
        name: what it is called in rows and node ids.
        terms: from the inputs of a case, the inputs of every evaluation.
        residual: from the first outputs of all evaluations (in float64), their inputs and the options,
            what must be zero.
        fixed: sizes, options and constructor arguments that the relation needs to have these values.
        left_out: optional arguments that must be absent.
        least: axes and the sizes they must have at least.
    """

    name: str
    terms: Terms
    residual: Residual
    fixed: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    least: Mapping[str, int] = field(default_factory=dict)


def _on_grid(x: AnyArray, rng: np.random.Generator) -> AnyArray:
    """Multiples of 1/8 up to 2: their sums are exact in every working dtype."""
    return (rng.integers(-16, 17, x.shape) / 8.0).astype(x.dtype)


def linear(argument: str) -> Relation:
    """f(u + v) + f(0) = f(u) + f(v) in one argument: linear, or affine with a bias."""

    def terms(inputs: Inputs, rng: np.random.Generator) -> list[Inputs]:
        u, v = (_on_grid(inputs[argument], rng) for _ in range(2))
        return [inputs | {argument: a} for a in (u + v, np.zeros_like(u), u, v)]

    def residual(y: Outputs, _x: Sequence[Inputs], _o: Mapping[str, Any]) -> Float64:
        return y[0] + y[1] - y[2] - y[3]

    return Relation(f"linear.in.{argument}", terms, residual)


def shift(argument: str, by: int = 1, **conditions: Any) -> Relation:
    """A delayed signal gives a delayed result, along the last axis: f(S·x) = S·f(x) after the delay."""

    def terms(inputs: Inputs, _: np.random.Generator) -> list[Inputs]:
        x = inputs[argument]
        late = np.concatenate([np.zeros_like(x[..., :by]), x[..., :-by]], axis=-1)
        return [inputs, inputs | {argument: late}]

    def residual(y: Outputs, _x: Sequence[Inputs], _o: Mapping[str, Any]) -> Float64:
        reach = 2  # the border of a three-tap filter, where the delayed signal meets the zeros before it
        last = y[0].shape[-1] - reach  # and where it has been cut at the end
        return y[1][..., by + reach : last] - y[0][..., reach : last - by]

    return Relation(f"shift.of.{argument}", terms, residual, **conditions)


def batch(*arguments: str) -> Relation:
    """An element's result does not depend on what else is in the batch: f(x)[:1] = f(x[:1])."""

    def terms(inputs: Inputs, _: np.random.Generator) -> list[Inputs]:
        one = {n: inputs[n][:1] for n in arguments if n in inputs}
        return [inputs, inputs | one]

    def residual(y: Outputs, _x: Sequence[Inputs], _o: Mapping[str, Any]) -> Float64:
        return y[0][:1] - y[1]

    return Relation("batch", terms, residual, least={"b": 2})


def prefix(argument: str, **conditions: Any) -> Relation:
    """What follows does not change what came before, along axis 1: f(x)[:, :m] = f(x[:, :m])."""

    def terms(inputs: Inputs, _: np.random.Generator) -> list[Inputs]:
        x = inputs[argument]
        return [inputs, inputs | {argument: x[:, : (x.shape[1] + 1) // 2]}]

    def residual(y: Outputs, _x: Sequence[Inputs], _o: Mapping[str, Any]) -> Float64:
        return y[0][:, : y[1].shape[1]] - y[1]

    return Relation(f"prefix.of.{argument}", terms, residual, **conditions)


def padding(argument: str, filler: Mapping[str, int], axis: int = 1) -> Relation:
    """Padding that a mask or label marks changes nothing. `filler` says how: argument → value there."""

    def longer(x: AnyArray, rows: AnyArray, axis: int) -> AnyArray:
        return np.concatenate([x, rows.astype(x.dtype)], axis=axis)

    def terms(inputs: Inputs, rng: np.random.Generator) -> list[Inputs]:
        x = inputs[argument]
        shape = list(x.shape)
        shape[axis] = 3
        padded = inputs | {argument: longer(x, 8 * rng.standard_normal(shape), axis)}
        for name, value in filler.items():
            shape = list(inputs[name].shape)
            shape[axis] = 3
            padded[name] = longer(inputs[name], np.full(shape, value), axis)
        return [inputs, padded]

    def residual(y: Outputs, _x: Sequence[Inputs], _o: Mapping[str, Any]) -> Float64:
        return y[0] - y[1]

    return Relation(f"padding.of.{argument}", terms, residual)


def definition(
    name: str, function: Callable[[Mapping[str, AnyArray], Mapping[str, Any]], Float64], **conditions: Any
) -> Relation:
    """A second definition, in NumPy's float64 and by another way of computing: f(x) = function(x)."""

    def terms(inputs: Inputs, _: np.random.Generator) -> list[Inputs]:
        return [inputs]

    def residual(y: Outputs, x: Sequence[Inputs], options: Mapping[str, Any]) -> Float64:
        exact = {n: a.astype(np.float64) if a.dtype.kind not in "iub" else a for n, a in x[0].items()}
        return y[0] - function(exact, options)

    return Relation(name, terms, residual, **conditions)

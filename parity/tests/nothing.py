"""Every word on inputs with an axis of no elements, forward and backward: ``python -m parity.tests.nothing``.

A process of its own: where MLX divides by the size of an axis it ends the process, and some of its sums of
nothing do not come back. Prints each case before it begins, and what differs between the sides.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import mlx.core as mx
import numpy as np
import torch

import mlx_impl.ops
import parity.specs  # noqa: F401 declares the specs
import reference.ops
from parity.axes import shape_of
from parity.dtypes import AnyArray
from parity.inputs import Array
from parity.spec import REGISTRY, OpSpec

Answer = tuple[Any, ...] | str
"""Shapes of results, and of each gradient whether it has a NaN; or that it was refused."""


def cases() -> Iterator[tuple[OpSpec, str, dict[str, AnyArray], dict[str, Any]]]:
    """Words, the axis that is empty, arrays, options."""
    for spec in REGISTRY:
        if spec.family == "word" and spec.inputs:
            for axis in spec.axis_names():
                sizes = spec.fill_sizes({})
                options = next(spec.option_sets(sizes))
                arrays = {name: made(array, sizes | {axis: 0}) for name, array in spec.arrays().items()}
                yield spec, axis, arrays, options


def made(array: Array, sizes: Mapping[str, int]) -> AnyArray:
    """Ones, or the integers that are wanted."""
    shape = shape_of(array.axes, sizes)
    if array.fill == "rows":
        return np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    if array.fill in ("ids", "labels"):
        return np.zeros(shape, dtype=np.int32)
    return np.ones(shape, dtype=np.int32 if array.fill == "mask" else np.float32)


def in_torch(spec: OpSpec, arrays: Mapping[str, AnyArray], options: Mapping[str, Any]) -> Answer:
    """The reference's answer."""
    inputs = {n: torch.from_numpy(x.copy()).requires_grad_(n in spec.grads) for n, x in arrays.items()}
    try:
        found = getattr(reference.ops, spec.name)(**inputs, **options)
    except ValueError:
        return "refused"
    results = found if isinstance(found, tuple | list) else [found]
    total = sum((y.sum() for y in results if y.requires_grad), torch.zeros(()))
    if total.requires_grad:
        total.backward()
    slopes = [inputs[n].grad for n in spec.grads]
    return (
        *(tuple(y.shape) for y in results),
        *(g is not None and bool(g.isnan().any()) for g in slopes),
    )


def in_mlx(spec: OpSpec, arrays: Mapping[str, AnyArray], options: Mapping[str, Any]) -> Answer:
    """The port's answer."""
    inputs = {n: mx.array(x) for n, x in arrays.items()}

    def called(given: Mapping[str, mx.array]) -> tuple[mx.array, Any]:
        found = getattr(mlx_impl.ops, spec.name)(**(inputs | dict(given)), **options)
        results = list(found) if isinstance(found, tuple | list) else [found]
        floats = [mx.sum(y) for y in results if mx.issubdtype(y.dtype, mx.floating)]
        return sum(floats, mx.zeros((), dtype=mx.float32)), results

    try:
        results = called({})[1]
        mx.eval(results)
    except ValueError:
        return "refused"
    slopes = mx.grad(lambda given: called(given)[0])({n: inputs[n] for n in spec.grads}) if spec.grads else {}
    return (
        *(tuple(y.shape) for y in results),
        *(bool(np.isnan(np.array(slopes[n])).any()) for n in spec.grads),
    )


def main() -> int:
    """1 if the sides differ."""
    wrong = 0
    for spec, axis, arrays, options in cases():
        print(f"{spec.name}: {axis} = 0", flush=True)
        here, there = in_mlx(spec, arrays, options), in_torch(spec, arrays, options)
        if here != there:
            print(f"    DIFFERS the port gives {here}, the reference {there}")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())

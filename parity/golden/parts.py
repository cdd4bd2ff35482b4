"""What a golden case asks for: tasks of specs, and the numbers that each of them must give."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from parity import axes
from parity.dtypes import FLOAT32, AnyArray, WorkingDtype, parse_dtype
from parity.errors import GoldenError, unknown
from parity.sides import Task
from parity.spec import REGISTRY, OpSpec

from .format import GoldenFile

Arrays = Mapping[str, AnyArray]


@dataclass(frozen=True)
class Part:
    """One task of a case.

    `wanted` has the golden results by name (``grad x``, ``act path`` for gradients and activations) in
    the working dtype, `exact` those that are known in float64 too.
    """

    task: Task
    wanted: Arrays
    exact: Arrays = field(default_factory=dict)

    @property
    def taps(self) -> bool:
        """Whether activations are among the results."""
        return any(name.startswith("act ") for name in self.wanted)


Adapter = Callable[[GoldenFile], list[Part]]

ADAPTERS: dict[str, Adapter] = {}
"""Canonical names whose cases are not simply a spec of the same name: name → adapter."""


def adapter(name: str) -> Callable[[Adapter], Adapter]:
    """Declare how cases of a canonical function or head become parts."""

    def declare(function: Adapter) -> Adapter:
        ADAPTERS[name] = function
        return function

    return declare


def parts_of(file: GoldenFile) -> list[Part]:
    """The tasks of a case.

    Raises: GoldenError if it is of a kind that no spec or adapter knows.
    """
    for key in ("head", "module", "op"):
        if key in file.meta:
            name = str(file.meta[key])
            adapt = ADAPTERS.get(f"{key}:{name}")
            if adapt is not None:
                return adapt(file)
            if name in REGISTRY:
                return [spec_part(file, REGISTRY.get(name))]
            known = [a.partition(":")[2] for a in ADAPTERS if a.startswith(key + ":")]
            raise GoldenError(f"golden case {file.name!r}: " + unknown(key, name, [*known, *_spec_names()]))
    raise GoldenError(
        f"golden case {file.name!r} says neither 'head', 'module' nor 'op': what is it a case of?"
    )


def _spec_names() -> list[str]:
    return [spec.name for spec in REGISTRY]


def sizes_of(spec: OpSpec, inputs: Arrays, meta: Mapping[str, Any]) -> dict[str, int]:
    """The sizes of the axes, read off the arrays' shapes; ``length`` in the case gives l."""
    sizes: dict[str, int] = {}
    for name, array in spec.arrays().items():
        if name in inputs:
            pattern = array.axes.split()
            if "(" not in array.axes and len(pattern) == inputs[name].ndim:
                for axis, n in zip(pattern, inputs[name].shape, strict=True):
                    if axis in axes.names(array.axes):
                        sizes[axis] = int(n)
    if "length" in meta:
        sizes["l"] = int(meta["length"])
    return sizes | dict(meta.get("sizes", {}))


def wanted_of(file: GoldenFile) -> tuple[dict[str, AnyArray], dict[str, AnyArray]]:
    """Golden results by name: in the working dtype, and in float64 where the case has them.

    Raises: GoldenError if there is none, or one in float64 only or of another shape.
    """
    wanted = dict(file.group("output"))
    wanted |= {f"act {n}": x for n, x in file.group("act").items()}
    wanted |= {f"grad param.{n}": x for n, x in file.group("grad").items()}
    wanted |= {f"grad {n}": x for n, x in file.group("grad_input").items()}
    exact = dict(file.group("output64"))
    exact |= {f"grad param.{n}": x for n, x in file.group("grad64").items()}
    exact |= {f"grad {n}": x for n, x in file.group("grad_input64").items()}
    if not wanted:
        raise GoldenError(f"golden case {file.name!r} has no result: no output, act, grad or grad_input")
    for name, value in exact.items():
        if name not in wanted:
            raise GoldenError(f"golden case {file.name!r} has {name!r} in float64 only; add it in its dtype")
        if value.shape != wanted[name].shape:
            raise GoldenError(
                f"golden case {file.name!r}: {name!r} has shape {wanted[name].shape}, in float64 "
                f"{value.shape}"
            )
    return wanted, exact


def spec_part(file: GoldenFile, spec: OpSpec, **changes: Any) -> Part:
    """The one part of a case that a spec runs as it stands, with some fields of the task replaced."""
    inputs: dict[str, AnyArray] = changes.pop("inputs", file.group("input"))
    wanted, exact = wanted_of(file)
    dtype: WorkingDtype = parse_dtype(file.meta.get("dtype", FLOAT32.name))
    fields: dict[str, Any] = {
        "spec": spec,
        "inputs": inputs,
        "dtype": dtype,
        "options": file.meta.get("options", {}),
        "arguments": file.meta.get("args", {}),
        "sizes": sizes_of(spec, inputs, file.meta),
        "layout": file.meta.get("layout", "contiguous"),
        "parameters": file.group("param") or None,
        "cotangents": file.group("cotangent") or None,
    }
    return Part(Task(**(fields | changes)), wanted, exact)


def integers(x: AnyArray) -> AnyArray:
    """Integers as int32, which every side has."""
    return x.astype(np.int32)

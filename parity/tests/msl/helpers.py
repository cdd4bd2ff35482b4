"""Shorthand for running a kernel's body in tests."""

from collections.abc import Sequence
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from parity import msl


def make(
    source: str, inputs: Sequence[str] = (), outputs: Sequence[str] = ("out",), **kw: Any
) -> msl.MetalKernel:
    """A kernel of that body."""
    return msl.metal_kernel(
        name=kw.pop("name", "k"), input_names=list(inputs), output_names=list(outputs), source=source, **kw
    )


def run(
    source: str,
    *,
    inputs: dict[str, Any] | None = None,
    shape: Sequence[int] = (32,),
    dtype: Any = mx.float32,
    grid: Sequence[int] = (32, 1, 1),
    threadgroup: Sequence[int] = (32, 1, 1),
    template: Any = None,
    init_value: float | None = None,
    **kw: Any,
) -> Any:
    """The single output ``out`` of a kernel's body."""
    named = inputs or {}
    kernel = make(source, list(named), **kw)
    return kernel(
        inputs=list(named.values()),
        output_shapes=[shape],
        output_dtypes=[dtype],
        grid=tuple(grid),
        threadgroup=tuple(threadgroup),
        template=template,
        init_value=init_value,
    )[0]


def kinds(source: str, **kw: Any) -> set[str]:
    """The kinds of what the checks find in a kernel's body, notes included."""
    return {f.kind for f in found(source, **kw)}


def found(source: str, **kw: Any) -> tuple[msl.Finding, ...]:
    """What the checks find in a kernel's body."""
    seen: list[msl.Finding] = []
    settings = {k: kw.pop(k) for k in ("schedules", "time_limit", "seed") if k in kw}
    with (
        msl.observing(lambda _k, _c, outcome: seen.extend(outcome.findings)),
        msl.configured(on_findings="ignore", **settings),
    ):
        run(source, **kw)
    return tuple(seen)


def to_numpy(array: Any) -> npt.NDArray[Any]:
    """A NumPy array of an MLX array; bfloat16 as float32."""
    if array.dtype == mx.bfloat16:
        return (np.asarray(array.view(mx.uint16)).astype(np.uint32) << 16).view(np.float32)
    return np.asarray(array)

"""The same kernels on two executors: an Apple GPU beside the one for any CPU, launch by launch."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import numpy as np

from parity import canary, msl
from parity.dtypes import AnyArray
from parity.kernel_runs import prepare
from parity.kernel_spec import KERNELS, KernelSpec, Launching
from parity.sides.mlx_side import to_numpy

Executor = Callable[[], AbstractContextManager[None]]


@contextmanager
def on_metal() -> Iterator[None]:
    """Within the context kernels run on the GPU."""
    with mx.stream(mx.gpu):
        yield


@contextmanager
def on_executor() -> Iterator[None]:
    """Within the context kernels run on the CPU."""
    with mx.stream(mx.cpu), msl.installed():
        yield


@dataclass(frozen=True)
class Compared:
    """One launch on both: by output, the largest difference over the largest value."""

    kernel: str
    launch: str
    dtype: str
    spread: float
    problem: str = ""


def compare(first: Executor, second: Executor) -> Iterator[Compared]:
    """Every launch of every kernel that is declared, in each of its dtypes."""
    for spec in KERNELS.values():
        for launching in spec.launches:
            for dtype in spec.dtypes:
                try:
                    results = [_run(e, spec, launching, dtype) for e in (first, second)]
                except Exception as error:  # what one of them cannot do is the answer
                    problem = f"{type(error).__name__}: {error}"
                    yield Compared(spec.name, launching.label, dtype, float("inf"), problem)
                else:
                    yield Compared(spec.name, launching.label, dtype, _spread(*results))


def _run(executor: Executor, spec: KernelSpec, launching: Launching, dtype: str) -> list[AnyArray]:
    call = prepare(spec, launching, dtype).call
    text = prepare(spec, launching, dtype).kernel.text
    with executor():
        made: Any = mx.fast.metal_kernel(
            name=text.name,
            input_names=list(text.input_names),
            output_names=list(text.output_names),
            source=text.source,
            header=text.header,
        )
        return [to_numpy(x) for x in made(**call)]


def _spread(one: list[AnyArray], other: list[AnyArray]) -> float:
    worst = 0.0
    for a, b in zip(one, other, strict=True):
        x, y = a.astype(np.float64), b.astype(np.float64)
        if not np.array_equal(np.isfinite(x), np.isfinite(y)):
            return float("inf")
        there = np.isfinite(x)
        scale = float(np.abs(x[there]).max(initial=0.0)) or 1.0
        worst = max(worst, float(np.abs(x[there] - y[there]).max(initial=0.0)) / scale)
    return worst


def canaries(*executors: Executor) -> list[np.ndarray[Any, np.dtype[np.uint32]]]:
    """What each answers to the canary's questions."""
    found = []
    for executor in executors:
        with executor():
            found.append(canary.ask())
    return found

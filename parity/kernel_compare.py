"""The same kernels on two executors: an Apple GPU beside the one for any CPU, launch by launch."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import numpy as np

from parity import canary, msl
from parity.dtypes import FLOAT32, AnyArray, parse_dtype
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
    bound: float = 0.0
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
                    yield Compared(spec.name, launching.label, dtype, float("inf"), problem=problem)
                else:
                    yield judged(spec, launching, dtype, *results)


def judged(
    spec: KernelSpec, launching: Launching, dtype: str, one: list[AnyArray], other: list[AnyArray]
) -> Compared:
    """Whether two results of a launch are one and the same but for roundings."""
    spread, bound = _spread(one, other), bound_of(launching, dtype)
    problem = ""
    if not np.isfinite(spread):
        problem = "one is finite where the other is not"
    elif not spread <= bound:
        problem = f"they differ by {spread:.2g} of the largest value, more than {bound:.2g}"
    return Compared(spec.name, launching.label, dtype, spread, bound, problem)


def bound_of(launching: Launching, dtype: str) -> float:
    """How far apart two right results may be, of the largest value.

    Each is within γₙ of the exact one times the sum of its terms' magnitudes, in float32 (Higham
    2002, §3.1), n being the roundings on the longest way to it, and is then rounded to the working
    dtype. Sums over several axes are made one axis after the other: n is at most `OPERATIONS` times
    the sum of the launch's sizes. On standard-normal inputs the magnitudes are to the largest
    result at most as √n, and roundings add up as √n too (Higham & Mary 2019, SIAM J. Sci. Comput.
    41(5)): so n·u, and not n^1.5·u. `PASSES` roundings to the working dtype v, of which most
    kernels make one. Two results make it double. Never more than `MOST`, so that a wrong result,
    which is off by order one, does not hide.
    """
    v = parse_dtype(dtype).unit_roundoff
    n = OPERATIONS * sum(launching.sizes.values())
    return min(MOST, 2 * (n * FLOAT32.unit_roundoff + PASSES * v))


OPERATIONS = 16
"""Roundings that go into a term of a sum: its product, and a function of a few ulp at a rounded argument."""
PASSES = 4
MOST = 1.0 / 16


def _run(executor: Executor, spec: KernelSpec, launching: Launching, dtype: str) -> list[AnyArray]:
    prepared = prepare(spec, launching, dtype)
    call, text = prepared.call, prepared.kernel.text
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
        if x.shape != y.shape or not np.array_equal(np.isfinite(x), np.isfinite(y)):
            return float("inf")
        there = np.isfinite(x)
        if not np.array_equal(x[~there], y[~there], equal_nan=True):
            return float("inf")
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

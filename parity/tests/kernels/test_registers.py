"""What an Apple GPU must have for every launch: threads of a threadgroup, and registers for them.

Nothing here has been compiled for one. What a thread keeps in arrays is read off the source; what a compiler
adds is allowed for.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import pytest

import parity.specs
from mlx_impl.kernels.fft_conv import FFT_CONV, FFT_CONV_GRAD, LONGEST, LONGEST_EXACT
from mlx_impl.kernels.fft_geometry import SHORTEST, block
from mlx_impl.kernels.fft_streamed import (
    CORRELATED,
    FFT_BLOCKS,
    FFT_COLUMNS,
    FFT_CORRELATION,
    FFT_PRODUCT,
    FFT_ROWS,
    FFT_TAPS,
    FLOATS,
)
from mlx_impl.kernels.metal_kernel import CERTAIN_THREADS, Launch, MetalKernel, file_text
from mlx_impl.kernels.tiles import DEPTHS, SIDES, choose, for_two
from parity.kernel_runs import prepare
from parity.kernel_spec import KERNELS
from parity.sides.base import resolve_target

assert parity.specs

REGISTERS = {512: 104, 1024: 52}
"""Of 32 bits that each of so many threads can have (Mesa, ``agx_occupancy``: 208 and 104 halves)."""
SPARE = 32
"""Kept for addresses, indices, twiddles and the operands of a butterfly, which are not in arrays."""
WORDS = {"float": 1, "float2": 2, "TwofoldComplex": 4}
DECLARED = re.compile(
    r"^ *(?:const )?(C|float|float2|TwofoldComplex) ((?:\w+\[[^\]]+\](?:, )?)+);", re.MULTILINE
)
ONE = re.compile(r"\w+\[([^\]]+)\]")


@dataclass(frozen=True)
class Given:
    """An array as a launch sees it."""

    shape: tuple[int, ...]
    dtype: mx.Dtype = mx.float32


def floats_in_arrays(kernel: MetalKernel, launch: Launch) -> int:
    """Of the kernel's own function; those of its helpers hold what no other does meanwhile."""
    _, body = kernel.text()
    known: dict[str, Any] = dict(launch.template)
    known["CROWDED"] = "M" in known and known["M"] // known["R"] > CERTAIN_THREADS
    words = WORDS | {"C": FLOATS[bool(known.get("EXACT"))]}
    total = 0
    for kind, names in DECLARED.findall(re.sub(r"//.*", "", body)):
        for size in ONE.findall(names):
            then = re.sub(r"(\w+) \? (.+) : (.+)", r"(\2) if \1 else (\3)", size).replace("/", "//")
            total += words[kind] * eval(then, {}, known)
    return total


def launches() -> Iterator[tuple[MetalKernel, Launch, str]]:
    """Of every kernel of the long convolution at every length, in double-double or not."""
    for exact, longest in ((False, LONGEST), (True, LONGEST_EXACT)):
        m = SHORTEST
        while m <= longest:
            u, k, one = Given((2, 3, m)), Given((3, m)), Given((1,))
            label = f"m = {m}, exact = {exact}"
            if m <= block(exact):
                yield FFT_CONV, FFT_CONV.launch(u, k, k, Given((3,)), u, u, one, exact=exact), label
                yield FFT_CONV_GRAD, FFT_CONV_GRAD.launch(u, u, k, k, one, exact=exact), label
            else:
                how: dict[str, Any] = {"m": m, "exact": exact}
                made, taps = Given((6, m * FLOATS[exact])), Given((3, m * FLOATS[exact]))
                for points in (0, CORRELATED):
                    at = FFT_COLUMNS.launch(u, k, one, one, points_of_block=points, **how)
                    yield FFT_COLUMNS, at, label
                yield FFT_BLOCKS, FFT_BLOCKS.launch(taps, **how), label
                yield FFT_PRODUCT, FFT_PRODUCT.launch(made, taps, one, **how), label
                yield FFT_ROWS, FFT_ROWS.launch(made, u, Given((3,)), u, u, one, **how), label
                at = FFT_CORRELATION.launch(made, made, one, channels=3, **how)
                yield FFT_CORRELATION, at, label
                yield FFT_TAPS, FFT_TAPS.launch(taps, k, k, one, one, **how), label
            m *= 2


def size(launch: Launch) -> int:
    x, y, z = launch.threadgroup
    return x * y * z


def test_many_threads_keep_little() -> None:
    """Where a threadgroup has more threads than are certain to be launched, each leaves registers over."""
    assert f"CERTAIN_THREADS = {CERTAIN_THREADS}" in file_text("fft_conv")
    crowded = set()
    for kernel, launch, label in launches():
        threads, kept = size(launch), floats_in_arrays(kernel, launch)
        assert kept, f"{kernel.name}: no array was read off the source"
        if threads > CERTAIN_THREADS:
            assert kept <= REGISTERS[threads] - SPARE, f"{kernel.name}, {label}: {kept} floats a thread"
            crowded.add((kernel.name, threads, kept))
    assert {name for name, _, _ in crowded} == {"fft_conv", "fft_conv_grad", "fft_blocks", "fft_product"}


def test_the_others_are_certain_to_be_launched() -> None:
    """Every launch of every spec, and every tile that can be chosen."""
    for spec in KERNELS.values():
        kernel: MetalKernel = resolve_target(spec.target)
        for at in (*spec.launches, spec.profiled):
            if not kernel.name.startswith("fft_"):
                x, y, z = prepare(spec, at, spec.dtypes[0]).call["threadgroup"]
                assert x * y * z <= CERTAIN_THREADS, f"{kernel.name} {at.label}"
    for m in SIDES:
        for n in SIDES:
            for k in DEPTHS:
                for dtype in (mx.float32, mx.float16, mx.bfloat16):
                    try:
                        tile = choose(f"{m}x{n}x{k}", dtype)
                    except ValueError:
                        continue
                    assert tile.threads <= CERTAIN_THREADS
                    assert 2 * for_two(tile, dtype.size).threads <= CERTAIN_THREADS


@pytest.mark.parametrize(
    ("kernel", "m", "exact", "kept"),
    [(FFT_CONV, 4096, False, 60), (FFT_CONV, 2048, False, 74), (FFT_CONV, 2048, True, 108)],
)
def test_what_is_read_off_the_source(kernel: MetalKernel, m: int, exact: bool, kept: int) -> None:
    """The points, both coefficients, and the samples: counted by hand."""
    u, k = Given((2, 3, m)), Given((3, m))
    launch = kernel.launch(u, k, k, Given((3,)), u, u, Given((1,)), exact=exact)
    assert floats_in_arrays(kernel, launch) == kept

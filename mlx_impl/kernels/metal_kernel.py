"""A kernel as data: its source file, its inputs and outputs, and how it is launched for given shapes."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Protocol

import mlx.core as mx

_ENTRY = re.compile(r"(?:^template\s*<[^;{]*?>\s*)?^\[\[kernel\]\]\s+void\s+(\w+)\s*\(", re.MULTILINE)
_INCLUDE = re.compile(r'^#include "([^"]+)"\n', re.MULTILINE)
SIMD = 32
"""Lanes of a SIMD group on every Apple GPU."""
CERTAIN_THREADS = 384
"""Threads of a threadgroup that every Apple GPU launches, however many registers they take: a thread may have
128 of 32 bits at the most, and then 384 threads fit (``agx_occupancy`` in Mesa's compiler for these GPUs: 512
threads have 104 each, 1,024 have 52). MLX refuses a launch of more threads than the registers allow."""


class Shaped(Protocol):
    """What a launch depends on of an array."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> mx.Dtype: ...


@dataclass(frozen=True)
class Launch:
    """The geometry of one launch.

    Args:
        grid: threads along x, y, z.
        threadgroup: threads of a threadgroup along x, y, z; at most 1,024 together.
        output_shapes: of each output.
        output_dtypes: of each output.
        template: arguments of the kernel's template, by name.
        least_bytes: what the algorithm must read and write at the least in this geometry.
    """

    grid: tuple[int, int, int]
    threadgroup: tuple[int, int, int]
    output_shapes: tuple[tuple[int, ...], ...]
    output_dtypes: tuple[mx.Dtype, ...]
    template: tuple[tuple[str, Any], ...] = ()
    least_bytes: int = 0


@dataclass(frozen=True)
class MetalKernel:
    """A Metal kernel that somebody else executes.

    The source is a Metal file of this package with one ``[[kernel]]`` function of the kernel's name; what
    stands before the function is its header. Its parameters are those that ``mx.fast.metal_kernel`` makes
    of `inputs` and `outputs`.

    Args:
        name: the function, and the stem of its file.
        inputs: names of the inputs, in order.
        outputs: names of the outputs, in order.
        launch: geometry from the inputs (of which it sees shapes and dtypes) and the caller's choices.
        summary: what it computes, in a line.
        source: where the algorithm is from.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    launch: Callable[..., Launch]
    summary: str
    source: str = field(default="")

    def __call__(self, *arrays: mx.array, **choices: Any) -> list[mx.array]:
        """Launch the kernel on arrays.

        Raises: ValueError if their number is wrong, and what the executor raises.
        """
        if len(arrays) != len(self.inputs):
            raise ValueError(
                f"kernel {self.name} takes {len(self.inputs)} inputs ({', '.join(self.inputs)}), "
                f"not {len(arrays)}"
            )
        launch = self.launch(*arrays, **choices)
        # Looked up anew: whoever executes kernels elsewhere puts itself in the place of MLX's own.
        build: Any = built(mx.fast.metal_kernel, self.name, self.inputs, self.outputs)
        found: list[mx.array] = build(
            inputs=list(arrays),
            template=list(launch.template),
            grid=launch.grid,
            threadgroup=launch.threadgroup,
            output_shapes=list(launch.output_shapes),
            output_dtypes=list(launch.output_dtypes),
        )
        return found

    def text(self) -> tuple[str, str]:
        """The header and the body of the kernel's function.

        Raises: ValueError if the file has not exactly one kernel, of this name.
        """
        return parts(self.name)


@cache
def built(maker: Any, name: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Any:
    """The kernel as an executor makes it, once."""
    header, body = parts(name)
    return maker(name=name, input_names=list(inputs), output_names=list(outputs), source=body, header=header)


@cache
def file_text(stem: str) -> str:
    """A Metal file of this package with its includes put in, each once."""
    seen: set[str] = set()

    def read(name: str) -> str:
        text = resources.files(__package__).joinpath(name).read_text("utf-8")

        def included(match: re.Match[str]) -> str:
            if match[1] in seen:
                return ""
            seen.add(match[1])
            return read(match[1])

        return _INCLUDE.sub(included, text)

    return read(f"{stem}.metal")


@cache
def parts(name: str) -> tuple[str, str]:
    text = file_text(name)
    entries = list(_ENTRY.finditer(text))
    if [e[1] for e in entries] != [name]:
        found = ", ".join(e[1] for e in entries) or "none"
        raise ValueError(f"{name}.metal must have one kernel, {name}; it has {found}")
    entry = entries[0]
    opening = text.index(") {\n", entry.end()) + 4
    closing = text.rindex("\n}")
    return text[: entry.start()], text[opening : closing + 1]


def threads(n: int, most: int = 256) -> int:
    """Threads for n elements: whole SIMD groups, at most `most`."""
    return min(most, round_up(n, SIMD))


def round_up(n: int, multiple: int) -> int:
    """The least multiple that is at least n."""
    return -(-n // multiple) * multiple


def nbytes(*arrays: Shaped) -> int:
    """Bytes of some arrays together."""
    total = 0
    for a in arrays:
        count = a.dtype.size
        for n in a.shape:
            count *= n
        total += count
    return total


def size(shape: Sequence[int]) -> int:
    """Elements of a shape."""
    total = 1
    for n in shape:
        total *= n
    return total

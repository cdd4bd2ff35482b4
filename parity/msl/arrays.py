"""Between ``mx.array`` and bytes. bfloat16 has no NumPy dtype and travels as its 16 bits."""

import ctypes
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from .launch import Bytes

NAMES = {
    mx.bool_: "bool",
    mx.uint8: "uint8",
    mx.uint16: "uint16",
    mx.uint32: "uint32",
    mx.uint64: "uint64",
    mx.int8: "int8",
    mx.int16: "int16",
    mx.int32: "int32",
    mx.int64: "int64",
    mx.float16: "float16",
    mx.bfloat16: "bfloat16",
    mx.float32: "float32",
    mx.float64: "float64",
    mx.complex64: "complex64",
}
DTYPES = {name: dtype for dtype, name in NAMES.items()}
FLOATING = {"float16", "bfloat16", "float32", "complex64"}


def dtype_name(dtype: Any) -> str:
    """The name of an MLX dtype."""
    return NAMES[dtype]


def item_size(name: str) -> int:
    """Bytes of an element."""
    return 2 if name == "bfloat16" else np.dtype(name).itemsize


@dataclass(frozen=True)
class Stored:
    """An array's memory: the bytes from the lowest element to the highest, and how to walk them."""

    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """In elements, as MLX gives them to kernels."""
    data: Bytes
    origin: int
    """The byte of element (0, 0, …)."""
    lead: int = 0
    """How far the bytes start from an address that is a multiple of 16: not 0 for a view into an array."""


def _row_strides(shape: Sequence[int]) -> tuple[int, ...]:
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def _as_numpy(array: Any, name: str) -> npt.NDArray[Any]:
    """A view with the array's own strides."""
    view: npt.NDArray[Any] = np.asarray(array.view(mx.uint16) if name == "bfloat16" else array)
    return view


@functools.cache
def _allocated_at() -> int | None:
    """Where MLX's arrays start on the CPU, modulo 16; None if here and there. On a GPU at a multiple."""
    starts = set()
    for n in (1, 3, 17, 100, 5_000, 100_000):
        array = mx.zeros((n,), mx.uint8) + mx.array(1, mx.uint8)
        mx.eval(array)
        starts.add(_start(np.asarray(array)) % 16)
    return starts.pop() if len(starts) == 1 else None


def _start(view: npt.NDArray[Any]) -> int:
    """The address of its lowest byte."""
    return int(np.lib.array_utils.byte_bounds(view)[0])


def _lead(view: npt.NDArray[Any]) -> int:
    """Where the view starts in its array, modulo 16, as a kernel that is given the view sees it."""
    at = _allocated_at()
    lead = 0 if at is None or not view.size else (_start(view) - at) % 16
    return lead if lead % view.dtype.itemsize == 0 else 0


def store(array: Any, *, contiguous: bool) -> Stored:
    """The memory of an MLX array; copied to rows if `contiguous` and it does not lie so."""
    name = dtype_name(array.dtype)
    view = _as_numpy(array, name)
    size = view.dtype.itemsize
    if contiguous or view.flags.c_contiguous or view.size == 0:
        rows = np.ascontiguousarray(view)
        data = rows.reshape(-1).view(np.uint8) if rows.size else np.empty(0, np.uint8)
        lead = _lead(view) if view.flags.c_contiguous else 0  # a copy starts an array of its own
        return Stored(name, tuple(view.shape), _row_strides(view.shape), data, 0, lead)
    low = sum(min(0, s * (n - 1)) for s, n in zip(view.strides, view.shape, strict=True))
    high = sum(max(0, s * (n - 1)) for s, n in zip(view.strides, view.shape, strict=True)) + size
    data = np.frombuffer(ctypes.string_at(_start(view), high - low), np.uint8)
    return Stored(name, tuple(view.shape), tuple(s // size for s in view.strides), data, -low, _lead(view))


def load(data: Bytes, name: str, shape: Sequence[int]) -> Any:
    """An MLX array of that dtype and shape from its bytes."""
    if name == "bool":  # memory that nothing wrote may hold other bytes than 0 and 1
        return mx.array((data != 0).reshape(tuple(shape)))
    if name == "bfloat16":
        return mx.array(data.view(np.uint16).reshape(tuple(shape))).view(mx.bfloat16)
    return mx.array(data.view(np.dtype(name)).reshape(tuple(shape)))


def filled(value: float, name: str, count: int) -> Bytes:
    """The bytes of `count` elements of a value, converted as MLX converts a Python number to the dtype."""
    one = mx.array(value, dtype=mx.float32).astype(DTYPES[name])
    data = np.asarray(one.view(mx.uint16) if name == "bfloat16" else one).reshape(1)
    return np.repeat(data, count).view(np.uint8)

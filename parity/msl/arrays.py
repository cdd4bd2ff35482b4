"""Between ``mx.array`` and bytes. bfloat16 has no NumPy dtype and travels as its 16 bits."""

import ctypes
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


def store(array: Any, *, contiguous: bool) -> Stored:
    """The memory of an MLX array; copied to rows if `contiguous` and it does not lie so."""
    name = dtype_name(array.dtype)
    view = _as_numpy(array, name)
    size = view.dtype.itemsize
    if contiguous or view.flags.c_contiguous or view.size == 0:
        rows = np.ascontiguousarray(view)
        data = rows.reshape(-1).view(np.uint8) if rows.size else np.empty(0, np.uint8)
        return Stored(name, tuple(view.shape), _row_strides(view.shape), data, 0)
    low = sum(min(0, s * (n - 1)) for s, n in zip(view.strides, view.shape, strict=True))
    high = sum(max(0, s * (n - 1)) for s, n in zip(view.strides, view.shape, strict=True)) + size
    start = np.lib.array_utils.byte_bounds(view)[0]
    data = np.frombuffer(ctypes.string_at(start, high - low), np.uint8)
    return Stored(name, tuple(view.shape), tuple(s // size for s in view.strides), data, -low)


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

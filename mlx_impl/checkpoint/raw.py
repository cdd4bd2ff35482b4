"""A tensor as a file has it: dtype, shape, bytes. No framework."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from . import limits
from .errors import CheckpointError

ITEMSIZE = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U64": 8,
    "U32": 4,
    "U16": 2,
    "U8": 1,
    "BOOL": 1,
}
"""Bytes of one element, by the name that safetensors gives a dtype."""

UNSIGNED: dict[int, Literal["B", "H", "I", "Q"]] = {1: "B", 2: "H", 4: "I", 8: "Q"}
"""What a memoryview calls unsigned integers of so many bytes."""

FLOATS = ("F64", "F32", "F16", "BF16")


@dataclass(frozen=True)
class Raw:
    """One tensor: contiguous, little-endian, last axis fastest."""

    dtype: str
    shape: tuple[int, ...]
    data: memoryview

    def __post_init__(self) -> None:
        if self.data.nbytes != count(self.shape) * ITEMSIZE[self.dtype]:
            raise CheckpointError(
                f"{self.data.nbytes} bytes for shape {self.shape} of {self.dtype}, "
                f"which needs {count(self.shape) * ITEMSIZE[self.dtype]}"
            )


def count(shape: Sequence[int]) -> int:
    """How many elements a shape has."""
    n = 1
    for size in shape:
        n *= size
    return n


def checked_shape(what: str, shape: object) -> tuple[int, ...]:
    """A shape that a file gives, as a tuple.

    Raises: CheckpointError if it is not a list of at most 16 non-negative integers below 2⁴⁸.
    """
    if (
        not isinstance(shape, list | tuple)
        or len(shape) > limits.AXES
        or not all(type(n) is int and 0 <= n < 1 << 48 for n in shape)
    ):
        shown = repr(shape)[:60] if isinstance(shape, list | tuple) and len(shape) <= limits.AXES else "…"
        raise CheckpointError(
            f"{what}: shape {shown}, expected at most {limits.AXES} sizes from 0 up; the file is malformed"
        )
    return tuple(shape)

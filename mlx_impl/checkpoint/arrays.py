"""Between tensors of a file and MLX arrays, bit for bit."""

from collections.abc import Mapping
from typing import Any

import mlx.core as mx

from .errors import CheckpointError
from .raw import FLOATS, UNSIGNED, Raw

DTYPES = {
    "F64": mx.float64,
    "F32": mx.float32,
    "F16": mx.float16,
    "BF16": mx.bfloat16,
    "I64": mx.int64,
    "I32": mx.int32,
    "I16": mx.int16,
    "I8": mx.int8,
    "U64": mx.uint64,
    "U32": mx.uint32,
    "U16": mx.uint16,
    "U8": mx.uint8,
    "BOOL": mx.bool_,
}
_UNSIGNED = {1: mx.uint8, 2: mx.uint16, 4: mx.uint32, 8: mx.uint64}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


def to_array(raw: Raw) -> mx.array:
    """A copy of a tensor's bits as an array; float64 lives on MLX's CPU only."""
    dtype = DTYPES[raw.dtype]
    if raw.data.nbytes == 0:
        return mx.zeros(raw.shape, dtype=dtype)
    data = raw.data.cast("B")
    if raw.dtype == "F64":
        with mx.stream(mx.cpu):
            found = mx.reshape(mx.view(bits_of(data, 8), mx.float64), raw.shape)
            mx.eval(found)
        return found
    return mx.reshape(mx.view(bits_of(data, dtype.size), dtype), raw.shape)


def bits_of(data: memoryview, size: int) -> mx.array:
    """Bytes as unsigned integers of `size` bytes each: (n,)."""
    items: Any = data.cast("B").cast(UNSIGNED[size])  # MLX takes buffers, its types do not say so
    return mx.array(items, dtype=_UNSIGNED[size])


def bytes_of(x: mx.array) -> memoryview:
    """The bytes of an array, its last axis fastest."""
    with mx.stream(mx.cpu):
        flat: Any = mx.view(mx.reshape(mx.contiguous(x), (x.size,)), mx.uint8)
        mx.eval(flat)
    return memoryview(flat)  # noqa: MXP202 a file wants the bytes on the host


def from_array(x: mx.array) -> Raw:
    """A tensor with an array's bits.

    Raises: CheckpointError if files have no such dtype.
    """
    if x.dtype not in _NAMES:
        raise CheckpointError(f"dtype {x.dtype} cannot be written")
    if x.size == 0:
        return Raw(_NAMES[x.dtype], tuple(x.shape), memoryview(b""))
    return Raw(_NAMES[x.dtype], tuple(x.shape), bytes_of(x))


def cast(x: mx.array, dtype: mx.Dtype | None) -> mx.array:
    """A floating array in another format, rounded to nearest; anything else as it is."""
    if dtype is None or x.dtype == dtype or not mx.issubdtype(x.dtype, mx.floating):
        return x
    with mx.stream(mx.cpu):
        found = mx.astype(x, dtype)
        mx.eval(found)
    return found


def nonfinite(tensors: Mapping[str, Raw]) -> list[str]:
    """The names of floating tensors with a NaN or an infinity."""
    found = []
    for name, raw in tensors.items():
        if raw.dtype in FLOATS and raw.data.nbytes:
            with mx.stream(mx.cpu):
                if not mx.all(mx.isfinite(to_array(raw))).item():  # noqa: MXP201 reading, not computing
                    found.append(name)
    return found

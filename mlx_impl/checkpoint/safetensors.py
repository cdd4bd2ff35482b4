"""Safetensors files: eight bytes of length, a JSON header, the tensors back to back."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import limits
from .errors import CheckpointError
from .files import mapped, parse_json
from .raw import ITEMSIZE, Raw, checked_shape, count

_ENTRY = {"dtype", "shape", "data_offsets"}


def read(path: Path) -> tuple[dict[str, Raw], dict[str, str]]:
    """The tensors of a file by name, mapped and not copied, and its metadata.

    Raises: CheckpointError if the header lies: about its own length, a tensor's place or size, with
        tensors that overlap or leave holes, names that come twice, or a file that is too short or long.
    Source: the format's description in the safetensors package, whose rules these are.
    """
    data = mapped(path)
    if data.nbytes < 8:
        raise CheckpointError(f"{path} has {data.nbytes} bytes, too few for a safetensors file")
    length = struct.unpack("<Q", data[:8])[0]
    if length > limits.HEADER:
        swapped = struct.unpack(">Q", data[:8])[0]
        hint = "; it looks written big-endian" if swapped <= limits.HEADER else ""
        raise CheckpointError(
            f"{path}: a header of {length:,} bytes, at most {limits.HEADER:,} are read{hint}; "
            "it is not a safetensors file, or damaged"
        )
    if 8 + length > data.nbytes:
        raise CheckpointError(
            f"{path} is truncated: its header has {length:,} bytes, only {data.nbytes - 8:,} follow"
        )
    header = parse_json(f"the header of {path}", bytes(data[8 : 8 + length]))
    if not isinstance(header, dict):
        raise CheckpointError(f"the header of {path} is not an object of names")
    metadata = _metadata(path, header.pop("__metadata__", {}))
    if len(header) > limits.TENSORS:
        raise CheckpointError(f"{path} has {len(header):,} tensors, at most {limits.TENSORS:,} are read")
    body = data[8 + length :]
    places = {name: _place(path, name, entry, body.nbytes) for name, entry in header.items()}
    _check_order(path, places, body.nbytes)
    tensors = {
        name: Raw(dtype, shape, body[begin:end]) for name, (dtype, shape, begin, end) in places.items()
    }
    return tensors, metadata


def _metadata(path: Path, found: Any) -> dict[str, str]:
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise CheckpointError(f"the metadata of {path} is not an object of texts")
    return found


def _place(path: Path, name: str, entry: Any, size: int) -> tuple[str, tuple[int, ...], int, int]:
    what = f"{path}: tensor {name[:120]!r}"
    if not isinstance(entry, dict) or set(entry) != _ENTRY:
        raise CheckpointError(f"{what} has not just dtype, shape and data_offsets; the file is malformed")
    dtype, offsets = entry["dtype"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEMSIZE:
        raise CheckpointError(f"{what} has dtype {str(dtype)[:20]!r}, known are {', '.join(ITEMSIZE)}")
    shape = checked_shape(what, entry["shape"])
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(type(n) is int for n in offsets):
        raise CheckpointError(f"{what}: data_offsets are not two integers; the file is malformed")
    begin, end = offsets
    if not 0 <= begin <= end:
        raise CheckpointError(f"{what}: data_offsets {begin} to {end} are not a stretch of the file")
    if end > size:
        raise CheckpointError(
            f"{path} is truncated: tensor {name[:120]!r} ends at byte {end:,} of the data, there are {size:,}"
        )
    wanted = count(shape) * ITEMSIZE[dtype]
    if wanted != end - begin:
        raise CheckpointError(
            f"{what}: shape {shape} of {dtype} needs {wanted:,} bytes, data_offsets give {end - begin:,}; "
            "the header lies"
        )
    return dtype, shape, begin, end


def _check_order(path: Path, places: Mapping[str, tuple[str, tuple[int, ...], int, int]], size: int) -> None:
    """Tensors lie one after the other, without overlap, hole or rest."""
    at = 0
    for name, (_, _, begin, end) in sorted(places.items(), key=lambda item: item[1][2:]):
        if begin != at:
            what = "overlaps the one before it" if begin < at else "leaves a hole before it"
            raise CheckpointError(f"{path}: tensor {name[:120]!r} {what}; the header lies")
        at = end
    if at != size:
        raise CheckpointError(f"{path}: {size - at:,} bytes belong to no tensor; the file is malformed")


def write(path: Path, tensors: Mapping[str, Raw], metadata: Mapping[str, str]) -> None:
    """Write tensors in the order of their names, from the largest element down as the package does."""
    order = sorted(tensors, key=lambda name: (-ITEMSIZE[tensors[name].dtype], name))
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    at = 0
    for name in order:
        raw = tensors[name]
        end = at + raw.data.nbytes
        header[name] = {"dtype": raw.dtype, "shape": list(raw.shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for name in order:
            file.write(tensors[name].data)

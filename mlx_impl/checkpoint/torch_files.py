"""PyTorch's files, zip and the older format, read without PyTorch and without running anything in them."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx

from . import limits
from .arrays import bits_of, bytes_of
from .errors import CheckpointError
from .files import mapped
from .pickles import OTHER_STORAGES, Reader, Storage, View
from .raw import ITEMSIZE, Raw, count

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_ZIP = b"PK\x03\x04"
_LOCAL_HEADER = 30
_TAIL = (1 << 16) + 22 + 20 + 56  # a comment, and the ends of both kinds of list

_SIZES = ITEMSIZE | dict(OTHER_STORAGES.values())

Materialize = Callable[[View], Raw]


def looks_like(data: memoryview) -> bool:
    """Whether bytes begin as a file of ``torch.save`` does.

    A header's length may begin like a pickle; then the header's brace follows.
    """
    return bytes(data[:4]) == _ZIP or (bytes(data[:1]) == b"\x80" and bytes(data[8:9]) != b"{")


def read(path: Path) -> tuple[Any, Materialize]:
    """What a file holds, tensors as views, and the function that makes a view a tensor.

    Raises: CheckpointError if it is malformed, compressed, big-endian, or asks for code.
    Source: ``torch.save``; the older format is that of PyTorch before 1.6.
    """
    data = mapped(path)
    return _read_zip(path, data) if bytes(data[:4]) == _ZIP else _read_old(path, data)


def _read_zip(path: Path, data: memoryview) -> tuple[Any, Materialize]:
    entries = _entries(path, data)
    pickles = [name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise CheckpointError(
            f"{path} is a zip file, but not one of torch.save: {len(pickles)} data.pkl in it"
        )
    top = pickles[0].partition("/")[0]
    if any(name.startswith(f"{top}/code/") for name in entries):
        raise CheckpointError(f"{path} is TorchScript, a program; save the model's state_dict")
    order = bytes(entries.get(f"{top}/byteorder", memoryview(b"little")))
    if order != b"little":
        raise CheckpointError(f"{path}: byte order {order[:16]!r}; save it again on a little-endian machine")
    if entries[pickles[0]].nbytes > limits.PICKLE:
        raise CheckpointError(
            f"{path}: a pickle of more than {limits.PICKLE:,} bytes; save the state_dict alone"
        )
    value = Reader(str(path), bytes(entries[pickles[0]])).load()

    def storage(wanted: Storage) -> memoryview:
        found = entries.get(f"{top}/data/{wanted.key}")
        if found is None:
            raise CheckpointError(f"{path} has no storage {wanted.key[:40]!r} that its pickle speaks of")
        return found

    return value, _Views(path, storage, data.nbytes)


def _entries(path: Path, data: memoryview) -> dict[str, memoryview]:
    """The members of a zip file by name: stored as they are, apart from each other, undamaged."""
    _refuse_long_directory(path, data)
    try:
        with zipfile.ZipFile(path) as archive:
            found = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} is truncated or damaged: {str(error)[:120]}") from None
    except (struct.error, IndexError, OverflowError) as error:  # of fields that lie
        raise CheckpointError(f"{path} is damaged: its list of members cannot be read ({error})") from None
    if len(found) > limits.TENSORS:
        raise CheckpointError(f"{path} has {len(found):,} members, at most {limits.TENSORS:,} are read")
    if sum(info.file_size for info in found) > data.nbytes:
        raise CheckpointError(
            f"{path} has {data.nbytes:,} bytes, its members {sum(i.file_size for i in found):,}: "
            "compressed or overlapping, as torch.save never writes"
        )
    entries: dict[str, memoryview] = {}
    for info in found:
        name = info.filename
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise CheckpointError(
                f"{path}: member {name[:80]!r} is compressed or encrypted; torch.save does neither"
            )
        if _leads_out(name) or stat.S_ISLNK(info.external_attr >> 16):
            raise CheckpointError(
                f"{path}: member {name[:80]!r} leads out of the file, as none of torch.save does; "
                "whoever unpacks it may lose files"
            )
        if name in entries:
            raise CheckpointError(f"{path}: member {name[:80]!r} is there twice; which is meant?")
        entries[name] = _member(path, data, info)
    return entries


def _leads_out(name: str) -> bool:
    """Whether a member would be unpacked elsewhere: ``/a``, ``../a``, ``C:a``."""
    parts = name.replace("\\", "/").split("/")
    return not parts[0] or ".." in parts or ":" in parts[0]


def _refuse_long_directory(path: Path, data: memoryview) -> None:
    """Raises: CheckpointError if the list of members, which is read whole, is longer than any of weights.

    Or if it is not the end of the file.
    """
    tail = bytes(data[-_TAIL:])
    plain = tail[-22:-18] == b"PK\5\6" and tail[-2:] == b"\0\0"
    at = len(tail) - 22 if plain else tail.rfind(b"PK\5\6")
    if at < 0 or at + 22 > len(tail):
        return  # not whole: what reads it says so
    comment = struct.unpack("<H", tail[at + 20 : at + 22])[0]
    if (rest := len(tail) - at - 22 - comment) > 0:
        raise CheckpointError(f"{path}: {rest:,} bytes after the end of the zip file; the file is malformed")
    count, size = struct.unpack("<HI", tail[at + 10 : at + 16])
    wide = at - 76  # where zipfile looks for the end of a wide list: before its locator
    if wide >= 0 and tail[wide : wide + 4] == b"PK\6\6" and tail[wide + 56 : wide + 60] == b"PK\6\7":
        count, size = struct.unpack("<QQ", tail[wide + 32 : wide + 48])
    if count > limits.TENSORS:
        raise CheckpointError(
            f"{path} has {count:,} members, at most {limits.TENSORS:,} are read; save the state_dict alone"
        )
    if size > limits.DIRECTORY:
        raise CheckpointError(
            f"{path}: a list of members of {size:,} bytes, at most {limits.DIRECTORY:,} are read; "
            "save the state_dict alone"
        )


def _member(path: Path, data: memoryview, info: zipfile.ZipInfo) -> memoryview:
    at = info.header_offset
    header = bytes(data[at : at + _LOCAL_HEADER]) if at >= 0 else b""
    if len(header) < _LOCAL_HEADER or header[:4] != _ZIP:
        raise CheckpointError(f"{path} is damaged: member {info.filename[:80]!r} is not where it should be")
    begin = at + _LOCAL_HEADER + sum(struct.unpack("<HH", header[26:30]))
    member = data[begin : begin + info.file_size]
    if member.nbytes != info.file_size or info.compress_size != info.file_size:
        raise CheckpointError(f"{path} is truncated: member {info.filename[:80]!r} is cut off")
    if zlib.crc32(member) != info.CRC:
        raise CheckpointError(
            f"{path} is damaged: the checksum of {info.filename[:80]!r} is wrong (or was never "
            "written, as with torch.serialization.set_crc32_options(False): then save it again)"
        )
    return member


def _read_old(path: Path, data: memoryview) -> tuple[Any, Materialize]:
    """Five pickles (magic, version, system, value, keys), then each storage: its count and its numbers."""
    reader = Reader(str(path), bytes(data[: limits.PICKLE]))
    if reader.load() != _MAGIC:
        raise CheckpointError(
            f"{path} is a pickle, but not one of torch.save; save a state_dict with torch.save"
        )
    version, system = reader.load(), reader.load()
    if type(version) is not int or not isinstance(system, dict):
        raise CheckpointError(
            f"{path}: a version that is a {type(version).__name__} and a system that is a "
            f"{type(system).__name__}, expected int and dict; the file is malformed"
        )
    if version != _PROTOCOL:
        shown = str(version) if abs(version) < 1 << 64 else "of many digits"
        raise CheckpointError(f"{path}: version {shown} of the old format, known is {_PROTOCOL}")
    if system.get("little_endian") is not True:
        raise CheckpointError(f"{path} was written big-endian; save it again on a little-endian machine")
    value, keys = reader.load(), reader.load()
    if not isinstance(keys, list) or len(keys) > limits.TENSORS or not all(isinstance(k, str) for k in keys):
        raise CheckpointError(f"{path}: its list of storages is malformed")
    stretches: dict[str, tuple[int, int]] = {}
    at = reader.position
    for key in keys:
        if at + 8 > data.nbytes:
            raise CheckpointError(f"{path} is truncated before storage {key[:40]!r}")
        n = struct.unpack("<q", data[at : at + 8])[0]
        if key in stretches or key not in reader.storages:
            raise CheckpointError(f"{path}: storage {key[:40]!r} comes twice, or belongs to no tensor")
        end = at + 8 + n * _SIZES[reader.storages[key].dtype]
        if n < 0 or end > data.nbytes:
            raise CheckpointError(f"{path} is truncated: storage {key[:40]!r} says {n:,} numbers")
        stretches[key] = (at + 8, end)
        at = end
    if at != data.nbytes:
        raise CheckpointError(
            f"{path}: {data.nbytes - at:,} bytes after the last storage; the file is malformed"
        )

    def storage(wanted: Storage) -> memoryview:
        if wanted.key not in stretches:
            raise CheckpointError(f"{path} has no storage {wanted.key[:40]!r} that its pickle speaks of")
        begin, end = stretches[wanted.key]
        return data[begin:end]

    return value, _Views(path, storage, data.nbytes)


class _Views:
    """Makes views into tensors, which are together at most `limits.UNFOLDED` times as large as the file."""

    def __init__(self, path: Path, storage: Callable[[Storage], memoryview], budget: int) -> None:
        self._path = path
        self._storage = storage
        self._budget = limits.UNFOLDED * budget

    def __call__(self, view: View) -> Raw:
        """Raises: CheckpointError if the view reaches past its storage or repeats it."""
        size = ITEMSIZE[view.storage.dtype]
        data = self._storage(view.storage)
        n = count(view.shape)
        if n == 0:
            return Raw(view.storage.dtype, view.shape, memoryview(b""))
        last = view.offset + sum((k - 1) * s for k, s in zip(view.shape, view.strides, strict=True))
        if (last + 1) * size > data.nbytes or view.storage.count * size != data.nbytes:
            raise CheckpointError(
                f"{self._path}: a tensor of shape {view.shape} reaches to element {last:,} of storage "
                f"{view.storage.key[:40]!r}, which has {data.nbytes // size:,}; truncated, or the sizes lie"
            )
        self._budget -= n * size  # every view: each becomes an array of its own
        if self._budget < 0:
            raise CheckpointError(
                f"{self._path}: its tensors unfold to more than {limits.UNFOLDED} times the file; "
                "save contiguous copies"
            )
        if _contiguous(view):
            begin = view.offset * size
            return Raw(view.storage.dtype, view.shape, data[begin : begin + n * size])
        return Raw(view.storage.dtype, view.shape, _gathered(data, view, size))


def _contiguous(view: View) -> bool:
    expected = 1
    for n, stride in zip(reversed(view.shape), reversed(view.strides), strict=True):
        if n != 1 and stride != expected:
            return False
        expected *= n
    return True


def _gathered(data: memoryview, view: View, size: int) -> memoryview:
    """The elements of a strided view, one after the other."""
    return bytes_of(mx.as_strided(bits_of(data, size), view.shape, view.strides, view.offset))

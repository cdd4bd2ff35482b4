"""Whether a PyTorch file asks for more than a file of its size may, seen before PyTorch's loader reads it.

A loader that runs nothing still does what it is told: list a million members, build lists of lists without
end, compare keys that unfold for ever. Here the lists are measured, and the instructions of pickles are gone
through without a value being made.
"""

import io
import pickletools
import struct
import zipfile
from pathlib import Path
from typing import Any

from torch import Tensor

MEMBERS = 20_000
"""Members of a zip file; the largest published checkpoint has 800."""

DIRECTORY = 8 << 20
"""Bytes of its list of members."""

PICKLE = 64 << 20
"""Bytes of pickles, tensors not counted."""

OPCODES = 1_000_000
"""Instructions of the pickles of a file."""

WEIGHT = 10_000_000
"""Values that are put anywhere, everything within a value counted each time."""

UNFOLDED = 4
"""Times the size of the file that its tensors may take: a tied one stands there under three names."""

_TAIL = (1 << 16) + 98
_PICKLES = 5
"""In a file of the older format: magic number, version, system, value, list of storages."""


class TooMuchError(ValueError):
    """What a file asks for, and how much it may."""


def check(path: Path) -> None:
    """Look through a file of ``torch.save``.

    Raises: TooMuchError; or whatever reading a damaged file raises.
    """
    with path.open("rb") as file:
        is_zip = file.read(4) == b"PK\x03\x04"
        if not is_zip:
            file.seek(0)
            _pickles(file.read(PICKLE), _PICKLES)
            return
    _directory(path)
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        size = path.stat().st_size
        packed = any(m.compress_type != zipfile.ZIP_STORED for m in members)
        if packed or sum(m.file_size for m in members) > size:
            raise TooMuchError("it is compressed, as torch.save never writes; save it again")
        for member in members:
            if member.filename.endswith("/data.pkl"):
                if member.file_size > PICKLE:
                    raise TooMuchError(f"a pickle of more than {PICKLE:,} bytes; save the state_dict alone")
                _pickles(archive.read(member), 1)


def check_sizes(path: Path, tensors: dict[str, Tensor]) -> None:
    """Raises: TooMuchError if tensors are views that unfold to far more than the file has."""
    total = sum(x.numel() * x.element_size() for x in tensors.values())
    if total > UNFOLDED * path.stat().st_size:
        raise TooMuchError(
            f"its tensors unfold to more than {UNFOLDED} times the file; save contiguous copies"
        )


def _directory(path: Path) -> None:
    """The list of members says at the file's end how long it is."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if tail.endswith(b"\x00\x00") and tail[-22:].startswith(b"PK\x05\x06"):
        end = len(tail) - 22  # no comment behind it
    if end < 0 or len(tail) < end + 22:
        return  # not whole, which zipfile says
    count, size = struct.unpack_from("<HI", tail, end + 10)
    if (
        end >= 76
        and tail[end - 20 :].startswith(b"PK\x06\x07")
        and tail[end - 76 :].startswith(b"PK\x06\x06")
    ):
        count, size = struct.unpack_from("<QQ", tail, end - 76 + 32)
    if count > MEMBERS or size > DIRECTORY:
        raise TooMuchError(
            f"it lists {count:,} members in {size:,} bytes, at most {MEMBERS:,} in {DIRECTORY:,} are read; "
            "save the state_dict alone"
        )


class _Value:
    """A value that is not made: how many there are in it."""

    __slots__ = ("weight",)

    def __init__(self, weight: int = 1) -> None:
        self.weight = weight


_MARK = _Value(0)


def _pickles(data: bytes, n: int) -> None:
    """Go through pickles that follow each other."""
    stream = io.BytesIO(data)
    machine = _Machine()
    for _ in range(n):
        machine.run(stream)


class _Machine:
    """Does to the stack what the instructions do, with nothing but weights on it."""

    def __init__(self) -> None:
        self.steps = 0
        self.budget = WEIGHT

    def run(self, stream: io.BytesIO) -> None:
        """One pickle.

        Raises: TooMuchError, IndexError or ValueError.
        """
        self.stack: list[_Value] = []
        self.memo: dict[Any, _Value] = {}
        for opcode, argument, _ in pickletools.genops(stream):
            self.steps += 1
            if self.steps > OPCODES:
                raise TooMuchError(f"its pickles have more than {OPCODES:,} instructions")
            self._step(opcode, argument)

    def _step(self, opcode: Any, argument: Any) -> None:
        name = opcode.name
        if name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[argument] = self.stack[-1]
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            if argument not in self.memo:
                raise ValueError(f"its pickle takes value {argument} before it is there")
            self._push(self.memo[argument])
        elif name == "DUP":
            self._push(self.stack[-1])
        elif name == "BUILD":
            self._into(self.stack[-2], [self.stack.pop()])
        elif name in ("APPEND", "SETITEM"):
            taken = [self.stack.pop() for _ in range(1 if name == "APPEND" else 2)]
            self._into(self.stack[-1], taken)
        elif name in ("APPENDS", "SETITEMS", "ADDITEMS"):
            taken = self._to_mark()
            self._into(self.stack[-1], taken)
        else:
            taken = self._taken(opcode.stack_before)
            for _ in opcode.stack_after:
                marks = opcode.stack_after[0] is pickletools.markobject
                self._push(_MARK if marks else _Value(1 + sum(v.weight for v in taken)))

    def _taken(self, before: list[Any]) -> list[_Value]:
        if pickletools.markobject in before:
            taken = self._to_mark()
            above = before.index(pickletools.markobject)
            return taken + [self.stack.pop() for _ in range(above)]
        return [self.stack.pop() for _ in before]

    def _to_mark(self) -> list[_Value]:
        taken = []
        while (value := self.stack.pop()) is not _MARK:
            taken.append(value)
        return taken

    def _into(self, whole: _Value, taken: list[_Value]) -> None:
        whole.weight += sum(v.weight for v in taken)
        self._spend(0 if whole.weight <= WEIGHT else whole.weight)

    def _push(self, value: _Value) -> None:
        self.stack.append(value)
        self._spend(value.weight)

    def _spend(self, weight: int) -> None:
        self.budget -= weight
        if self.budget < 0:
            raise TooMuchError(
                f"its pickles unfold to more than {WEIGHT:,} values; save the state_dict alone"
            )

"""Arrays that nobody needs for a while, in a file."""

import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from parity.dtypes import AnyArray


@dataclass(frozen=True)
class Spilled:
    """Where an array lies in the file, and what it is."""

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]


class Spill:
    """A temporary file of arrays, gone with the object.

    Args:
        folder: where the file is; by default where the system has temporary files, which may be memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 open as long as this lives
        weakref.finalize(self, self._file.close)
        self._end = 0

    def put(self, x: AnyArray) -> Spilled:
        """Write an array."""
        place = Spilled(self._end, x.shape, x.dtype)
        rest = memoryview(np.ascontiguousarray(x).reshape(-1).view(np.uint8).data)
        self._file.seek(self._end)
        self._end += len(rest)
        while rest:
            rest = rest[self._file.write(rest) :]
        return place

    def get(self, place: Spilled) -> AnyArray:
        """Read it back, bit for bit."""
        found: AnyArray = np.empty(place.shape, place.dtype)
        rest = memoryview(found.reshape(-1).view(np.uint8).data)
        self._file.seek(place.offset)
        while rest:
            n = self._file.readinto(rest)
            if not n:
                raise OSError("a temporary file of a trace is shorter than what was written to it")
            rest = rest[n:]
        return found

"""Compiled kernels by the hash of all that made them. Many processes may use one cache at once."""

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

LIMIT_BYTES = 512 << 20
"""The least recently used go when the cache grows beyond this."""


def cache_dir() -> Path:
    """``PARITY_CACHE``, or the user's cache directory."""
    if where := os.environ.get("PARITY_CACHE"):
        return Path(where) / "msl"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "parity" / "msl"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "parity" / "msl"


def digest(*parts: str) -> str:
    """A name for content: parts are kept apart, so that nothing moves between them unseen."""
    h = hashlib.sha256()
    for part in parts:
        data = part.encode()
        h.update(len(data).to_bytes(8, "little"))
        h.update(data)
    return h.hexdigest()[:40]


def get(key: str, make: Callable[[Path], None], *, limit: int = LIMIT_BYTES) -> Path:
    """The file of that key; `make` writes it where it is told if there is none yet.

    It is written aside and renamed, so that another process sees all of it or nothing. Two that make the same
    file at once both succeed.
    """
    path = cache_dir() / key[:2] / key
    if path.exists():
        with contextlib.suppress(OSError):
            os.utime(path)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(prefix=".making-", dir=path.parent)
    os.close(handle)
    try:
        make(Path(aside))
        Path(aside).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(aside).unlink()
        raise
    prune(limit)
    return path


def prune(limit: int = LIMIT_BYTES) -> int:
    """Remove the least recently used files until the cache fits; how many went."""
    found = []
    for path in cache_dir().glob("*/*"):
        with contextlib.suppress(OSError):
            status = path.stat()
            found.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in found)
    removed = 0
    for _, size, path in sorted(found):
        if total <= limit:
            break
        with contextlib.suppress(OSError):
            path.unlink()
            removed += 1
        total -= size
    return removed

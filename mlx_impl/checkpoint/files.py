"""Bytes of files: mapped for reading; written beside and renamed."""

import errno
import hashlib
import json
import mmap
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import CheckpointError


def usable(path: Path) -> Path:
    """A path that the system can look up, whether or not something is there.

    Raises: CheckpointError if it cannot: a name too long, a folder without permission, a zero byte.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return path
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        shown = str(path) if len(str(path)) <= 120 else f"…{str(path)[-120:]}"
        raise CheckpointError(f"{shown!r} cannot be looked up: {why}; give another name") from None
    return path


def mapped(path: Path) -> memoryview:
    """The bytes of a file, read where they are looked at.

    Raises: CheckpointError if it is not a regular file that can be read, or empty.
    """
    try:
        if not path.is_file():
            raise CheckpointError(f"{path} is not a file; give a file of weights or a folder with one")
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise CheckpointError(f"{path} is empty; it was not copied or downloaded whole")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error


def sha256(path: Path) -> str:
    """The SHA-256 digest of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path, most: int) -> Any:
    """A JSON document of at most `most` bytes.

    Raises: CheckpointError if it is larger, not JSON, nested too deeply, has a key twice or NaN.
    """
    data = mapped(path)
    if data.nbytes > most:
        raise CheckpointError(f"{path} has {data.nbytes:,} bytes, more than the {most:,} that it may have")
    return parse_json(str(path), bytes(data))


def parse_json(what: str, data: bytes) -> Any:
    """A JSON document, as strict as the format.

    Raises: CheckpointError that begins with `what`.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            double = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise CheckpointError(f"{what}: the key {double[:80]!r} stands there twice; which is meant?")
        return found

    def no_constant(text: str) -> Any:
        raise CheckpointError(f"{what}: {text} is not JSON; write a number")

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_constant=no_constant)
    except CheckpointError:
        raise
    except RecursionError:
        raise CheckpointError(f"{what}: nested too deeply to be what it should be") from None
    except ValueError as error:  # not UTF-8, not JSON, or an integer of thousands of digits
        raise CheckpointError(f"{what} is not JSON: {str(error)[:120]}") from None


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raises: CheckpointError if there is something at a path, unless `force`."""
    if not force and os.path.lexists(path):
        raise CheckpointError(f"{path} exists; give another name, or replace it with --force")


def write_whole(
    path: Path, write: Callable[[Path], None], *, folder: tuple[str, ...] = (), force: bool
) -> None:
    """Have `write` make a file or folder beside `path`, then give it that name: whole or not at all.

    Args:
        folder: the names that a folder may have in it, if it is one that is written; one that has others
            is not ours, and never replaced.

    Raises: CheckpointError if there is something at `path` and not `force`, or the disk refuses.
    """
    refuse_existing(path, force=force)
    _refuse_others(path, folder)
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if folder:
            part = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        else:
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            os.close(handle)
            part = Path(name)
        write(part)
        umask = os.umask(0)  # temporary files are for their owner alone; results are not
        os.umask(umask)
        part.chmod((0o777 if folder else 0o666) & ~umask)
        (_put_folder if folder else _put_file)(part, path, force)
        part = None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True) if folder else part.unlink(missing_ok=True)


def _refuse_others(path: Path, folder: tuple[str, ...]) -> None:
    """Raises: CheckpointError if what is at a path is not what would be put there."""
    if not os.path.lexists(path):
        return
    if path.is_symlink() or path.is_dir() != bool(folder):
        what = "a link" if path.is_symlink() else "a folder" if path.is_dir() else "a file"
        raise CheckpointError(f"{path} is {what}, which is not replaced; give another name")
    others = sorted(p.name for p in path.iterdir() if p.name not in folder) if folder else []
    if others:
        raise CheckpointError(
            f"{path} has {others[0]!r} in it, one of {len(others)} that this conversion does not write, "
            "and is not replaced; give another name"
        )


def _put_folder(part: Path, path: Path, force: bool) -> None:
    """Rename `part` to `path`; what was there before is gone only after."""
    if not force or not path.exists():
        part.rename(path)
        return
    aside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.old."))
    path.rename(aside / path.name)
    try:
        part.rename(path)
    except OSError:
        (aside / path.name).rename(path)
        aside.rmdir()
        raise
    shutil.rmtree(aside)


def _put_file(part: Path, path: Path, force: bool) -> None:
    if force:
        part.replace(path)
        return
    try:
        os.link(part, path)  # fails if something has come there meanwhile, as renaming would not
    except OSError as error:
        if error.errno == errno.EEXIST:
            raise
        refuse_existing(path, force=False)  # a file system without hard links
        part.rename(path)
    else:
        part.unlink()

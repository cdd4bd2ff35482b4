"""Which files to read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from parity.errors import EXIT_NOTHING_COLLECTED, ParityError, UsageError

_SKIPPED = frozenset(("__pycache__", "node_modules", "site-packages"))


class NothingToLintError(ParityError):
    """A path that holds no Python file."""

    exit_code = EXIT_NOTHING_COLLECTED


def python_files(paths: Iterable[Path]) -> list[Path]:
    """The files of some paths: those named, and every ``.py`` below those that are folders; each once.

    Hidden folders, caches and virtual environments below a folder are left out.

    Raises: UsageError if a path does not exist, NothingToLintError if one holds no Python file.
    """
    found: dict[str, Path] = {}
    for path in paths:
        if path.is_dir():
            inner = list(_below(path))
            if not inner:
                raise NothingToLintError(
                    f"there is no Python file in {str(path)!r}: nothing was checked; name another path"
                )
        elif path.is_file():
            inner = [path]
        else:
            raise UsageError(f"there is no file or folder {str(path)!r}")
        for file in inner:
            found.setdefault(os.path.realpath(file), file)
    return list(found.values())


def _below(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(
            f
            for f in folders
            if not f.startswith(".") and f not in _SKIPPED and not Path(where, f, "pyvenv.cfg").exists()
        )
        for name in sorted(files):
            file = Path(where, name)
            # A link that leads nowhere is a mistake to be told of; a pipe or a socket is none.
            if name.endswith(".py") and (file.is_file() or file.is_symlink()):
                yield file

"""The files that swaps need, copied beside the script that imports them."""

import importlib
import keyword
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from parity.swap import module_of_file

TAKEN = ("mlx", "mlx_impl", "numpy", "parity", "reference", "repro", "safetensors", "torch")


def carried(folder: Path, swaps: Sequence[str]) -> list[str]:
    """The swaps as they are with their files in `folder`: those given by a path, or found beside the command.

    What a file imports from its own folder goes with it. A file whose name cannot be imported, or is
    another's, gets one of its own.
    """
    names: dict[Path, str] = {}
    found = []
    for text in swaps:
        target, _, where = text.partition("=")
        location, _, function = where.rpartition(":")
        module = module_of_file(Path(location)) if location.endswith(".py") else _local(location)
        if module is not None and module.__file__:
            file = Path(module.__file__).resolve()
            if file not in names:
                names[file] = _name(file, set(names.values()))
                shutil.copyfile(file, folder / names[file])
                for other in _beside(module, file, {file}):
                    shutil.copyfile(other, folder / other.name)
            where = f"{names[file]}:{function}"
        found.append(f"{target}={where}")
    return found


def _local(location: str) -> ModuleType | None:
    """A module of one file that is not installed: only the folder or the path of this command has it."""
    module = importlib.import_module(location)
    file = Path(module.__file__ or "")
    installed = {"site-packages", "dist-packages"} & set(file.parts) or location in sys.stdlib_module_names
    return None if "." in location or installed or file.name == "__init__.py" else module


def _name(file: Path, taken: set[str]) -> str:
    stem = file.stem
    importable = stem.isidentifier() and not keyword.iskeyword(stem)
    free = importable and stem not in (*TAKEN, *sys.stdlib_module_names) and file.name not in taken
    return file.name if free else f"swap_{len(taken)}.py"


def _beside(module: ModuleType, file: Path, seen: set[Path]) -> Iterator[Path]:
    """The files of a folder that one of them imports, directly or not."""
    for value in vars(module).values():
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        other = sys.modules.get(name) if isinstance(name, str) else None
        where = getattr(other, "__file__", None)
        if other is None or not where or Path(where).resolve() in seen:
            continue
        if Path(where).resolve().parent == file.parent:
            seen.add(Path(where).resolve())
            yield Path(where).resolve()
            yield from _beside(other, file, seen)

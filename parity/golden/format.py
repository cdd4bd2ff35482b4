"""Golden cases on disk: ``<case>.json`` with the meaning, ``<case>.safetensors`` with the numbers.

Keys of the tensors: ``param/<name>``, ``input/<name>``, ``act/<module path>``, ``output`` or
``output/<name>``, the same with ``64`` in float64, ``cotangent`` or ``cotangent/<name>``,
``grad/<parameter>`` and ``grad_input/<argument>``, the same with ``64``.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401 - safetensors finds bfloat16 through it
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from parity.dtypes import AnyArray
from parity.errors import GoldenError
from parity.files import write_text

GROUPS = ("param", "input", "act", "output", "output64", "cotangent", "grad", "grad64", "grad_input",
          "grad_input64")  # fmt: skip


@dataclass(frozen=True)
class GoldenFile:
    """One case as it lies on disk."""

    name: str
    folder: Path
    meta: Mapping[str, Any]
    tensors: Mapping[str, AnyArray]

    def group(self, group: str) -> dict[str, AnyArray]:
        """The tensors of a group by name; a single unnamed one has the name ``output``."""
        named = {
            key[len(group) + 1 :]: value for key, value in self.tensors.items() if key.startswith(group + "/")
        }
        return named or ({"output": self.tensors[group]} if group in self.tensors else {})


def paths(folder: Path, name: str) -> tuple[Path, Path]:
    """The two files of a case."""
    return folder / f"{name}.json", folder / f"{name}.safetensors"


def case_names(folder: Path) -> list[str]:
    """The cases in a folder: everything with a ``.json`` or a ``.safetensors`` but the index.

    Raises: GoldenError if there is no such folder.
    """
    if not folder.is_dir():
        raise GoldenError(f"there is no folder {str(folder)!r}; give one with golden cases")
    found = {p.stem for p in folder.glob("*.safetensors")}
    found |= {p.stem for p in folder.glob("*.json") if p.name not in ("index.json", "floors.json")}
    return sorted(found)


def read(folder: Path, name: str) -> GoldenFile:
    """A case from disk.

    Raises: GoldenError if a file is missing, is not what its name says, or has unknown keys.
    """
    meta_path, tensor_path = paths(folder, name)
    for path in (meta_path, tensor_path):
        if not path.is_file():
            raise GoldenError(
                f"golden case {name!r} has no {path.name}; restore it, or drop the case with "
                "'parity golden prune'"
            )
    try:
        meta = json.loads(meta_path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise GoldenError(f"{meta_path} is not JSON: {error}; capture the case again") from None
    if not isinstance(meta, dict):
        raise GoldenError(f"{meta_path} holds a {type(meta).__name__}, expected an object")
    try:
        tensors = load_file(tensor_path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise GoldenError(
            f"{tensor_path} is not a safetensors file: {error}; capture the case again"
        ) from None
    for key in tensors:
        if key.partition("/")[0] not in GROUPS:
            raise GoldenError(f"{tensor_path} has a tensor {key!r}; groups are {', '.join(GROUPS)}")
    return GoldenFile(name, folder, meta, tensors)


def write(folder: Path, name: str, meta: Mapping[str, Any], tensors: Mapping[str, AnyArray]) -> None:
    """Put a case on disk; each file appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    meta_path, tensor_path = paths(folder, name)
    packed = {k: np.ascontiguousarray(v) for k, v in sorted(tensors.items())}
    with tempfile.TemporaryDirectory(dir=folder) as room:
        part = Path(room) / tensor_path.name
        save_file(packed, part)
        os.replace(part, tensor_path)
    write_text(meta_path, json.dumps(dict(meta), indent=1, sort_keys=True) + "\n")


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()

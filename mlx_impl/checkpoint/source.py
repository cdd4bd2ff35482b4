"""A checkpoint on disk, in any of its forms, as tensors under canonical names."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from . import limits, safetensors, torch_files
from .configuration import checked_keys, read_keys
from .errors import CheckpointError
from .files import mapped, parse_json, read_json, usable
from .names import Canonical, canonical, unnest
from .pickles import View
from .raw import ITEMSIZE, Raw

INDICES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt")
BESIDE = (
    "training_args.bin",
    "optimizer.bin",
    "optimizer.pt",
    "scheduler.bin",
    "scheduler.pt",
    "rng_state.pth",
)
"""Files of a trainer that have the suffix of weights and are none."""


@dataclass(frozen=True)
class Source:
    """Everything that was read: tensors, their files, the configuration if there is one.

    `keys` are canonical configuration keys or None, `rest` the others of the file, `told_by` where they
    are from. `metadata` is that of our own files, and of safetensors.
    """

    path: Path
    files: tuple[Path, ...]
    form: str
    named: Canonical
    keys: Mapping[str, Any] | None
    told_by: str
    rest: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    root: Path | None = None

    @property
    def tensors(self) -> Mapping[str, Raw]:
        """The tensors by canonical name."""
        return self.named.tensors

    @property
    def folder(self) -> Path:
        """Where files beside the weights are looked for."""
        return self.path if self.path.is_dir() else self.path.parent

    def beside(self, name: str) -> Path | None:
        """A file of the folder, if it is there.

        Raises: CheckpointError if it is a link out of it.
        """
        path = self.folder / name
        if not os.path.lexists(path):
            return None
        inside = _inside(path, self.root or self.folder.resolve())
        return inside if inside.is_file() else None


def read(path: Path, *, config: Path | None = None, root: Path | None = None) -> Source:
    """Read a file of weights, or a folder with one or with shards and their index.

    Args:
        path: the file or folder.
        config: a config.json; none means the one beside the weights, if there is one.
        root: the folder that links may point into; none means the checkpoint's own.

    Raises: CheckpointError if anything about it is not as it should be; nothing in it is ever run.
    """
    path = usable(Path(path))
    index: dict[str, str] | None = None
    total: float | None = None
    if path.is_dir():
        root = (root or path).resolve()
        index_path = _index(path, root)
        if index_path is not None:
            index, total = _weight_map(index_path)
            files = tuple(_inside(path / name, root) for name in dict.fromkeys(index.values()))
        else:
            files = (_inside(_only_weights(path), root),)
    else:
        index_path = None
        files = (path,)
    tensors: dict[str, Raw] = {}
    metadata: dict[str, str] = {}
    form = ""
    nesting: tuple[str, ...] = ()
    for file in files:
        form, found, more, nesting = _one(file)
        if index is not None:
            _check_shard(file, found, index)
        twice = sorted(set(found) & set(tensors))
        if twice:
            raise CheckpointError(
                f"{file}: tensor {twice[0][:120]!r} is in another shard too; which is meant?"
            )
        tensors |= found
        metadata |= more
    if index is not None:
        _check_total(path, form, total, sum(raw.data.nbytes for raw in tensors.values()))
        form = f"{len(files)} shards of {form}"
    named = canonical(str(path), tensors)
    named = replace(named, nesting=nesting)
    keys, told_by, rest = _keys(path, config, root, metadata)
    sources = files if index_path is None else (index_path, *files)
    return Source(path, sources, form, named, keys, told_by, rest, metadata, root)


def _one(file: Path) -> tuple[str, dict[str, Raw], dict[str, str], tuple[str, ...]]:
    """The form of a file, its tensors, its metadata, and the keys that led to them."""
    data = mapped(file)
    if torch_files.looks_like(data):
        value, materialize = torch_files.read(file)
        found, nesting = unnest(str(file), value)
        if len(found) > limits.TENSORS:
            raise CheckpointError(f"{file} has {len(found):,} tensors, at most {limits.TENSORS:,} are read")
        views = {name: view for name, view in found.items() if isinstance(view, View)}
        for name, view in views.items():
            if view.storage.dtype not in ITEMSIZE:
                raise CheckpointError(
                    f"{file}: tensor {name[:120]!r} is of {view.storage.dtype[:40]}, which is not read; "
                    f"save it in one of {', '.join(ITEMSIZE)}, weights in float32, float16 or bfloat16"
                )
        form = "PyTorch zip" if bytes(data[:2]) == b"PK" else "PyTorch, old format"
        return form, {name: materialize(view) for name, view in views.items()}, {}, nesting
    tensors, metadata = safetensors.read(file)
    return "safetensors", tensors, metadata, ()


def _inside(file: Path, root: Path) -> Path:
    """A file of a folder that is no link out of it.

    Raises: CheckpointError if it is one.
    """
    try:
        real = file.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise CheckpointError(
            f"{file} is not there, or a link in a circle ({type(error).__name__})"
        ) from None
    if not real.is_relative_to(root):
        raise CheckpointError(
            f"{file} is a link out of the folder, to {real}; "
            "copy the file itself there, or give its real path"
        )
    return file


def _index(folder: Path, root: Path) -> Path | None:
    """The index of shards, if there is one; a whole file of weights goes before it."""
    if any((folder / name).exists() for name in WEIGHTS):
        return None
    found = [folder / name for name in INDICES if (folder / name).exists()]
    if len(found) > 1:
        raise CheckpointError(
            f"{folder} has {' and '.join(p.name for p in found)}; give the folder of one alone"
        )
    return _inside(found[0], root) if found else None


def _weight_map(path: Path) -> tuple[dict[str, str], float | None]:
    """Tensor → file of an index, every file a plain name; and the bytes of all, if it says so.

    Raises: CheckpointError if it is malformed or points out of the folder.
    """
    index = read_json(path, limits.HEADER)
    found = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(found, dict) or not found or not all(isinstance(v, str) for v in found.values()):
        raise CheckpointError(f"{path} has no weight_map from tensors to files")
    if len(found) > limits.TENSORS:
        raise CheckpointError(f"{path} lists {len(found):,} tensors, at most {limits.TENSORS:,} are read")
    for name in dict.fromkeys(found.values()):
        if not name or name in (".", "..") or "\0" in name or Path(name).name != name or "\\" in name:
            raise CheckpointError(
                f"{path} points to {name[:120]!r}: shards lie beside their index, under plain names"
            )
    about = index.get("metadata")
    total = about.get("total_size") if isinstance(about, dict) else None
    if total is not None and type(total) not in (int, float):
        raise CheckpointError(f"{path}: total_size is a {type(total).__name__}, expected a number of bytes")
    return found, total


def _check_total(path: Path, form: str, total: float | None, n: int) -> None:
    """Raises: CheckpointError if the tensors are not as large as their index says.

    PyTorch's shards may have a shared tensor under several names and count it once.
    """
    if total is None or total == n or (form != "safetensors" and 0 < total < n):
        return
    told = f"{total:,}" if abs(total) < 1 << 64 else "more than any file"
    raise CheckpointError(
        f"{path}: the index says {told} bytes (total_size), its shards have {n:,}; "
        "shards and index are of two checkpoints"
    )


def _check_shard(file: Path, tensors: Mapping[str, Raw], index: Mapping[str, str]) -> None:
    promised = {name for name, where in index.items() if where == file.name}
    missing, extra = sorted(promised - set(tensors)), sorted(set(tensors) - promised)
    if missing or extra:
        what = f"lacks {missing[0][:120]!r}" if missing else f"has {extra[0][:120]!r} besides"
        raise CheckpointError(
            f"{file} {what} ({len(missing)} missing, {len(extra)} more than the index says); "
            "shards and index are of two checkpoints"
        )


def _only_weights(folder: Path) -> Path:
    """The one file of weights in a folder.

    Raises: CheckpointError if there is none, or a choice.
    """
    for name in WEIGHTS:
        if (folder / name).exists() or (folder / name).is_symlink():
            return folder / name
    found = sorted(
        p for p in folder.iterdir() if p.suffix in SUFFIXES and p.name not in BESIDE and not p.is_dir()
    )
    if len(found) != 1:
        names = ", ".join(p.name for p in found[:6]) or "none"
        raise CheckpointError(
            f"{folder} has {len(found)} files of weights ({names}); give the one that you mean"
        )
    return found[0]


def _keys(
    path: Path, config: Path | None, root: Path | None, metadata: Mapping[str, str]
) -> tuple[dict[str, Any] | None, str, dict[str, Any]]:
    """Configuration keys, where they are from, and those without meaning to the model."""
    if config is None:
        beside = (path if path.is_dir() else path.parent) / "config.json"
        there = beside.exists() or beside.is_symlink()
        if "config" in metadata and not (path.is_dir() and there):  # our own file carries its own
            what = f"the metadata of {path}"
            found = parse_json(what, metadata["config"].encode())
            if not isinstance(found, dict):
                raise CheckpointError(f"{what} has a config that is no object of keys")
            return checked_keys(what, found)[0], what, _rest(what, metadata)
        if not there:
            return None, "", {}
        config = _inside(beside, root or beside.parent.resolve())
    keys, rest = read_keys(config)
    return keys, str(config), rest


def _rest(what: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    """What the config.json had besides of which one of our own files was made."""
    found = parse_json(what, metadata.get("config_besides", "{}").encode())
    if not isinstance(found, dict):
        raise CheckpointError(f"{what} has a config_besides that is no object of keys")
    return checked_keys(what, found)[1]


def quantization_of(source: Source) -> dict[str, Any] | None:
    """How the tensors of one of our own files are quantized, or None.

    Raises: CheckpointError if the file's metadata is malformed.
    """
    text = source.metadata.get("quantization")
    if text is None:
        return None
    found = parse_json(f"the metadata of {source.path}", text.encode())
    if (
        not isinstance(found, dict)
        or set(found) != {"bits", "group_size", "layers"}
        or found["bits"] not in (4, 8)
        or found["group_size"] not in (32, 64, 128)
        or not isinstance(found["layers"], list)
        or not all(isinstance(name, str) for name in found["layers"])
        or len(set(found["layers"])) < len(found["layers"])
    ):
        raise CheckpointError(
            f"the metadata of {source.path} has a quantization that cannot be: {json.dumps(found)[:80]}"
        )
    return found

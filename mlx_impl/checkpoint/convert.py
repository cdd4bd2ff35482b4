"""From any form of checkpoint to the port's safetensors, and back to canonical ones."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata as packages
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten

from mlx_impl.weights import key_map

from . import arrays, safetensors
from .errors import CheckpointError
from .files import refuse_existing, sha256, usable, write_whole
from .load import Assembled, assemble
from .quantized import Quantization, quantize
from .raw import Raw
from .source import Source, quantization_of, read

DTYPES = {"float32": mx.float32, "float16": mx.float16, "bfloat16": mx.bfloat16}
TARGETS = ("mlx", "canonical")
WEIGHTS, CONFIG = "model.safetensors", "config.json"
TOKENIZER = ("tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json")
_LARGEST_TEXT = 64 << 20


@dataclass(frozen=True)
class Conversion:
    """What was read, inferred, assumed, left out and written."""

    source: Source
    assembled: Assembled
    out: Path
    target: str
    written: Mapping[str, Raw]
    digests: Mapping[str, str]
    quantization: Quantization | None = None
    copied: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)


def convert(
    path: Path | str,
    out: Path | str,
    *,
    config: Path | None = None,
    root: Path | None = None,
    dtype: str | None = None,
    bits: int | None = None,
    group_size: int = 64,
    length: int | None = None,
    way: str = "canonical",
    target: str = "mlx",
    strict: bool = True,
    force: bool = False,
) -> Conversion:
    """Write a checkpoint anew: for the port, or (`target` ``canonical``) under every canonical name.

    `out` is a file if it ends in ``.safetensors``, else a folder with model.safetensors, config.json and the
    tokenizer's files. It is written beside and renamed, whole or not at all.

    Args:
        dtype: ``float32``, ``float16`` or ``bfloat16``; none keeps what the file has.
        bits, group_size: pack the large matrices, see `quantize`.
        length, way: extend the position tables, see `extend_positions`.
        strict: whether names that do not fit are an error; a model with parameters at their initial
            values is never written.
        force: whether `out` may be replaced, if it has nothing in it but what is written now.

    Raises: CheckpointError; then nothing has been written.
    """
    out, path = usable(Path(out)), usable(Path(path))
    refuse_existing(out, force=force)
    if out.exists() and (path.resolve() == out.resolve() or path.resolve().is_relative_to(out.resolve())):
        raise CheckpointError(f"{out} is where the checkpoint itself is; give another name")
    if dtype is not None and dtype not in DTYPES:
        raise CheckpointError(f"dtype {dtype!r}, known are {', '.join(DTYPES)}")
    if target not in TARGETS:
        raise CheckpointError(f"target {target!r}, known are {', '.join(TARGETS)}")
    if bits is not None and target == "canonical":
        raise CheckpointError("a canonical checkpoint has no packed weights: leave --quantize out")
    source = read(path, config=config, root=root)
    if quantization_of(source) is not None:
        raise CheckpointError(
            f"{source.path} is quantized already, which cannot be undone; convert the original"
        )
    digests = {file.name: sha256(file) for file in source.files}
    made = assemble(
        source, dtype=None if dtype is None else DTYPES[dtype], length=length, way=way, strict=strict
    )
    if made.loaded.never_loaded:
        raise CheckpointError(
            f"{source.path} has nothing for {', '.join(made.loaded.never_loaded[:5])}: "
            "a model with parameters at their initial values is not written"
        )
    packed = None if bits is None else quantize(made.model, bits, group_size=group_size)
    if packed is not None and not packed.layers:
        raise CheckpointError(f"{source.path}: no layer can be packed: {_reasons(packed)}")
    keys = key_map(made.model, _outer(source))
    parameters = dict(tree_flatten(made.model.parameters()))
    named = keys.to_canonical(parameters) if target == "canonical" else parameters
    tensors = {name: arrays.from_array(x) for name, x in named.items()}
    rest = _besides(source, dtype)
    information = _metadata(made, digests, packed, target, rest)
    if out.suffix == ".safetensors":
        write_whole(out, lambda part: safetensors.write(part, tensors, information), folder=(), force=force)
        copied: tuple[str, ...] = ()
    else:
        copied = _texts(source)
        write_whole(
            out,
            lambda part: _folder(part, tensors, information, made, rest, copied),
            folder=(WEIGHTS, CONFIG, *copied),
            force=force,
        )
    return Conversion(source, made, out, target, tensors, digests, packed, copied, _notes(made, length, way))


def _reasons(packed: Quantization) -> str:
    """Why layers were kept: each reason with one of them, the first few."""
    first: dict[str, str] = {}
    for name, reason in packed.kept.items():
        first.setdefault(reason, name)
    return "; ".join(
        f"{name} has {reason}" if reason[:4] in ("rows", "only") else f"{name} is {reason}"
        for reason, name in list(first.items())[:5]
    )


def _outer(source: Source) -> str:
    """The prefix of every canonical name, here or where one of our own files is from."""
    return source.named.outer or source.metadata.get("canonical_prefix", "")


def _metadata(
    made: Assembled,
    digests: Mapping[str, str],
    packed: Quantization | None,
    target: str,
    rest: Mapping[str, Any],
) -> dict[str, str]:
    found = {
        "format": "pt" if target == "canonical" else "mlx",
        "source": str(made.source.path.name),
        "sources_sha256": json.dumps(dict(digests), sort_keys=True),
        "versions": json.dumps({n: _version(n) for n in ("m2bert-parity", "mlx", "safetensors")}),
        "head": made.head,
        "config": json.dumps(made.config.to_dict(), sort_keys=True, allow_nan=False),
        "canonical_prefix": _outer(made.source),
    }
    if rest:
        found["config_besides"] = json.dumps(rest, sort_keys=True, allow_nan=False)
    if packed is not None:
        found["quantization"] = json.dumps(
            {"bits": packed.bits, "group_size": packed.group_size, "layers": list(packed.layers)}
        )
    return found


def _besides(source: Source, dtype: str | None) -> dict[str, Any]:
    """What config.json says besides, of labels, of texts, of who made it: carried through as it is."""
    rest = dict(source.rest)
    if dtype is not None:
        rest |= {key: dtype for key in ("torch_dtype", "dtype") if key in rest}
    return rest


def _version(package: str) -> str:
    try:
        return packages.version(package)
    except packages.PackageNotFoundError:
        return "not installed"


def _texts(source: Source) -> tuple[str, ...]:
    """The tokenizer's files beside the weights: plain ones of a size that such files have."""
    paths = {name: source.beside(name) for name in TOKENIZER}
    return tuple(n for n, path in paths.items() if path and path.stat().st_size <= _LARGEST_TEXT)


def _folder(
    part: Path,
    tensors: Mapping[str, Raw],
    information: Mapping[str, str],
    made: Assembled,
    rest: Mapping[str, Any],
    copied: tuple[str, ...],
) -> None:
    safetensors.write(part / WEIGHTS, tensors, information)
    text = json.dumps({**rest, **made.config.to_dict()}, indent=2, sort_keys=True, allow_nan=False)
    (part / CONFIG).write_text(f"{text}\n", encoding="utf-8")
    for name in copied:
        shutil.copyfile(made.source.folder / name, part / name)


def _notes(made: Assembled, length: int | None, way: str) -> tuple[str, ...]:
    found: list[str] = [*made.loaded.summary()]
    if length is not None:
        found.append(f"positions extended to {length}: the model has to be trained on before it is of use")
        if way == "canonical":
            found.append(
                "the first block of every pos_emb.z is zero, as the canonical code leaves it "
                "(--extend copies fills it)"
            )
    if made.source.named.derived:
        found.append(f"{len(made.source.named.derived)} tables of the canonical GPU path left out (flashfft)")
    return tuple(found)


def describe(done: Conversion) -> dict[str, Any]:
    """The same as plain values, for JSON and for people."""
    source, configuration = done.source, done.assembled.configuration
    dtypes: dict[str, int] = {}
    for raw in source.tensors.values():
        dtypes[raw.dtype] = dtypes.get(raw.dtype, 0) + 1
    packed = done.quantization
    return {
        "source": str(source.path),
        "form": source.form,
        "sha256": dict(done.digests),
        "tensors": len(source.tensors),
        "dtypes": dtypes,
        "head": done.assembled.head,
        "nesting": ".".join(source.named.nesting),
        "prefixes": [*source.named.prefixes, *([source.named.outer] if source.named.outer else [])],
        "configuration": configuration.source,
        "inferred": dict(configuration.inferred),
        "assumed": dict(configuration.assumed),
        "ignored": list(configuration.ignored),
        "left_out": list(source.named.derived),
        "tied": len(key_map(done.assembled.model).tied),
        "quantized": list(packed.layers) if packed else [],
        "kept": dict(packed.kept) if packed else {},
        "out": str(done.out),
        "target": done.target,
        "written": len(done.written),
        "bytes": sum(raw.data.nbytes for raw in done.written.values()),
        "copied": list(done.copied),
        "notes": list(done.notes),
    }

"""Taking golden cases: a case of a spec, run through the reference and kept with its floor."""

import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from parity.case import Case
from parity.dtypes import WorkingDtype, is_floating, parse_dtype
from parity.errors import GoldenError, SpecError, UsageError
from parity.expect import Expectation
from parity.floor import Floor
from parity.inputs import fingerprint
from parity.judge import expectation
from parity.spec import REGISTRY, LayerSpec, OpSpec

from .format import GoldenFile, case_names, read, write
from .index import (
    Finding,
    entry,
    folders,
    full_name,
    locate,
    read_floors,
    read_index,
    write_floors,
    write_index,
)
from .parts import parts_of
from .verify import measured

LARGEST_AXIS = 16
RESERVED = ("index", "floors")
_NAME = re.compile(r"\w[\w.+-]*")


def small_sizes(spec: OpSpec) -> dict[str, int]:
    """The largest sizes of at most `LARGEST_AXIS` that the spec allows: a golden case is kept for ever."""
    sizes: dict[str, int] = {}
    for axis in spec.axis_names():
        choices = spec.size_choices(axis, sizes)
        sizes[axis] = max((c for c in choices if c <= LARGEST_AXIS), default=min(choices))
    return sizes


def golden_case(spec: OpSpec, dtype: WorkingDtype, seed: int = 0) -> Case:
    """The case of a spec that is kept as a golden one."""
    sizes = small_sizes(spec)
    arguments = next(spec.argument_sets(sizes)) if isinstance(spec, LayerSpec) else {}
    return Case(
        spec,
        sizes,
        dtype,
        options=next(spec.option_sets(sizes)),
        arguments=arguments,
        seed=seed,
        vjp=bool(spec.grads) or isinstance(spec, LayerSpec),
    )


def name_of(case: Case) -> str:
    """The name of a captured case, e.g. ``long_conv-bf16``."""
    return f"{case.spec.name}-{case.dtype.short}"


def versions() -> dict[str, str]:
    """What the numbers were made with."""
    return {name: metadata.version(name) for name in ("torch", "numpy")}


def capture(root: Path, folder: Path, name: str, case: Case) -> None:
    """Run a case through the reference, write it to `folder`, and put it into the index of `root`.

    Raises: SideUnavailableError if PyTorch is not here, UsageError if the name cannot be one of a case.
    """
    if not _NAME.fullmatch(name) or name in RESERVED:
        raise UsageError(
            f"golden case name {name!r}: use letters, digits, '.', '_', '-' and '+', and none of "
            f"{', '.join(RESERVED)}"
        )
    write(folder, name, *content(case, name))
    _vouch(root, folder, name, source="captured", seed=case.seed, versions=versions())


def content(case: Case, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The metadata and tensors of a captured case."""
    made = expectation(case, case.seed)
    task = made.task
    meta: dict[str, Any] = {
        "case": name,
        "module" if isinstance(case.spec, LayerSpec) else "op": case.spec.name,
        "dtype": case.dtype.name,
        "kind": case.kind,
        "layout": case.layout,
        "sizes": dict(case.sizes),
        "options": dict(case.options),
        "left_out": list(case.left_out),
        "seed": case.seed,
        "vjp": case.vjp,
        "inputs": fingerprint(task.inputs),
    }
    if isinstance(case.spec, LayerSpec):
        meta["args"] = dict(case.arguments)
    tensors = {f"input/{n}": x for n, x in task.inputs.items()}
    tensors |= {f"param/{n}": x for n, x in (task.parameters or {}).items()}
    tensors |= {f"cotangent/{n}": x for n, x in (task.cotangents or {}).items()}
    tensors |= _result_tensors(made)
    return meta, tensors


def _result_tensors(made: Expectation) -> dict[str, Any]:
    """Results in the working dtype and in float64, under the keys of the format."""
    tensors: dict[str, Any] = {}
    for result, expected in made.results.items():
        group, name = "output", result
        if result.startswith("grad param."):
            group, name = "grad", result.removeprefix("grad param.")
        elif result.startswith("grad "):
            group, name = "grad_input", result.removeprefix("grad ")
        if is_floating(expected.oracle):
            tensors[f"{group}64/{name}"] = np.asarray(expected.oracle, dtype=np.float64)
            tensors[f"{group}/{name}"] = expected.reference
        else:
            tensors[f"{group}/{name}"] = expected.oracle.astype(np.int32)
    return tensors


def adopt(root: Path, folder: Path, name: str, **facts: Any) -> None:
    """Put a case that lies on disk already into the index, with its floor.

    Raises: GoldenError if it cannot be read or is of no known kind.
    """
    parts_of(read(folder, name))
    _vouch(root, folder, name, **facts)


def _vouch(root: Path, folder: Path, name: str, **facts: Any) -> None:
    full = full_name(root, folder, name)
    floors = read_floors(root)
    floors[full] = recorded_floors(read(folder, name))
    index = read_index(root)
    index[full] = entry(folder, name, floors=floors[full], **facts)
    write_floors(root, floors)
    write_index(root, index)


def recorded_floors(file: GoldenFile) -> dict[str, list[float]]:
    """The floors of a case's results, to three significant digits."""
    floors = {}
    for part in parts_of(file):
        for name, expected in measured(part).results.items():
            if expected.floor is not None and name in part.wanted:
                floors[name] = _short(expected.floor)
    return floors


def _short(floor: Floor) -> list[float]:
    return [float(f"{x:.3g}") for x in (floor.rms, floor.max, floor.shift, floor.shrink, floor.grid)]


def case_of(file: GoldenFile) -> Case:
    """The case that a captured file was made from.

    Raises: GoldenError if its spec is gone or no longer takes these arguments.
    """
    meta = file.meta
    name = str(meta.get("module", meta.get("op", "")))
    try:
        spec = REGISTRY.get(name)
    except SpecError as error:
        raise GoldenError(f"golden case {file.name!r}: {error}") from None
    return Case(
        spec,
        dict(meta["sizes"]),
        parse_dtype(str(meta["dtype"])),
        kind=str(meta["kind"]),
        layout=str(meta["layout"]),
        options=dict(meta["options"]),
        arguments=dict(meta.get("args", {})),
        left_out=tuple(meta["left_out"]),
        seed=int(meta["seed"]),
        vjp=bool(meta["vjp"]),
    )


def stale(root: Path) -> list[Finding]:
    """Captured cases whose spec is gone, or no longer makes the inputs that they hold from their seed."""
    findings = []
    for full, facts in read_index(root).items():
        if facts.get("source") != "captured":
            continue
        folder, name = locate(root, full)
        again = f"capture it again with 'parity golden capture --into {folder} --case {name}'"
        try:
            file = read(folder, name)
            inputs = case_of(file).inputs()
        except (GoldenError, SpecError) as error:
            findings.append(Finding(full, "stale", f"{error}; prune it, or {again}"))
            continue
        if fingerprint(inputs) != file.meta.get("inputs"):
            detail = f"its spec or seed now makes other inputs than it holds; {again}"
            findings.append(Finding(full, "stale", detail))
    return findings


def own_cases(dtypes: Mapping[str, WorkingDtype]) -> Iterator[tuple[str, Case]]:
    """Every case that the project keeps for itself: each word in each dtype, each layer in float32."""
    for spec in REGISTRY:
        if spec.family == "model":
            continue  # the canonical cases are of models
        for dtype in dtypes.values():
            if spec.family == "word" or dtype.name == "float32":
                case = golden_case(spec, dtype)
                yield name_of(case), case


def prunable(root: Path) -> tuple[list[Path], list[str]]:
    """Files that the index does not know, and entries whose files are gone."""
    index = read_index(root)
    extra: list[Path] = []
    for folder in folders(root):
        for name in case_names(folder):
            if full_name(root, folder, name) not in index:
                extra += [folder / f"{name}.json", folder / f"{name}.safetensors"]
    gone = []
    for full in index:
        folder, name = locate(root, full)
        if not (folder / f"{name}.json").is_file() or not (folder / f"{name}.safetensors").is_file():
            gone.append(full)
    return [p for p in extra if p.is_file()], gone


def prune(root: Path) -> None:
    """Remove what `prunable` lists."""
    extra, gone = prunable(root)
    for path in extra:
        path.unlink()
    if gone:
        index, floors = read_index(root), read_floors(root)
        write_index(root, {k: v for k, v in index.items() if k not in gone})
        write_floors(root, {k: v for k, v in floors.items() if k not in gone})


def recapture(root: Path, full: str) -> None:
    """Make a captured case again from its own metadata."""
    folder, name = locate(root, full)
    capture(root, folder, name, case_of(read(folder, name)))

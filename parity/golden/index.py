"""The index that vouches for golden cases: what they hash to, where they come from, what made them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity.errors import GoldenError
from parity.files import write_text

from .format import case_names, digest, paths

INDEX = "index.json"
FLOORS = "floors.json"
SCHEMA = 1


@dataclass(frozen=True)
class Finding:
    """What is wrong with a golden case: ``missing``, ``changed``, ``stale`` or ``unused``."""

    case: str
    what: str
    detail: str

    def __str__(self) -> str:
        return f"{self.what} golden case {self.case!r}: {self.detail}"


def folders(root: Path) -> list[Path]:
    """The folders of cases under `root`, itself included if it holds any."""
    found = [root, *(p for p in sorted(root.iterdir()) if p.is_dir())] if root.is_dir() else []
    return [p for p in found if case_names(p)]


def full_name(root: Path, folder: Path, name: str) -> str:
    """The name of a case in the index: its path below the root."""
    relative = folder.relative_to(root).as_posix()
    return name if relative == "." else f"{relative}/{name}"


def locate(root: Path, full: str) -> tuple[Path, str]:
    """The folder and plain name of an indexed case."""
    folder, _, name = full.rpartition("/")
    return (root / folder if folder else root), name


def read_index(root: Path) -> dict[str, Any]:
    """The entries of an index by case; empty if there is none.

    Raises: GoldenError if it is not an index.
    """
    path = root / INDEX
    if not path.is_file():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise GoldenError(f"{path} is not JSON: {error}; restore it from version control") from None
    cases = data.get("cases") if isinstance(data, dict) and data.get("schema") == SCHEMA else None
    if not isinstance(cases, dict) or not all(
        isinstance(facts, dict) and set(facts.get("sha256", ())) >= {"json", "safetensors"}
        for facts in cases.values()
    ):
        raise GoldenError(f"{path} is not an index of schema {SCHEMA}; restore it from version control")
    return cases


def write_index(root: Path, cases: Mapping[str, Any]) -> None:
    """Replace the index."""
    data = {"schema": SCHEMA, "cases": {k: cases[k] for k in sorted(cases)}}
    write_text(root / INDEX, json.dumps(data, indent=1, sort_keys=True) + "\n")


def read_floors(root: Path) -> dict[str, Any]:
    """Recorded floors: case → result → [rms, max, shift, shrink, grid]; none without an index.

    Raises: GoldenError if the file is not that.
    """
    path = root / FLOORS
    if not path.is_file() or not (root / INDEX).is_file():
        return {}
    again = "capture the cases again, or restore it from version control"
    try:
        floors = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise GoldenError(f"{path} is not JSON: {error}; {again}") from None
    well_formed = isinstance(floors, dict) and all(
        isinstance(results, dict) and all(isinstance(f, list) and len(f) == 5 for f in results.values())
        for results in floors.values()
    )
    if not well_formed:
        raise GoldenError(f"{path} does not hold five numbers for each result of each case; {again}")
    found: dict[str, Any] = floors
    return found


def digest_of_floors(floors: Mapping[str, Any]) -> str:
    """What the index says of a case's floors."""
    return hashlib.sha256(json.dumps(floors, sort_keys=True).encode()).hexdigest()


def write_floors(root: Path, floors: Mapping[str, Any]) -> None:
    """Replace the recorded floors, one case a line."""
    lines = [f"{json.dumps(k)}: {json.dumps(floors[k], sort_keys=True)}" for k in sorted(floors)]
    write_text(root / FLOORS, "{\n" + ",\n".join(lines) + "\n}\n")


def entry(folder: Path, name: str, **facts: Any) -> dict[str, Any]:
    """An index entry for a case as it lies on disk."""
    meta, tensors = paths(folder, name)
    floors = digest_of_floors(facts.pop("floors"))
    return {"sha256": {"json": digest(meta), "safetensors": digest(tensors), "floors": floors}, **facts}


def check(root: Path) -> list[Finding]:
    """Everything that is missing, changed or unused under an indexed folder."""
    index, floors = read_index(root), read_floors(root)
    findings = []
    for case, facts in index.items():
        folder, name = locate(root, case)
        for kind, path in zip(("json", "safetensors"), paths(folder, name), strict=True):
            if not path.is_file():
                detail = f"{path} is not there; restore it, or 'parity golden prune {root} --yes'"
                findings.append(Finding(case, "missing", detail))
            elif digest(path) != facts["sha256"][kind]:
                detail = (
                    f"{path} is not the file that the index vouches for; restore it, or capture it "
                    "again with 'parity golden capture'"
                )
                findings.append(Finding(case, "changed", detail))
        if digest_of_floors(floors.get(case, {})) != facts["sha256"].get("floors"):
            detail = f"its floors in {root / FLOORS} are not those that the index vouches for; restore them"
            findings.append(Finding(case, "changed", detail))
    for folder in folders(root):
        for name in case_names(folder):
            case = full_name(root, folder, name)
            if case not in index:
                detail = (
                    f"it lies in {folder} but not in the index; add it with "
                    f"'parity golden capture --adopt {folder / name}', or remove it with "
                    f"'parity golden prune {root} --yes'"
                )
                findings.append(Finding(case, "unused", detail))
    return findings

"""``[tool.parity.lint]`` of a pyproject.toml: what to read, which rules, which files are excepted and why."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from parity.errors import UsageError, unknown

from .rules import chosen

KEYS = ("paths", "select", "ignore", "per-file-ignores")


@dataclass(frozen=True)
class Excepted:
    """Rules that do not hold in some files.

    Args:
        pattern: of their paths, from the project's root.
        codes: the rules.
        reason: why.
    """

    pattern: str
    codes: frozenset[str]
    reason: str

    def holds(self, path: str, code: str) -> bool:
        """Whether it excepts a finding."""
        return code in self.codes and fnmatch(path, self.pattern)


@dataclass(frozen=True)
class Config:
    """What a project says.

    Args:
        root: the folder of the file.
        paths: what is read if the command names nothing.
        select, ignore: starts of codes.
        exceptions: rules that do not hold in some files.
    """

    root: Path
    paths: tuple[Path, ...] = ()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exceptions: tuple[Excepted, ...] = ()


def find(start: Path) -> Config:
    """The configuration of the nearest pyproject.toml from `start` upwards that has ``[tool.parity]``.

    Raises: UsageError if a key is unknown or a value is not what it should be.
    """
    here = start.resolve()
    for folder in (here, *here.parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            try:
                table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("parity")
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise UsageError(f"{file} is not TOML: {error}") from None
            if isinstance(table, Mapping):
                return _read(table.get("lint", {}), file)
    return Config(here)


def _read(table: Any, file: Path) -> Config:
    where = f"[tool.parity.lint] in {file}"
    if not isinstance(table, Mapping):
        raise UsageError(f"{where} is {table!r}, expected a table of keys")
    for key in table:
        if key not in KEYS:
            raise UsageError(f"{where}: " + unknown("key", key, KEYS))
    select, ignore = (_texts(table.get(k, []), f"{where}: {k}") for k in ("select", "ignore"))
    chosen(select, ignore)
    paths = tuple(file.parent / p for p in _texts(table.get("paths", []), f"{where}: paths"))
    for path in paths:
        if not path.exists():
            raise UsageError(f"{where}: paths: there is no {str(path)!r}")
    excepted = table.get("per-file-ignores", {})
    if not isinstance(excepted, Mapping):
        raise UsageError(f"{where}: per-file-ignores is {excepted!r}, expected a table of patterns")
    exceptions = tuple(_exception(p, e, where) for p, e in excepted.items())
    return Config(file.parent, paths, select, ignore, exceptions)


def _exception(pattern: str, entry: Any, where: str) -> Excepted:
    said = f"{where}: per-file-ignores: {pattern!r}"
    if not isinstance(entry, Mapping) or set(entry) != {"codes", "reason"}:
        raise UsageError(f'{said} is {entry!r}, expected {{ codes = ["MXP101"], reason = "..." }}')
    codes = _texts(entry["codes"], f"{said}: codes")
    if not codes:
        raise UsageError(f"{said} names no code")
    if not str(entry["reason"]).strip():
        raise UsageError(f"{said} gives no reason")
    return Excepted(pattern, chosen(codes, ()), str(entry["reason"]).strip())


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise UsageError(f"{where} is {value!r}, expected a list of texts")
    return tuple(value)

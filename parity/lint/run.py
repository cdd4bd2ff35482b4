"""Reading files and applying rules to them."""

from __future__ import annotations

import gc
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from . import noqa
from .config import Excepted
from .findings import Finding
from .given import MOST_ROUNDS
from .noqa import Suppressed
from .project import Module, Project, UnreadableError
from .rules import RULES

DEEPEST = 10_000
"""Calls within calls: an expression of some thousand terms is nested as deeply."""


MOST_WAVES = 10
"""So far is followed, from file to file, what something new means for those that ask."""


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Args:
        files: how many were read.
        findings: in the order of files and lines.
        suppressed: what a comment or the configuration accepts.
    """

    files: int
    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "files": self.files,
            "findings": [f.plain() for f in self.findings],
            "suppressed": [{**s.finding.plain(), "reason": s.reason} for s in self.suppressed],
        }


def lint(
    files: Iterable[Path],
    *,
    codes: Collection[str] = frozenset(RULES),
    excepted: Sequence[Excepted] = (),
    root: Path | None = None,
    project: Project | None = None,
) -> Outcome:
    """Apply rules to files. Nothing of them is imported or run.

    They are gone through again as long as calls tell something new of parameters without annotation.

    Args:
        files: what to read.
        codes: the rules that count.
        excepted: rules that do not hold in some files, whose paths are taken from `root`.
        root: the project's folder; none means the current one.
        project: modules that are already read.
    """
    project = project or Project()
    paths = list(files)
    suppressed: list[Suppressed] = []
    with _deep_and_large():
        read, findings = _read(paths, project)
        findings += _rounds(read, project)
    base = (root or Path.cwd()).resolve()
    in_use: set[Excepted] = set()
    names = [(m.path.relative_to(base) if m.path.is_relative_to(base) else m.path).as_posix() for m in read]
    for module, name in zip(read, names, strict=True):
        seen = [f for f in module.sink.found.values() if f.code in codes]
        left, gone = noqa.apply(seen, noqa.suppressions(module.text), module.sink.path, codes)
        for finding in left:
            by = next((e for e in excepted if e.holds(name, finding.code)), None)
            if by is None:
                findings.append(finding)
            else:
                in_use.add(by)
                gone.append(Suppressed(finding, by.reason))
        suppressed += gone
    for entry in excepted:
        judged = entry.codes <= set(codes) and any(fnmatch(name, entry.pattern) for name in names)
        if judged and entry not in in_use and "MXP002" in codes:
            what = f"per-file-ignores: {entry.pattern!r} excepts nothing"
            findings.append(Finding(str(base / "pyproject.toml"), 1, 1, 1, "MXP002", what, "remove it"))
    return Outcome(len(paths), tuple(sorted(findings)), tuple(suppressed))


@contextmanager
def _deep_and_large() -> Iterator[None]:
    """As deep as expressions are, and no search for garbage among millions of nodes that stay."""
    limit, collects = sys.getrecursionlimit(), gc.isenabled()
    sys.setrecursionlimit(max(limit, DEEPEST))
    gc.disable()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
        if collects:
            gc.enable()


def _read(paths: Sequence[Path], project: Project) -> tuple[list[Module], list[Finding]]:
    """The modules of some files, and what is to be said of those that are no Python."""
    read: list[Module] = []
    findings: list[Finding] = []
    for path in paths:
        try:
            module = project.load(path, str(path))
            _ = module.tree
            read.append(module)
        except UnreadableError as error:  # reported whatever the rules: what was not checked is not clean
            place = (str(path), error.line, error.column, error.line)
            findings.append(Finding(*place, "MXP000", error.reason, "mend it, or leave it out"))
    return read, findings


def _rounds(modules: Sequence[Module], project: Project) -> list[Finding]:
    """Go through modules until calls tell nothing new; what cannot be followed.

    After the first round only where something else is believed, or was told by a file in which it is.
    """
    too_deep = _gone_through(modules)
    for _ in range(MOST_ROUNDS):
        changed = project.given.settle()
        stale = {project.homes[function] for function in changed if function in project.homes}
        if not stale:
            break
        for _ in range(MOST_WAVES):
            again = project.begin_again(stale)
            too_deep = [m for m in too_deep if m not in again]
            too_deep += _gone_through([m for m in modules if m in again])
            stale = project.told_otherwise(again)
            if not stale:
                break
    return [
        Finding(m.sink.path, 1, 1, 1, "MXP000", "is nested too deeply to be followed", "part it")
        for m in too_deep
    ]


def _gone_through(modules: Sequence[Module]) -> list[Module]:
    """Go through modules, all that runs at import first; those that cannot be followed."""
    found = []
    for step in (Module.read, Module.finish):
        for module in modules:
            try:
                step(module)
            except RecursionError:
                found.append(module)
    return found


def lint_text(text: str, path: Path = Path("snippet.py"), *, base: Project | None = None) -> Outcome:
    """Apply every rule to a text, as if it stood in a file.

    Args:
        text: Python.
        path: where it is taken to stand, so that its imports are found.
        base: modules that are already read.
    """
    return lint([path], project=Project({path: text}, base))

"""Reading files and applying rules to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import noqa
from .config import Excepted
from .findings import Finding
from .noqa import Suppressed
from .project import Module, Project, UnreadableError
from .rules import RULES


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

    Args:
        files: what to read.
        codes: the rules that count.
        excepted: rules that do not hold in some files, whose paths are taken from `root`.
        root: the project's folder; none means the current one.
        project: modules that are already read.
    """
    project = project or Project()
    findings: list[Finding] = []
    suppressed: list[Suppressed] = []
    read: list[Module] = []
    n = 0
    for path in files:
        n += 1
        try:
            read.append(project.load(path, str(path)))
        except UnreadableError as error:
            found = Finding(
                str(path), error.line, error.column, error.line, "MXP000", error.reason, "mend it"
            )
            findings += [found] if "MXP000" in codes else []
    for module in read:
        module.read()
    for module in read:
        module.finish()
    base = (root or Path.cwd()).resolve()
    for module in read:
        seen = [f for f in module.sink.found.values() if f.code in codes]
        left, gone = noqa.apply(seen, noqa.suppressions(module.text), module.sink.path, codes)
        inner = module.path.relative_to(base) if module.path.is_relative_to(base) else module.path
        for finding in left:
            reason = next((e.reason for e in excepted if e.holds(inner.as_posix(), finding.code)), None)
            if reason is None:
                findings.append(finding)
            else:
                gone.append(Suppressed(finding, reason))
        suppressed += gone
    return Outcome(n, tuple(sorted(findings)), tuple(suppressed))


def lint_text(text: str, path: Path = Path("snippet.py"), *, base: Project | None = None) -> Outcome:
    """Apply every rule to a text, as if it stood in a file.

    Args:
        text: Python.
        path: where it is taken to stand, so that its imports are found.
        base: modules that are already read.
    """
    return lint([path], project=Project({path: text}, base))

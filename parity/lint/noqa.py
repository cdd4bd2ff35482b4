"""Suppressions, ``# noqa: MXP201 reason``: the reason is mandatory, and an unused one is a finding."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from .findings import Finding
from .rules import PREFIX, RULES

_MARK = re.compile(r"#\s*noqa\b\s*(?P<colon>:?)\s*", re.IGNORECASE)
# Codes are separated by commas; after a space only ours are codes, so that a reason may start with "L1".
_CODE = re.compile(r"[A-Z]+[0-9]+\b", re.IGNORECASE)
_NEXT = re.compile(rf"\s*,\s*(?=[A-Z]+[0-9]+\b)|\s+(?={PREFIX}[0-9]+\b)", re.IGNORECASE)
_WORD = re.compile(r"\w")


@dataclass
class Suppression:
    """One comment that names codes of ours.

    Args:
        line, column: where it stands, from 1.
        codes: ours among those that it names.
        reason: the text behind them.
        used: those that suppressed something.
    """

    line: int
    column: int
    codes: tuple[str, ...]
    reason: str
    used: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Suppressed:
    """A finding that a comment or the configuration accepts, with the reason."""

    finding: Finding
    reason: str


def suppressions(text: str) -> list[Suppression]:
    """Every comment of some Python text that names codes of ours."""
    if "noqa" not in text.lower():
        return []
    found = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                read = _read(token.string)
                if read is not None:
                    codes, reason, offset = read
                    line, column = token.start
                    found.append(Suppression(line, column + offset + 1, codes, reason))
    except (tokenize.TokenError, SyntaxError):  # what can be parsed can be split too, but for odd endings
        return found
    return found


def _read(comment: str) -> tuple[tuple[str, ...], str, int] | None:
    mark = _MARK.search(comment)
    if mark is None or not mark["colon"]:
        return None
    codes: list[str] = []
    at = mark.end()
    while code := _CODE.match(comment, at):
        codes.append(code[0].upper())
        at = code.end()
        following = _NEXT.match(comment, at)
        if following is None:
            break
        at = following.end()
    ours = tuple(dict.fromkeys(c for c in codes if c.startswith(PREFIX)))
    reason = comment[at:].partition("# ")[0].strip(" \t:;,.-–—()")
    return (ours, reason if _WORD.search(reason) else "", mark.start()) if ours else None


def apply(
    findings: Iterable[Finding], given: Sequence[Suppression], path: str, active: Collection[str]
) -> tuple[list[Finding], list[Suppressed]]:
    """What is left of some findings, with those about suppressions; and what is suppressed."""
    by_line: dict[int, list[Suppression]] = {}
    for one in given:
        by_line.setdefault(one.line, []).append(one)
    left: list[Finding] = []
    gone: list[Suppressed] = []
    for finding in findings:
        near = [s for line in (finding.line, finding.end_line) for s in by_line.get(line, ())]
        by = next((s for s in near if finding.code in s.codes), None)
        if by is not None:
            by.used.add(finding.code)
        if by is not None and by.reason:
            gone.append(Suppressed(finding, by.reason))
        else:
            left.append(finding)
    for one in given:
        left += [f for f in _about(one, path, active) if f.code in active]
    return sorted(left), gone


def _about(one: Suppression, path: str, active: Collection[str]) -> Iterable[Finding]:
    def at(code: str, what: str, fix: str) -> Finding:
        return Finding(path, one.line, one.column, one.line, code, what, fix)

    said = ", ".join(one.codes)
    if not one.reason:
        yield at("MXP001", f"'noqa: {said}' gives no reason", "write it behind the code")
    for code in one.codes:
        if code not in RULES:
            yield at("MXP003", f"{code} is no rule", "see 'parity lint --explain all'")
        elif code in active and code not in one.used:
            yield at("MXP002", f"'noqa: {code}' suppresses nothing", "remove it")

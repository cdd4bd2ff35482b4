"""What the checks found, in words: what happened, where, between whom, and what mends it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

ERRORS = {
    "race": "data race",
    "group-race": "data race between threadgroups",
    "uninitialised": "read of memory that nothing has written",
    "out-of-bounds": "access outside an array",
    "index": "index outside an array",
    "misaligned": "misaligned access",
    "read-only": "write to an input",
    "divergent-barrier": "barrier that not every thread reaches",
    "inactive-lane": "SIMD operation reads an inactive lane",
    "runaway": "thread that does not end",
    "schedule": "result depends on the order of threads",
    "crash": "crash",
    "threadgroup-memory": "too much threadgroup memory",
    "stack": "stack overflow",
    "refused": "text that Apple's compiler refuses",
}
NOTES = {
    "same-value": "several threads write the same value",
    "partial-simd": "SIMD operation without all lanes",
    "float-order": "sum of floating-point atomics depends on the order of threads",
    "unwritten": "elements that the kernel never writes",
}


OF_A_RACE = "a data race that is listed here is the likely reason: mend it first"

INTERRUPTED = ("runaway", "crash", "stack")
"""Kinds that end a run wherever it is. Their numbers after the first are program counters on the stack."""


@dataclass(frozen=True)
class Access:
    """One side of a conflict. `thread` and `group` are positions, or None if several or unknown."""

    verb: str
    line: int | None
    place: str
    text: str
    thread: tuple[int, int, int] | None
    group: tuple[int, int, int] | None

    def describe(self) -> str:
        who = f" by thread {_position(self.thread)}" if self.thread else " by several threads"
        if self.verb == "stands":  # in the text, whoever runs it
            who = ""
        where = f" of threadgroup {_position(self.group)}" if self.group else ""
        at = f" at {self.place}" if self.place else " at an unknown line"
        code = f":  {self.text}" if self.text else ""
        return f"{self.verb}{who}{where}{at}{code}"


@dataclass(frozen=True)
class Finding:
    """`kind` is one of ERRORS or NOTES; `severity` ``error`` or ``note``."""

    kind: str
    severity: str
    message: str
    remedy: str
    memory: str = ""
    index: int | None = None
    accesses: tuple[Access, ...] = ()
    count: int = 1
    schedule: int = 0
    numbers: tuple[int, ...] = field(default=(), repr=False)

    @property
    def line(self) -> int | None:
        """The source line of the access that completed it."""
        return self.accesses[0].line if self.accesses else None

    def describe(self) -> str:
        title = ERRORS.get(self.kind) or NOTES[self.kind]
        times = f" ({self.count} times)" if self.count > 1 else ""
        lines = [f"{title}: {self.message}{times}"]
        lines += [f"  {a.describe()}" for a in self.accesses]
        if self.remedy:
            lines.append(f"  {self.remedy}")
        return "\n".join(lines)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "line": self.line}


def _position(p: Sequence[int]) -> str:
    return str(p[0]) if p[1] == p[2] == 0 else str(tuple(p))


@dataclass(frozen=True)
class Geometry:
    """The launch, for turning numbers of threads and threadgroups into positions."""

    grid: tuple[int, int, int]
    threadgroup: tuple[int, int, int]

    def group(self, index: int) -> tuple[int, int, int]:
        full = [max(1, min(g, t)) for g, t in zip(self.grid, self.threadgroup, strict=True)]
        n = [-(-g // f) for g, f in zip(self.grid, full, strict=True)]
        return index % n[0], index // n[0] % n[1], index // (n[0] * n[1])

    def thread(self, index: int, group: int) -> tuple[int, int, int]:
        """The position in the threadgroup, whose size at an edge of the grid is smaller."""
        position = self.group(group)
        full = [min(g, t) for g, t in zip(self.grid, self.threadgroup, strict=True)]
        size = [min(f, g - p * f) for f, g, p in zip(full, self.grid, position, strict=True)]
        x, y = max(1, size[0]), max(1, size[1])
        return index % x, index // x % y, index // (x * y)


def merged(findings: Sequence[Finding]) -> list[Finding]:
    """One finding for each pair of lines: a compiler may make several instructions of one line."""
    found: dict[object, Finding] = {}
    for f in findings:
        places = frozenset(a.place for a in f.accesses)
        key = (f.kind, f.memory, places) if places and "" not in places else f
        known = found.get(key)
        found[key] = replace(known, count=known.count + f.count) if known else f
    return _without_consequences(list(found.values()))


def _without_consequences(findings: Sequence[Finding]) -> list[Finding]:
    """A read that races with the write it waits for may come before it: that is the race's doing.

    So is a result that depends on the order of threads. An index outside an array is said once.
    """
    racy = {(f.memory, a.place) for f in findings if f.kind in ("race", "group-race") for a in f.accesses}
    outside = {a.place for f in findings if f.kind == "out-of-bounds" for a in f.accesses}
    kept = [
        f
        for f in findings
        if not (f.kind == "uninitialised" and any((f.memory, a.place) in racy for a in f.accesses))
        and not (f.kind == "index" and any(a.place in outside for a in f.accesses))
    ]
    if not racy:
        return kept
    return [replace(f, remedy=OF_A_RACE) if f.kind == "schedule" else f for f in kept]


def order(findings: Sequence[Finding]) -> list[Finding]:
    """Errors first, then by line."""
    return sorted(findings, key=lambda f: (f.severity != "error", f.line or 10**9))

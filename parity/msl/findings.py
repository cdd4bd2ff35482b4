"""What the checks found, in words: what happened, where, between whom, and what mends it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .words import FUNCTIONS, flags_text, mend_race

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
}
NOTES = {
    "same-value": "several threads write the same value",
    "partial-simd": "SIMD operation without all lanes",
    "float-order": "sum of floating-point atomics depends on the order of threads",
    "unwritten": "elements that the kernel never writes",
}


INTERRUPTED = ("runaway", "crash", "stack")
"""Kinds that end a run wherever it is. Their numbers, but for the first, are program counters on the stack."""


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
        who = f"thread {_position(self.thread)}" if self.thread else "several threads"
        where = f" of threadgroup {_position(self.group)}" if self.group else ""
        at = f" at {self.place}" if self.place else " at an unknown line"
        code = f":  {self.text}" if self.text else ""
        return f"{self.verb} by {who}{where}{at}{code}"


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


@dataclass(frozen=True)
class Context:
    """What is needed to put a finding into words: lines of program counters, the kernel's text, the launch."""

    lines: Mapping[int, int]
    """From program counters to lines of the generated text."""
    place: Any
    """From a line of the generated text to the words for it."""
    source_line: Any
    text: Sequence[str]
    geometry: Geometry

    def access(self, raw: Mapping[str, Any], *, verb: str | None = None) -> Access:
        line = self.lines.get(raw["pc"])
        group = raw["group"] if raw["group"] >= 0 and raw["group"] < 2**32 - 1 else None
        thread = raw["thread"] if raw["thread"] >= 0 else None
        kind = verb or ("atomic " if raw["atomic"] else "") + ("write" if raw["write"] else "read")
        return Access(
            kind,
            self.source_line(line) if line else None,
            self.place(line) if line else "",
            self.code(line),
            self.geometry.thread(thread, group) if thread is not None and group is not None else None,
            self.geometry.group(group) if group is not None else None,
        )

    def code(self, line: int | None) -> str:
        return self.text[line - 1].strip() if line and line <= len(self.text) else ""

    def at(self, line: int) -> str:
        return f"{self.place(line)} ({self.code(line)})" if line else "?"


def from_raw(raw: Mapping[str, Any], context: Context) -> Finding:
    """A finding from what the process printed."""
    kind = raw["kind"]
    if kind in INTERRUPTED and raw["now"]["pc"] not in context.lines:
        inside = next((pc for pc in raw["numbers"][1:] if pc in context.lines), 0)
        raw = {**raw, "now": {**raw["now"], "pc": inside}}
    severity = "note" if kind in NOTES else "error"
    index = raw["offset"] // max(1, raw["element"]) if raw["memory"] else None
    now = context.access(raw["now"])
    before = context.access(raw["before"]) if "before" in raw else None
    message, remedy, accesses = _words(kind, raw, context, index, now, before)
    return Finding(
        kind, severity, message, remedy, raw["memory"], index, accesses, raw["count"], raw["schedule"],
        tuple(raw["numbers"]),
    )  # fmt: skip


def _words(
    kind: str, raw: Mapping[str, Any], context: Context, index: int | None, now: Access, before: Access | None
) -> tuple[str, str, tuple[Access, ...]]:
    element = f"{raw['memory']}[{index}]"
    numbers = raw["numbers"]
    both = (now, before) if before else (now,)
    match kind:
        case "race" | "group-race":
            return f"on {element}", mend_race(raw, context.place), both
        case "same-value":
            return (
                f"{element} gets the same value each time, so the result stands",
                "let one thread write it",
                both,
            )
        case "uninitialised":
            mend = (
                "write it first; Metal's threadgroup memory starts with arbitrary contents"
                if raw["space"] == 4
                else "pass init_value, or write the output before it is read"
            )
            return f"{element}", mend, (context.access(raw["now"], verb="read"),)
        case "out-of-bounds":
            return _outside(raw, index), "guard the index, or correct the grid or the array's size", (now,)
        case "index":
            verb = context.access(raw["now"], verb="use")
            return (
                f"index {raw['offset']} of {raw['text']}",
                "guard the index, or make the array larger",
                (verb,),
            )
        case "misaligned":
            what = raw["text"] or f"{raw['size']} bytes"
            message = f"{what} at byte {raw['offset']} of {raw['memory']}, not a multiple of {raw['size']}"
            return message, "read it through a packed_ type or element by element", (now,)
        case "read-only":
            return f"{element} is an input", "inputs are const: write to an output instead", (now,)
        case "divergent-barrier":
            return _divergent(raw, context, now, before)
        case "inactive-lane":
            return _inactive(raw, context)
        case "partial-simd":
            present, total, done = numbers[:3]
            where = f" and others wait at {context.at(raw['sites'][1])}" if raw["sites"][1] else ""
            gone = f", {done} of the others have returned" if done else ""
            message = f"{_function(raw)} with {present} of {total} lanes{gone}{where}"
            return message, "it combines the active lanes only", (context.access(raw["now"], verb="call"),)
        case "runaway":
            verb = context.access(raw["now"], verb="running")
            return (
                f"still running after {numbers[0] / 1000:g} s of processor time",
                "a loop does not end, or waits for a thread that cannot run; or give a larger time_limit",
                (verb,),
            )
        case "schedule" | "float-order":
            different, total = numbers[0], numbers[1]
            message = f"{different} of {total} elements of {raw['memory']}, the first at {index}, in schedule {raw['schedule']}"
            mend = (
                "atomic additions round differently in each order; sum in a fixed order if bits matter"
                if kind == "float-order"
                else "no access raced, so look for atomics whose result is used, or for values left over"
            )
            return message, mend, ()
        case "unwritten":
            return (
                f"{numbers[0]} of {numbers[1]} elements of {raw['memory']}, the first at {index}",
                ("they hold arbitrary values on a GPU; pass init_value or launch more threads"),
                (),
            )
        case "crash":
            return raw["text"], "", (context.access(raw["now"], verb="running"),)
        case _:
            return raw["text"], "", (context.access(raw["now"], verb="running"),)


def _outside(raw: Mapping[str, Any], index: int | None) -> str:
    if not raw["memory"]:
        return f"{raw['size']} bytes at an address of no array: a null or wild pointer"
    n = raw["extent"] // max(1, raw["element"])
    return f"{raw['memory']}[{index}], an array of {n} elements"


def _function(raw: Mapping[str, Any]) -> str:
    number = raw["function"]
    return ("quad " if number & 32 and False else "") + FUNCTIONS.get(number, "a SIMD operation")


def _divergent(
    raw: Mapping[str, Any], context: Context, now: Access, before: Access | None
) -> tuple[str, str, tuple[Access, ...]]:
    barrier = "simdgroup_barrier" if raw["function"] == 2 else "threadgroup_barrier"
    present, missing, returned = raw["numbers"][:3]
    group = "SIMD group" if raw["function"] == 2 else "threadgroup"
    message = f"{present} threads of the {group} wait at the {barrier}, {missing} do not"
    waiting = context.access(raw["now"], verb="waiting")
    other: tuple[Access, ...] = ()
    if before is not None:
        other = (context.access(raw["before"], verb="returned" if returned else "elsewhere"),)
        if returned:
            other = (Access("return", None, "its end", "", other[0].thread, other[0].group),)
    mend = "let every thread reach the barrier: put the condition or the early return around the work, not around the barrier"
    return message, mend, (waiting, *other)


def _inactive(raw: Mapping[str, Any], context: Context) -> tuple[str, str, tuple[Access, ...]]:
    lane, lanes, returned = raw["numbers"][:3]
    why = (
        "has returned"
        if returned
        else f"does not exist: the SIMD group has {lanes} threads"
        if lane >= lanes
        else "is elsewhere"
    )
    message = f"{_function(raw)} reads lane {lane}, which {why}"
    mend = "the value is undefined; let all 32 lanes take part, with a neutral value where there is no work"
    return message, mend, (context.access(raw["now"], verb="call"),)


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
    """A read that races with the write it waits for may come before it: that is the race's doing."""
    racy = {(f.memory, a.place) for f in findings if f.kind in ("race", "group-race") for a in f.accesses}
    return [
        f
        for f in findings
        if f.kind != "uninitialised" or not any((f.memory, a.place) in racy for a in f.accesses)
    ]


def order(findings: Sequence[Finding]) -> list[Finding]:
    """Errors first, then by line."""
    return sorted(findings, key=lambda f: (f.severity != "error", f.line or 10**9))


__all__ = [
    "ERRORS",
    "NOTES",
    "Access",
    "Context",
    "Finding",
    "Geometry",
    "flags_text",
    "from_raw",
    "merged",
    "order",
]

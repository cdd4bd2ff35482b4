"""From what a process printed to findings in words: one function a kind."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .findings import INTERRUPTED, NOTES, Access, Finding, Geometry
from .words import FUNCTIONS, QUAD, SIMD_BARRIER, SPACE_THREADGROUP, mend_race

Phrase = tuple[str, str, tuple[Access, ...]]
"""What happened, what mends it, who was involved."""


@dataclass(frozen=True)
class Context:
    """What it takes to put a finding into words: lines of program counters, the kernel's text, the launch."""

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


@dataclass(frozen=True)
class Raw:
    """A finding as it was printed, with what its phrases ask for."""

    raw: Mapping[str, Any]
    context: Context

    def __getitem__(self, key: str) -> Any:
        return self.raw[key]

    @property
    def index(self) -> int | None:
        """The element of the array, or None if there is no array."""
        return self["offset"] // max(1, self["element"]) if self["memory"] else None

    @property
    def element(self) -> str:
        return f"{self['memory']}[{self.index}]"

    @property
    def function(self) -> str:
        number = self["function"]
        name = FUNCTIONS.get(number & ~QUAD, "a SIMD operation")
        return name.replace("simd_", "quad_") if number & QUAD else name

    def now(self, verb: str | None = None) -> tuple[Access, ...]:
        return (self.context.access(self["now"], verb=verb),)

    def both(self) -> tuple[Access, ...]:
        return (*self.now(), self.context.access(self["before"])) if "before" in self.raw else self.now()


def _race(f: Raw) -> Phrase:
    return f"on {f.element}", mend_race(f.raw, f.context.place), f.both()


def _same_value(f: Raw) -> Phrase:
    return (
        f"{f.element} gets the same value each time, so the result stands",
        "let one thread write it",
        f.both(),
    )


def _uninitialised(f: Raw) -> Phrase:
    threadgroup = "write it first, with a barrier before the read if another thread does; "
    threadgroup += "Metal's threadgroup memory starts with arbitrary contents"
    device = "pass init_value, or write the output before it is read"
    return f.element, threadgroup if f["space"] == SPACE_THREADGROUP else device, f.now("read")


def _outside(f: Raw) -> Phrase:
    if not f["memory"]:
        return f"{f['size']} bytes at an address of no array: a null or wild pointer", "", f.now()
    n = f["extent"] // max(1, f["element"])
    return (
        f"{f.element}, an array of {n} elements",
        "guard the index, or correct the grid or the array's size",
        f.now(),
    )


def _index(f: Raw) -> Phrase:
    return f"index {f['offset']} of {f['text']}", "guard the index, or make the array larger", f.now("use")


def _misaligned(f: Raw) -> Phrase:
    what = f["text"] or f"{f['size']} bytes"
    lead = f["numbers"][0]
    view = f", which is a view that starts at byte {lead} (modulo 16) of its array" if lead else ""
    message = f"{what} at byte {f['offset']} of {f['memory']}{view}, not a multiple of {f['size']}"
    return message, "read it through a packed_ type or element by element", f.now()


def _read_only(f: Raw) -> Phrase:
    return f"{f.element} is an input", "inputs are const: write to an output instead", f.now()


def _divergent(f: Raw) -> Phrase:
    of_simd = f["function"] == SIMD_BARRIER
    barrier, group = (
        ("simdgroup_barrier", "SIMD group") if of_simd else ("threadgroup_barrier", "threadgroup")
    )
    present, missing, returned = f["numbers"][:3]
    message = f"{present} threads of the {group} wait at the {barrier}, {missing} do not"
    other: tuple[Access, ...] = ()
    if "before" in f.raw:
        other = (f.context.access(f["before"], verb="elsewhere"),)
        if returned:
            other = (Access("return", None, "its end", "", other[0].thread, other[0].group),)
    mend = "let every thread reach the barrier: put the condition or the early return around the work alone"
    return message, mend, (*f.now("waiting"), *other)


def _inactive(f: Raw) -> Phrase:
    lane, lanes, returned = f["numbers"][:3]
    why = "is elsewhere"
    if returned:
        why = "has returned"
    elif lane >= lanes:
        why = f"does not exist: the SIMD group has {lanes} threads"
    mend = "the value is undefined; let all 32 lanes take part, with a neutral value where there is no work"
    return f"{f.function} reads lane {lane}, which {why}", mend, f.now("call")


def _partial(f: Raw) -> Phrase:
    present, total, done = f["numbers"][:3]
    gone = f", {done} of the others have returned" if done else ""
    where = f" and others wait at {f.context.at(f['sites'][1])}" if f["sites"][1] else ""
    message = f"{f.function} with {present} of {total} lanes{gone}{where}"
    return message, "it combines the active lanes only", f.now("call")


def _runaway(f: Raw) -> Phrase:
    message = f"still running after {f['numbers'][0] / 1000:g} s of processor time"
    mend = "a loop does not end, or waits for a thread that cannot run; or give a larger time_limit"
    return message, mend, f.now("running")


def _different(f: Raw) -> str:
    different, total = f["numbers"][:2]
    return f"{different} of {total} elements of {f['memory']}, the first at {f.index}"


def _schedule(f: Raw) -> Phrase:
    mend = "no access raced, so look for atomics whose result is used, or for values left over"
    return f"{_different(f)}, in schedule {f['schedule']}", mend, ()


def _float_order(f: Raw) -> Phrase:
    mend = "atomic additions round differently in each order; sum in a fixed order if bits matter"
    return f"{_different(f)}, in schedule {f['schedule']}", mend, ()


def _unwritten(f: Raw) -> Phrase:
    mend = "they hold arbitrary values on a GPU; pass init_value or launch more threads"
    return _different(f), mend, ()


def _ended(f: Raw) -> Phrase:
    return f["text"], "", f.now("running")


_PHRASES: dict[str, Callable[[Raw], Phrase]] = {
    "race": _race,
    "group-race": _race,
    "same-value": _same_value,
    "uninitialised": _uninitialised,
    "out-of-bounds": _outside,
    "index": _index,
    "misaligned": _misaligned,
    "read-only": _read_only,
    "divergent-barrier": _divergent,
    "inactive-lane": _inactive,
    "partial-simd": _partial,
    "runaway": _runaway,
    "schedule": _schedule,
    "float-order": _float_order,
    "unwritten": _unwritten,
    "crash": _ended,
    "stack": _ended,
}


def from_raw(raw: Mapping[str, Any], context: Context) -> Finding:
    """A finding from what the process printed."""
    kind = raw["kind"]
    if kind in INTERRUPTED and raw["now"]["pc"] not in context.lines:
        inside = next((pc for pc in raw["numbers"][1:] if pc in context.lines), 0)
        raw = {**raw, "now": {**raw["now"], "pc": inside}}
    severity = "note" if kind in NOTES else "error"
    message, remedy, accesses = _PHRASES[kind](Raw(raw, context))
    return Finding(
        kind, severity, message, remedy, raw["memory"], Raw(raw, context).index, accesses, raw["count"],
        raw["schedule"], tuple(raw["numbers"]),
    )  # fmt: skip

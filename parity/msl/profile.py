"""What a kernel costs: bytes, transactions, bank conflicts, barriers, operations, and a roofline per chip."""

import dataclasses
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from . import execute, settings
from .chips import CHIPS
from .execute import THREADGROUP_MEMORY, Outcome
from .flops import count
from .kernel import MetalKernel
from .lines import resolve

_READ_ONLY, _DEVICE, _THREADGROUP = 2, 3, 4
GROUPS = 64
"""Threadgroups whose accesses are logged; the others are like them, and are scaled."""


@dataclass(frozen=True)
class Traffic:
    """Accesses of one kind of memory in one direction, in bytes and transactions of SIMD groups."""

    requested: int
    """Bytes that all lanes asked for together."""
    moved: int
    """Bytes after lanes of a SIMD group that ask for the same have been served once."""
    instructions: int
    transactions: int
    least_transactions: int
    bank_conflicts: int

    @property
    def coalescing(self) -> float:
        """The fewest transactions that could carry the bytes over those made; 1 if nothing is moved."""
        return self.least_transactions / self.transactions if self.transactions else 1.0


@dataclass(frozen=True)
class LineCost:
    """A line with transactions beyond the least, or bank conflicts."""

    place: str
    text: str
    memory: str
    write: bool
    instructions: int
    transactions: int
    least_transactions: int
    bank_conflicts: int


@dataclass(frozen=True)
class Roofline:
    """Seconds that a chip needs at the least, and which of the two limits decides."""

    chip: str
    seconds: float
    limit: str


@dataclass(frozen=True)
class Profile:
    """The profile of one launch. Device traffic is that of inputs and outputs together."""

    kernel: str
    threads: int
    groups: int
    logged_groups: int
    read: Traffic
    written: Traffic
    threadgroup_read: Traffic
    threadgroup_written: Traffic
    least_read: int
    """Bytes of the inputs and outputs that were read at all."""
    least_written: int
    threadgroup_bytes: int
    barriers: int
    simd_barriers: int
    simd_operations: int
    atomics: int
    flops: int | None
    """None where there is no disassembler."""
    math_calls: int
    lines: tuple[LineCost, ...]
    rooflines: tuple[Roofline, ...]

    @property
    def overhead(self) -> float:
        """Bytes moved to and from device memory over the least possible."""
        least = self.least_read + self.least_written
        return (self.read.moved + self.written.moved) / least if least else 1.0

    @property
    def coalescing(self) -> float:
        """The share of device transactions that had to be."""
        made = self.read.transactions + self.written.transactions
        return (self.read.least_transactions + self.written.least_transactions) / made if made else 1.0

    @property
    def bank_conflicts(self) -> int:
        return self.threadgroup_read.bank_conflicts + self.threadgroup_written.bank_conflicts

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        derived = {
            "overhead": self.overhead,
            "coalescing": self.coalescing,
            "bank_conflicts": self.bank_conflicts,
        }
        return {**asdict(self), **derived}

    def describe(self) -> str:
        """A page for a terminal."""
        flops = "unknown (no objdump)" if self.flops is None else f"{self.flops:,}"
        made = self.read.transactions + self.written.transactions
        lines = [
            f"{self.kernel}: {self.threads:,} threads in {self.groups:,} threadgroups",
            f"  device memory   read {self.read.moved:,} bytes ({self.least_read:,} distinct), "
            f"written {self.written.moved:,} ({self.least_written:,} distinct): "
            f"{self.overhead:.2f}x the least",
            f"  coalescing      {self.coalescing:.0%} of {made:,} transactions",
            f"  threadgroup     {self.threadgroup_bytes:,} of {THREADGROUP_MEMORY:,} bytes, "
            f"read {self.threadgroup_read.moved:,}, written {self.threadgroup_written.moved:,}, "
            f"{self.bank_conflicts:,} bank conflicts",
            f"  synchronisation {self.barriers:,} barriers, {self.simd_barriers:,} of SIMD groups, "
            f"{self.simd_operations:,} SIMD operations, {self.atomics:,} atomic operations",
            f"  arithmetic      {flops} operations, {self.math_calls:,} math functions",
        ]
        if self.logged_groups < self.groups:
            lines.append(f"  traffic is scaled from the first {self.logged_groups} threadgroups")
        for c in self.lines:
            verb = "writes" if c.write else "reads"
            cost = f"{c.transactions:,} transactions for {c.least_transactions:,}"
            bank = f", {c.bank_conflicts:,} bank conflicts" if c.bank_conflicts else ""
            lines.append(f"  {c.place} {verb} {c.memory} memory, {cost}{bank}:  {c.text}")
        for r in self.rooflines:
            lines.append(f"  {r.chip:9s} at least {r.seconds * 1e6:,.1f} µs, limited by {r.limit}")
        return "\n".join(lines)


def _traffic(tallies: Sequence[dict[str, int]], kinds: tuple[int, ...], write: int, scale: float) -> Traffic:
    chosen = [t for t in tallies if t["kind"] in kinds and t["write"] == write]

    def total(key: str) -> int:
        return round(sum(t[key] for t in chosen) * scale)

    return Traffic(
        total("bytes_lanes"), total("bytes_simd"), total("instructions"), total("transactions"),
        total("ideal"), total("conflicts"),
    )  # fmt: skip


def _line_costs(outcome: Outcome, scale: float) -> tuple[LineCost, ...]:
    raw = outcome.report["profile"]["lines"]
    lines = resolve(outcome.compiled, outcome.base, {r["pc"] for r in raw})
    text = outcome.generated.text.splitlines()
    names = {_READ_ONLY: "device", _DEVICE: "device", _THREADGROUP: "threadgroup"}
    sums: dict[tuple[int, str, bool], list[int]] = {}
    for r in raw:
        key = (lines.get(r["pc"], 0), names[r["kind"]], bool(r["write"]))
        into = sums.setdefault(key, [0, 0, 0, 0])
        for i, field in enumerate(("instructions", "transactions", "ideal", "conflicts")):
            into[i] += round(r[field] * scale)
    costs = []
    for (line, memory, write), (n, made, least, conflicts) in sorted(sums.items()):
        wasteful = made > 1.1 * least if memory == "device" else conflicts > 0
        if not wasteful:
            continue
        place = outcome.compiled.unit.place(line) if line else "an unknown line"
        code = text[line - 1].strip() if 0 < line <= len(text) else ""
        costs.append(LineCost(place, code, memory, write, n, made, least, conflicts))
    return tuple(costs)


def _rooflines(moved: int, flops: int) -> tuple[Roofline, ...]:
    found = []
    for chip in CHIPS:
        memory, arithmetic = moved / chip.bandwidth, flops / chip.flops
        found.append(
            Roofline(chip.name, max(memory, arithmetic), "memory" if memory >= arithmetic else "arithmetic")
        )
    return tuple(found)


def profile(kernel: MetalKernel, *, groups: int = GROUPS, **call: Any) -> Profile:
    """Run a kernel once and count what it asks of the machine. `call` is what the kernel is called with.

    Traffic is logged for the first `groups` threadgroups and scaled; distinct bytes are counted for all.

    Raises: CompileError, LaunchError, and what the call itself raises.
    """
    prepared = kernel.prepare(**call)
    chosen = dataclasses.replace(settings.current(), check=False, schedules=1)
    outcome = execute.run(kernel.text, prepared, chosen, profile=True, profile_groups=groups)
    report, raw = outcome.report, outcome.report["profile"]
    logged = max(1, raw["groups_logged"])
    scale = raw["groups"] / logged
    counted = count(outcome.compiled.path, outcome.base, [(pc, n) for pc, n in raw["blocks"]])
    tallies = raw["tallies"]
    read = _traffic(tallies, (_READ_ONLY, _DEVICE), 0, scale)
    written = _traffic(tallies, (_DEVICE,), 1, scale)
    threads = prepared.grid[0] * prepared.grid[1] * prepared.grid[2]
    return Profile(
        kernel=kernel.text.name,
        threads=threads,
        groups=raw["groups"],
        logged_groups=raw["groups_logged"],
        read=read,
        written=written,
        threadgroup_read=_traffic(tallies, (_THREADGROUP,), 0, scale),
        threadgroup_written=_traffic(tallies, (_THREADGROUP,), 1, scale),
        least_read=sum(b["read"] for b in raw["buffers"]),
        least_written=sum(b["written"] for b in raw["buffers"]),
        threadgroup_bytes=report["threadgroup_bytes"],
        barriers=report["barriers"],
        simd_barriers=report["simd_barriers"],
        simd_operations=report["simd_operations"],
        atomics=report["atomics"],
        flops=counted[0] if counted else None,
        math_calls=report["math"],
        lines=_line_costs(outcome, scale),
        rooflines=_rooflines(read.moved + written.moved, counted[0] if counted else 0),
    )

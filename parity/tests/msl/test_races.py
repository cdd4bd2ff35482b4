"""Random programs: the races that are found are those that the definition has, no more and no fewer.

One kernel interprets a program that it is given: who reads or writes which variable, and where the barriers are.
"""

import random
from dataclasses import dataclass

import mlx.core as mx
import pytest

from parity import msl

from .helpers import make

pytestmark = pytest.mark.parity_slow

WRITE, READ, BARRIER, DEVICE_BARRIER, SIMD_BARRIER, SIMD_OPERATION, ADD = range(7)
VARIABLES = 6
THREADS = 96
EVERYBODY, FIRST_SIMD, SECOND_SIMD = 1000, 1001, 1002


def _body(memory: str) -> str:
    declare, each = "", "{}"
    if memory == "threadgroup":
        declare = "threadgroup int " + ", ".join(f"a{v}" for v in range(VARIABLES)) + ";"
    lines = [
        declare,
        "uint t = thread_position_in_threadgroup.x;",
        "int sum = 0;",
        *(
            f"if (t == 0) a{v}{{at}} = 0;".format(at="" if memory == "threadgroup" else "[0]")
            for v in range(VARIABLES)
        ),
        "threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);",
        "for (int i = 0; i < program_shape[0]; ++i) {",
        "  int kind = program[3 * i], who = program[3 * i + 1];",
        f"  bool mine = int(t) == who || who == {EVERYBODY} || (who == {FIRST_SIMD} && t < 32) "
        f"|| (who == {SECOND_SIMD} && t / 32 == 1);",
        "  switch (kind * 8 + program[3 * i + 2]) {",
    ]
    at = "" if memory == "threadgroup" else "[0]"
    for v in range(VARIABLES):
        lines.append(f"  case {WRITE * 8 + v}: if (mine) a{v}{at} = 1000 * i + int(t) + 1; break;")
        lines.append(f"  case {READ * 8 + v}: if (mine) sum += a{v}{at}; break;")
        lines.append(
            f"  case {ADD * 8 + v}: if (mine) atomic_fetch_add_explicit(({memory} atomic_int*)&a{v}{at}, 1, "
            "memory_order_relaxed); break;"
        )
    right, wrong = ("threadgroup", "device") if memory == "threadgroup" else ("device", "threadgroup")
    lines += [
        f"  case {BARRIER * 8}: threadgroup_barrier(mem_flags::mem_{right}); break;",
        f"  case {DEVICE_BARRIER * 8}: threadgroup_barrier(mem_flags::mem_{wrong}); break;",
        f"  case {SIMD_BARRIER * 8}: simdgroup_barrier(mem_flags::mem_{right}); break;",
        f"  case {SIMD_OPERATION * 8}: sum += simd_sum(1); break;",
        "  }",
        "}",
        "out[t] = sum;",
    ]
    return "\n".join(each.format(line) for line in lines)


@dataclass(frozen=True)
class Step:
    kind: int
    who: int
    variable: int

    def threads(self) -> range:
        if self.kind not in (WRITE, READ, ADD):
            return range(0)
        groups = {EVERYBODY: range(THREADS), FIRST_SIMD: range(32), SECOND_SIMD: range(32, 64)}
        return groups.get(self.who, range(self.who, self.who + 1))


def _program(rng: random.Random, atomics: bool) -> list[Step]:
    kinds = (
        [WRITE] * 4 + [READ] * 5 + [BARRIER] * 3 + [DEVICE_BARRIER] + [SIMD_BARRIER] * 3 + [SIMD_OPERATION]
    )
    kinds += [ADD] * 3 if atomics else []
    steps = []
    for _ in range(rng.randint(4, 24)):
        kind = rng.choice(kinds)
        who = rng.choice([0, 1, 5, 31, 32, 40, 64, 95])
        if kind != WRITE and rng.random() < 0.3:
            who = rng.choice([EVERYBODY, FIRST_SIMD, SECOND_SIMD])
        access = kind in (WRITE, READ, ADD)
        steps.append(Step(kind, who, rng.randrange(VARIABLES) if access else 0))
    return steps


def _ordered(steps: list[Step], i: int, p: int, j: int, q: int) -> bool:
    """Is the access of thread p in step i ordered before that of thread q in step j?"""
    between = {s.kind for s in steps[i + 1 : j]}
    if p == q or BARRIER in between:
        return True
    if p // 32 != q // 32:
        return False
    over = {SIMD_BARRIER, SIMD_OPERATION} if steps[i].kind == READ else {SIMD_BARRIER}
    return bool(between & over)


def _races(steps: list[Step]) -> set[str]:
    """The variables with two unordered accesses of which one is a write, and not both are atomic."""
    found = set()
    for j, b in enumerate(steps):
        for i, a in enumerate(steps[: j + 1]):
            if a.variable != b.variable or not a.threads() or not b.threads():
                continue
            if {a.kind, b.kind} in ({READ}, {ADD}):
                continue
            if any(
                not _ordered(steps, i, p, j, q) for p in a.threads() for q in b.threads() if i < j or p < q
            ):
                found.add(f"a{a.variable}")
    return found


@pytest.mark.parity_slow
@pytest.mark.parametrize("memory", ["threadgroup", "device"])
@pytest.mark.parametrize("atomics", [False, True], ids=["plain", "atomic"])
def test_exactly_the_races_are_found(memory: str, atomics: bool) -> None:
    rng = random.Random(f"{memory} {atomics}")
    outputs = ["out"] if memory == "threadgroup" else ["out", *(f"a{v}" for v in range(VARIABLES))]
    kernel = make(_body(memory), ["program"], outputs)
    racy = 0
    for k in range(60):
        steps = _program(rng, atomics)
        program = mx.array([[s.kind, s.who, s.variable] for s in steps], dtype=mx.int32)
        with msl.configured(on_findings="ignore", schedules=2, seed=k):
            kernel(
                inputs=[program],
                output_shapes=[(THREADS,)] + [(1,)] * (len(outputs) - 1),
                output_dtypes=[mx.int32] * len(outputs),
                grid=(THREADS, 1, 1),
                threadgroup=(THREADS, 1, 1),
            )
        assert kernel.last is not None
        found = {f.memory for f in kernel.last.findings if f.kind == "race"}
        expected = _races(steps)
        racy += bool(expected)
        assert found == expected, (steps, kernel.last.findings)
    assert 10 < racy < 60

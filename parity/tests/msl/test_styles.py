"""Mistakes in the styles that kernels for other machines have: each is found at its two lines, and the mended one is clean.

The lines that an error has to name end in ``//!``. `MEND` stands where something is missing, or is one word of two.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from parity import msl
from parity.msl.fpmodes import MODES

from .helpers import make

pytestmark = pytest.mark.parity_slow

FOLLOW = {"schedule", "uninitialised", "misaligned", "divergent-barrier", "group-race"}
WAIT = "threadgroup_barrier(mem_flags::mem_threadgroup);"
FENCE = "atomic_thread_fence(mem_flags::mem_device, memory_order_seq_cst, thread_scope_device);"
X = np.random.default_rng(0).integers(0, 50, 1024).astype(np.float32)
T = "const uint t = thread_position_in_threadgroup.x, g = threadgroup_position_in_grid.x;\n"


@dataclass(frozen=True)
class Pair:
    """A body with `MEND` in it, what that is in the wrong and in the mended one, and what is found and computed."""

    kind: str
    body: str
    wrong: str
    mended: str
    exact: Any
    outputs: dict[str, Any] = field(default_factory=lambda: {"out": ((256,), mx.float32)})
    grid: int = 256
    threads: int = 64
    init_value: float | None = None


PAIRS = {
    "persistent threads": Pair(
        "race",
        """
        threadgroup uint next;
        device atomic_uint* queue = (device atomic_uint*)taken;
        while (true) {
            if (t == 0) next = atomic_fetch_add_explicit(queue, 1u, memory_order_relaxed); //!
            threadgroup_barrier(mem_flags::mem_threadgroup);
            const uint job = next; //!
            MEND
            if (job >= 16) break;
            out[job * 64 + t] = 2 * x[job * 64 + t];
        }
        """,
        "", WAIT, 2 * X,
        {"out": ((1024,), mx.float32), "taken": ((1,), mx.uint32)}, 256, 64, 0,
    ),
    "scan with decoupled look-back": Pair(
        "group-race",
        """
        threadgroup uint ticket;
        threadgroup float before;
        device atomic_uint* queue = (device atomic_uint*)taken;
        device atomic_uint* ready = (device atomic_uint*)flags;
        if (t == 0) ticket = atomic_fetch_add_explicit(queue, 1u, memory_order_relaxed);
        threadgroup_barrier(mem_flags::mem_threadgroup);
        const uint tile = ticket;
        const float own = simd_prefix_inclusive_sum(x[tile * 32 + t]), whole = simd_broadcast(own, 31);
        if (t == 0) {
            float sum = 0;
            if (tile > 0) {
                while (atomic_load_explicit(&ready[tile - 1], memory_order_relaxed) == 0) {}
                MEND
                sum = sums[tile - 1]; //!
            }
            before = sum;
            sums[tile] = sum + whole; //!
            MEND
            atomic_store_explicit(&ready[tile], 1u, memory_order_relaxed);
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        out[tile * 32 + t] = before + own;
        """,
        "", FENCE, np.cumsum(X),
        {"out": ((1024,), mx.float32), "sums": ((32,), mx.float32), "taken": ((1,), mx.uint32),
         "flags": ((32,), mx.uint32)}, 1024, 32, 0,
    ),
    "split k without atomics": Pair(
        "group-race",
        """
        float sum = 0;
        for (uint k = g * 256; k < g * 256 + 256; k += 64) sum += x[k + t];
        MEND
        """,
        "out[t] += int(sum); //!",
        "atomic_fetch_add_explicit((device atomic_int*)&out[t], int(sum), memory_order_relaxed);",
        X.reshape(16, 64).sum(0), {"out": ((64,), mx.int32)}, 256, 64, 0,
    ),
    "a producer and a consumer SIMD group": Pair(
        "race",
        """
        threadgroup float tile[2][32];
        const uint lane = thread_index_in_simdgroup;
        float sum = 0;
        for (uint k = 0; k <= 8; ++k) {
            if (t < 32 && k < 8) tile[k & 1][lane] = x[g * 256 + k * 32 + lane]; //!
            if (t >= 32 && k > 0) sum += tile[(k - 1) & 1][31 - lane]; //!
            MEND(mem_flags::mem_threadgroup);
        }
        if (t >= 32) out[g * 32 + lane] = sum;
        """,
        "simdgroup_barrier", "threadgroup_barrier", X.reshape(4, 8, 32).sum(1)[:, ::-1].reshape(-1),
        {"out": ((128,), mx.float32)},
    ),
    "SIMD groups that pass tiles by flags": Pair(
        "race",
        """
        threadgroup float tile[32];
        threadgroup atomic_uint full, empty;
        const uint lane = thread_index_in_simdgroup, s = simdgroup_index_in_threadgroup;
        if (t == 0) atomic_store_explicit(&full, 0u, memory_order_relaxed);
        if (t == 0) atomic_store_explicit(&empty, 0u, memory_order_relaxed);
        threadgroup_barrier(mem_flags::mem_threadgroup);
        float sum = 0;
        for (uint k = 0; k < 4; ++k) {
            if (lane == 0) {
                while (atomic_load_explicit(s == 0 ? &empty : &full, memory_order_relaxed) < k + s) {}
                MEND
            }
            simdgroup_barrier(mem_flags::mem_threadgroup);
            if (s == 0) tile[lane] = x[g * 128 + k * 32 + lane]; //!
            else sum += tile[31 - lane]; //!
            simdgroup_barrier(mem_flags::mem_threadgroup);
            if (lane == 0) {
                MEND
                atomic_store_explicit(s == 0 ? &full : &empty, k + 1, memory_order_relaxed);
            }
        }
        if (s == 1) out[g * 32 + lane] = sum;
        """,
        "", FENCE.replace("mem_device", "mem_threadgroup").replace("scope_device", "scope_threadgroup"),
        X[:512].reshape(4, 4, 32).sum(1)[:, ::-1].reshape(-1), {"out": ((128,), mx.float32)},
    ),
    "a ring with as many stages as it is ahead": Pair(
        "race",
        """
        const uint stages = MEND;
        threadgroup float ring[3][64];
        for (uint k = 0; k < 2; ++k) ring[k % stages][t] = x[k * 256 + g * 64 + t]; //!
        float sum = 0;
        for (uint k = 0; k < 4; ++k) {
            threadgroup_barrier(mem_flags::mem_threadgroup);
            if (k < 2) ring[(k + 2) % stages][t] = x[(k + 2) * 256 + g * 64 + t]; //!
            sum += ring[k % stages][63 - t]; //!
        }
        out[g * 64 + t] = sum;
        """,
        "2", "3", X.reshape(4, 4, 64).sum(0)[:, ::-1].reshape(-1),
    ),
    "each thread leaves the loop by its own test": Pair(
        "divergent-barrier",
        """
        threadgroup float a[64];
        float v = x[g * 64 + t];
        for (uint turn = 0; turn < 8; ++turn) {
            a[t] = v;
            threadgroup_barrier(mem_flags::mem_threadgroup); //!
            const float beside = a[t ^ 1];
            threadgroup_barrier(mem_flags::mem_threadgroup); //!
            v = max(v, beside);
            if (MEND) break;
        }
        out[g * 64 + t] = v;
        """,
        "v > 25", "turn == 3", np.repeat(X[:256].reshape(-1, 2).max(1), 2),
    ),
    "words that others write as bytes": Pair(
        "race",
        """
        threadgroup uint words[16];
        ((threadgroup uchar*)words)[t] = uchar(x[g * 64 + t]); //!
        MEND
        out[g * 64 + t] = float(words[t / 4] >> (t % 4 * 8) & 255); //!
        """,
        "", WAIT, X[:256],
    ),
    "a vector's store that reaches the neighbour's": Pair(
        "race",
        """
        const float v = x[g * 64 + t];
        *(device MEND*)(out + 3 * (g * 64 + t)) = MEND(v); //!
        """,
        "packed_float4", "packed_float3", np.repeat(X[:256], 3), {"out": ((769,), mx.float32)}, 256, 64, 0,
    ),
    "a fence that stays within the threadgroup": Pair(
        "group-race",
        """
        threadgroup bool last;
        part[g * 64 + t] = x[g * 64 + t]; //!
        atomic_thread_fence(mem_flags::mem_device, memory_order_seq_cst, MEND);
        threadgroup_barrier(mem_flags::mem_device);
        if (t == 0)
            last = atomic_fetch_add_explicit((device atomic_uint*)count, 1u, memory_order_relaxed) == 3;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        if (!last) return;
        atomic_thread_fence(mem_flags::mem_device, memory_order_seq_cst, MEND);
        float sum = 0;
        for (uint k = 0; k < 4; ++k) sum += part[k * 64 + t]; //!
        out[t] = sum;
        """,
        "thread_scope_threadgroup", "thread_scope_device", X[:256].reshape(4, 64).sum(0),
        {"out": ((64,), mx.float32), "part": ((256,), mx.float32), "count": ((1,), mx.uint32)}, 256, 64, 0,
    ),
    "the last warp without barriers": Pair(
        "race",
        """
        threadgroup float a[64];
        a[t] = x[g * 64 + t];
        threadgroup_barrier(mem_flags::mem_threadgroup);
        if (t < 32) {
            volatile threadgroup float* v = a;
            float own = v[t];
            for (uint d = 32; d > 0; d /= 2) {
                own += v[t + d]; //!
                MEND
                if (t < d) v[t] = own; //!
                MEND
            }
        }
        if (t == 0) out[g] = a[0];
        """,
        "", "simdgroup_barrier(mem_flags::mem_threadgroup);", X[:256].reshape(4, 64).sum(1),
        {"out": ((4,), mx.float32)},
    ),
    "a histogram that is cleared too late": Pair(
        "race",
        """
        threadgroup atomic_uint bins[50];
        if (t < 50) atomic_store_explicit(&bins[t], 0u, memory_order_relaxed);
        threadgroup uint* counts = (threadgroup uint*)bins;
        if (t < 50) counts[t] = 0; //!
        MEND
        atomic_fetch_add_explicit(&bins[uint(x[g * 64 + t])], 1u, memory_order_relaxed); //!
        threadgroup_barrier(mem_flags::mem_threadgroup);
        if (t < 50) out[g * 50 + t] = counts[t];
        """,
        "", WAIT, np.stack([np.bincount(r.astype(int), minlength=50) for r in X[:256].reshape(4, 64)]).reshape(-1),
        {"out": ((200,), mx.uint32)},
    ),
    "in place through another view": Pair(
        "race",
        """
        device float4* rows = (device float4*)(out + g * 64);
        if (t < 16) rows[t] = float4(x[g * 64 + 4 * t], x[g * 64 + 4 * t + 1], x[g * 64 + 4 * t + 2], x[g * 64 + 4 * t + 3]); //!
        threadgroup_barrier(mem_flags::MEND);
        device float* flat = out + g * 64;
        const float v = flat[63 - t]; //!
        threadgroup_barrier(mem_flags::mem_device);
        flat[t] = v; //!
        """,
        "mem_threadgroup", "mem_device", X[:256].reshape(4, 64)[:, ::-1].reshape(-1),
    ),
}  # fmt: skip


def _call(pair: Pair, text: str) -> tuple[msl.MetalKernel, dict[str, Any]]:
    call = {
        "inputs": [mx.array(X)], "grid": (pair.grid, 1, 1), "threadgroup": (pair.threads, 1, 1),
        "output_shapes": [s for s, _ in pair.outputs.values()], "init_value": pair.init_value,
        "output_dtypes": [d for _, d in pair.outputs.values()],
    }  # fmt: skip
    return make(T + pair.body.replace("MEND", text), ["x"], list(pair.outputs)), call


def _ran(
    kernel: msl.MetalKernel, call: dict[str, Any], schedules: int
) -> tuple[Any, tuple[msl.Finding, ...]]:
    with msl.configured(on_findings="ignore", schedules=schedules):
        out = kernel(**call)[0]
    assert kernel.last is not None
    return out, kernel.last.findings


def _shown(found: Iterable[msl.Finding]) -> str:
    return "\n".join(f.describe() for f in found)


@pytest.mark.parametrize("name", PAIRS)
def test_the_wrong_one_is_found_at_its_lines(name: str) -> None:
    """What else is found follows from it: an order that matters, a value that nobody has written yet."""
    pair = PAIRS[name]
    _, found = _ran(*_call(pair, pair.wrong), schedules=3)
    of_kind = [f for f in found if f.kind == pair.kind]
    assert of_kind, _shown(found)
    for f in of_kind:
        assert all("//!" in a.text or a.verb == "return" for a in f.accesses), f.describe()
    others = {f.kind for f in found if f.severity == "error"} - {pair.kind}
    assert others <= FOLLOW, _shown(found)


@pytest.mark.parametrize("name", PAIRS)
def test_the_mended_one_is_clean(name: str, request: pytest.FixtureRequest) -> None:
    """In 20 orders of its threads; the deep profile has every floating-point mode, and unset locals, too."""
    pair = PAIRS[name]
    kernel, call = _call(pair, pair.mended)
    out, found = _ran(kernel, call, schedules=20)
    if request.config.getoption("parity_profile", None) == "deep":
        found += msl.check(kernel, schedules=20, modes=MODES, **call).findings
    assert not found, _shown(found)
    assert np.array_equal(np.asarray(out)[: pair.exact.size], pair.exact)

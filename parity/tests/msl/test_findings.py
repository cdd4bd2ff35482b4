"""Every kind of mistake: a minimal kernel that makes it, and the same kernel mended."""

from typing import Any

import mlx.core as mx
import pytest

from parity import msl
from parity.msl.findings import ERRORS, NOTES

from .helpers import found, kinds, make, run

pytestmark = pytest.mark.parity_slow

BARRIER = "threadgroup_barrier(mem_flags::mem_threadgroup);"
ONE: dict[str, Any] = {"grid": (64, 1, 1), "threadgroup": (64, 1, 1), "shape": (64,)}

SOFTMAX = """
    threadgroup float shared[8];
    uint t = thread_position_in_threadgroup.x, lane = thread_index_in_simdgroup, s = simdgroup_index_in_threadgroup;
    uint i = thread_position_in_grid.x;
    float m = simd_max(x[i]);
    if (lane == 0) shared[s] = m;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (s == 0) {
        m = simd_max(lane < 8 ? shared[lane] : -INFINITY);
        if (lane == 0) shared[0] = m;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    m = shared[0];
    MISSING
    float e = exp(x[i] - m);
    float sum = simd_sum(e);
    if (lane == 0) shared[s] = sum;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    sum = 0;
    for (uint k = 0; k < 8; ++k) sum += shared[k];
    out[i] = e / sum;
"""

# kind: (wrong, mended, how it is called). What is found in the wrong one is that kind; in the mended one nothing is.
CASES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "no barrier": (
        "race",
        "threadgroup float a[64]; uint t = thread_position_in_threadgroup.x; a[t] = t; out[t] = a[63 - t];",
        f"threadgroup float a[64]; uint t = thread_position_in_threadgroup.x; a[t] = t; {BARRIER} out[t] = a[63 - t];",
        ONE,
    ),
    "softmax reuses its array": (
        "race",
        SOFTMAX.replace("MISSING", ""),
        SOFTMAX.replace("MISSING", BARRIER),
        {
            "inputs": {"x": mx.random.normal(shape=(512,))}, "grid": (512, 1, 1), "threadgroup": (256, 1, 1),
            "shape": (512,),
        },
    ),
    "lanes are not in step": (
        "race",
        "threadgroup float a[32]; uint t = thread_index_in_simdgroup; a[t] = t; out[t] = a[31 - t];",
        "threadgroup float a[32]; uint t = thread_index_in_simdgroup; a[t] = t; "
        "simdgroup_barrier(mem_flags::mem_threadgroup); out[t] = a[31 - t];",
        {},
    ),
    "a SIMD operation makes no write visible": (
        "race",
        "threadgroup float a[32]; uint t = thread_index_in_simdgroup; a[t] = t; float s = simd_sum(1.0f); "
        "out[t] = a[31 - t] + s;",
        f"threadgroup float a[32]; uint t = thread_index_in_simdgroup; a[t] = t; float s = simd_sum(1.0f); {BARRIER} "
        "out[t] = a[31 - t] + s;",
        {},
    ),
    "SIMD barrier between SIMD groups": (
        "race",
        "threadgroup float a[64]; uint t = thread_position_in_threadgroup.x; a[t] = t; "
        "simdgroup_barrier(mem_flags::mem_threadgroup); out[t] = a[63 - t];",
        "threadgroup float a[64]; uint t = thread_position_in_threadgroup.x; a[t] = t; "
        "simdgroup_barrier(mem_flags::mem_threadgroup); out[t] = a[t ^ 31];",
        ONE,
    ),
    "wrong flag for threadgroup memory": (
        "race",
        "threadgroup float a[64]; uint t = thread_position_in_threadgroup.x; a[t] = t; "
        "threadgroup_barrier(mem_flags::mem_device); out[t] = a[63 - t];",
        "threadgroup float a[64]; uint t = thread_position_in_threadgroup.x; a[t] = t; "
        "threadgroup_barrier(mem_flags::mem_device | mem_flags::mem_threadgroup); out[t] = a[63 - t];",
        ONE,
    ),
    "wrong flag for device memory": (
        "race",
        f"uint t = thread_position_in_threadgroup.x; out[t] = t; {BARRIER} float v = out[63 - t]; "
        "threadgroup_barrier(mem_flags::mem_device); out[t] = v;",
        "uint t = thread_position_in_threadgroup.x; out[t] = t; threadgroup_barrier(mem_flags::mem_device); "
        "float v = out[63 - t]; threadgroup_barrier(mem_flags::mem_device); out[t] = v;",
        ONE,
    ),
    "write after read": (
        "race",
        f"threadgroup float a[64]; uint t = thread_position_in_threadgroup.x; a[t] = t; {BARRIER} float v = a[63 - t]; "
        "a[t] = v + 1; out[t] = v;",
        f"threadgroup float a[64]; uint t = thread_position_in_threadgroup.x; a[t] = t; {BARRIER} float v = a[63 - t]; "
        f"{BARRIER} a[t] = v + 1; out[t] = v;",
        ONE,
    ),
    "plain and atomic": (
        "race",
        "threadgroup atomic_int n; uint t = thread_position_in_threadgroup.x; if (t == 0) *(threadgroup int*)&n = 0; "
        f"atomic_fetch_add_explicit(&n, 1, memory_order_relaxed); {BARRIER} "
        "out[t] = atomic_load_explicit(&n, memory_order_relaxed);",
        "threadgroup atomic_int n; uint t = thread_position_in_threadgroup.x; if (t == 0) *(threadgroup int*)&n = 0; "
        f"{BARRIER} atomic_fetch_add_explicit(&n, 1, memory_order_relaxed); {BARRIER} "
        "out[t] = atomic_load_explicit(&n, memory_order_relaxed);",
        ONE,
    ),
    "threadgroups write one place": (
        "group-race",
        "out[0] = thread_position_in_grid.x;",
        "if (thread_position_in_grid.x == 0) out[0] = thread_position_in_grid.x;",
        {"grid": (2, 1, 1), "threadgroup": (1, 1, 1), "shape": (1,)},
    ),
    "a threadgroup reads what another writes": (
        "group-race",
        "uint g = thread_position_in_grid.x; out[g] = g; out[2 + g] = out[1 - g];",
        "uint g = thread_position_in_grid.x; out[g] = g; out[2 + g] = out[g];",
        {"grid": (2, 1, 1), "threadgroup": (1, 1, 1), "shape": (4,), "init_value": 0},
    ),
    "a sum without atomics": (
        "group-race",
        "out[0] += 1;",
        "atomic_fetch_add_explicit((device atomic_int*)&out[0], 1, memory_order_relaxed);",
        {"grid": (2, 1, 1), "threadgroup": (1, 1, 1), "shape": (1,), "init_value": 0, "dtype": mx.int32},
    ),
    "a counter that one threadgroup sets": (
        "group-race",
        "if (thread_position_in_grid.x == 0) out[0] = 0; threadgroup_barrier(mem_flags::mem_device); "
        "atomic_fetch_add_explicit((device atomic_int*)&out[0], 1, memory_order_relaxed);",
        "atomic_fetch_add_explicit((device atomic_int*)&out[0], 1, memory_order_relaxed);",
        {
            "grid": (64, 1, 1), "threadgroup": (32, 1, 1), "shape": (1,), "init_value": 0, "dtype": mx.int32,
            "schedules": 2,
        },
    ),
    "one value from all": (
        "same-value",
        "out[0] = 5;",
        "if (thread_position_in_grid.x == 0) out[0] = 5;",
        {"shape": (1,)},
    ),
    "threadgroup memory starts with anything": (
        "uninitialised",
        "threadgroup float a[32]; uint t = thread_position_in_grid.x; a[t] += t; out[t] = a[t];",
        "threadgroup float a[32]; uint t = thread_position_in_grid.x; a[t] = 0; a[t] += t; out[t] = a[t];",
        {},
    ),
    "an output without an initial value": (
        "uninitialised",
        "out[thread_position_in_grid.x] += 1;",
        "out[thread_position_in_grid.x] = 0; out[thread_position_in_grid.x] += 1;",
        {},
    ),
    "an atomic sum without an initial value": (
        "uninitialised",
        "atomic_fetch_add_explicit((device atomic_int*)&out[0], 1, memory_order_relaxed);",
        "atomic_store_explicit((device atomic_int*)&out[0], 0, memory_order_relaxed); "
        "atomic_fetch_add_explicit((device atomic_int*)&out[0], 1, memory_order_relaxed);",
        {"shape": (1,), "dtype": mx.int32, "grid": (1, 1, 1)},
    ),
    "a local variable": (
        "uninitialised",
        "float v; float w = v + 1; out[thread_position_in_grid.x] = w;",
        "float v = 0; float w = v + 1; out[thread_position_in_grid.x] = w;",
        {},
    ),
    "beyond an output": (
        "out-of-bounds",
        "uint t = thread_position_in_grid.x; out[t + 1] = t;",
        "uint t = thread_position_in_grid.x; if (t + 1 < 32) out[t + 1] = t;",
        {"init_value": 0},
    ),
    "before an input": (
        "out-of-bounds",
        "int t = thread_position_in_grid.x; out[t] = x[t - 1];",
        "int t = thread_position_in_grid.x; out[t] = t > 0 ? x[t - 1] : 0;",
        {"inputs": {"x": mx.zeros((32,))}},
    ),
    "beyond a threadgroup array": (
        "out-of-bounds",
        "threadgroup float a[32]; threadgroup float b[32]; uint t = thread_position_in_grid.x; b[t] = 0; "
        "threadgroup float* p = a; p[t + 1] = t; out[t] = b[t];",
        "threadgroup float a[33]; threadgroup float b[32]; uint t = thread_position_in_grid.x; b[t] = 0; "
        "threadgroup float* p = a; p[t + 1] = t; out[t] = b[t];",
        {},
    ),
    "a null pointer": (
        "out-of-bounds",
        "device float* p = nullptr; if (x[0] == 0) p = out; p += 1; p -= 1; out[thread_position_in_grid.x] = *p;",
        "device const float* p = &x[0]; out[thread_position_in_grid.x] = *p;",
        {"inputs": {"x": mx.ones((32,))}},
    ),
    "an index beyond a local array": (
        "index",
        "float a[4] = {1, 2, 3, 4}; uint t = thread_position_in_grid.x; out[t] = a[t & 7];",
        "float a[8] = {1, 2, 3, 4}; uint t = thread_position_in_grid.x; out[t] = a[t & 7];",
        {},
    ),
    "an index beyond a row": (
        "index",
        "threadgroup float a[8][4]; uint t = thread_position_in_grid.x; a[t / 4][t % 4] = t; "
        f"{BARRIER} out[t] = a[0][t % 4 + x[0]];",
        "threadgroup float a[8][5]; uint t = thread_position_in_grid.x; a[t / 4][t % 4] = t; out[t] = a[t / 4][t % 4];",
        {"inputs": {"x": mx.array([4])}},
    ),
    "a vector where a scalar may lie": (
        "misaligned",
        "float4 v = *(device const float4*)(x + 1); out[thread_position_in_grid.x] = v.x + v.w;",
        "packed_float4 v = *(device const packed_float4*)(x + 1); out[thread_position_in_grid.x] = v.x + v.w;",
        {"inputs": {"x": mx.zeros((32,))}},
    ),
    "a write to an input": (
        "read-only",
        "device float* p = (device float*)x; p[thread_position_in_grid.x] = 1; out[thread_position_in_grid.x] = 1;",
        "device const float* p = x; out[thread_position_in_grid.x] = p[thread_position_in_grid.x];",
        {"inputs": {"x": mx.zeros((32,))}},
    ),
    "a barrier in a branch": (
        "divergent-barrier",
        f"uint t = thread_position_in_grid.x; if (t < 16) {{ {BARRIER} }} out[t] = t;",
        f"uint t = thread_position_in_grid.x; {BARRIER} if (t < 16) out[t] = t; else out[t] = t;",
        {},
    ),
    "a barrier after an early return": (
        "divergent-barrier",
        f"uint t = thread_position_in_grid.x; if (t >= 20) return; {BARRIER} out[t] = t;",
        f"uint t = thread_position_in_grid.x; {BARRIER} if (t >= 20) return; out[t] = t;",
        {"init_value": 0},
    ),
    "a barrier in each branch": (
        "divergent-barrier",
        f"uint t = thread_position_in_grid.x;\nif (t < 16) {{ {BARRIER} }}\nelse {{ {BARRIER} }}\nout[t] = t;",
        f"uint t = thread_position_in_grid.x;\n{BARRIER}\nout[t] = t;",
        {},
    ),
    "a SIMD barrier in a branch": (
        "divergent-barrier",
        "uint t = thread_position_in_grid.x; if (t < 16) { simdgroup_barrier(mem_flags::mem_none); }\n"
        "out[t] = simd_sum(1.0f);",
        "uint t = thread_position_in_grid.x; simdgroup_barrier(mem_flags::mem_none);\nout[t] = simd_sum(1.0f);",
        {},
    ),
    "a lane that has returned": (
        "inactive-lane",
        "uint t = thread_position_in_grid.x; if (t >= 20) return; out[t] = simd_shuffle(float(t), 25);",
        "uint t = thread_position_in_grid.x; float v = simd_shuffle(float(t), 25); if (t >= 20) return; out[t] = v;",
        {"init_value": 0},
    ),
    "a lane that is not there": (
        "inactive-lane",
        "uint t = thread_position_in_grid.x; out[t] = simd_shuffle_xor(float(t), 16);",
        "uint t = thread_position_in_grid.x; out[t] = simd_shuffle_xor(float(t), 1);",
        {"grid": (20, 1, 1), "shape": (20,)},
    ),
    "a matrix product by half a SIMD group": (
        "inactive-lane",
        "simdgroup_float8x8 a(1.0f), b; simdgroup_multiply(b, a, a); out[thread_position_in_grid.x] = b.thread_elements()[0];",
        "simdgroup_float8x8 a(1.0f); out[thread_position_in_grid.x] = a.thread_elements()[0];",
        {"grid": (16, 1, 1), "shape": (16,)},
    ),
    "a sum in a branch": (
        "partial-simd",
        "uint t = thread_position_in_grid.x; float s = 0; if (t < 16) s = simd_sum(1.0f); out[t] = s;",
        "uint t = thread_position_in_grid.x; float s = simd_sum(1.0f); out[t] = t < 16 ? s : 0;",
        {},
    ),
    "a loop without an end": (
        "runaway",
        "uint t = thread_position_in_grid.x; while (x[0] == 0) { out[t] = t; }",
        "uint t = thread_position_in_grid.x; while (x[0] == 1) { out[t] = t; } out[t] = 0;",
        {"inputs": {"x": mx.zeros((32,))}, "time_limit": 0.3},
    ),
    "a wait for a later threadgroup": (
        "runaway",
        "device atomic_int* f = (device atomic_int*)out; if (thread_position_in_grid.x == 1) "
        "atomic_store_explicit(f, 1, memory_order_relaxed); "
        "else while (atomic_load_explicit(f, memory_order_relaxed) == 0) {}",
        "device atomic_int* f = (device atomic_int*)out; if (thread_position_in_grid.x == 0) "
        "atomic_store_explicit(f, 1, memory_order_relaxed);",
        {
            "grid": (2, 1, 1), "threadgroup": (1, 1, 1), "shape": (1,), "dtype": mx.int32, "init_value": 0,
            "time_limit": 0.3,
        },
    ),
    "who comes first": (
        "schedule",
        "device atomic_int* n = (device atomic_int*)out; uint t = thread_position_in_grid.x; "
        "int k = atomic_fetch_add_explicit(n, 1, memory_order_relaxed); out[1 + t] = k;",
        "device atomic_int* n = (device atomic_int*)out; uint t = thread_position_in_grid.x; "
        "int k = atomic_fetch_add_explicit(n, 1, memory_order_relaxed); out[1 + t] = k >= 0;",
        {"shape": (33,), "dtype": mx.int32, "init_value": 0, "schedules": 4},
    ),
    "a sum of floats in any order": (
        "float-order",
        "atomic_fetch_add_explicit((device atomic_float*)out, x[thread_position_in_grid.x], memory_order_relaxed);",
        "if (thread_position_in_grid.x == 0) { float s = 0; for (int i = 0; i < 32; ++i) s += x[i]; out[0] = s; }",
        {"shape": (1,), "init_value": 0, "schedules": 8, "inputs": {"x": mx.random.normal(shape=(32,), key=mx.random.key(1))}},
    ),
    "threads that are missing": (
        "unwritten",
        "uint t = thread_position_in_grid.x; if (t < 30) out[t] = t;",
        "uint t = thread_position_in_grid.x; out[t] = t;",
        {},
    ),
    "a division by zero": (
        "crash",
        "uint t = thread_position_in_grid.x; out[t] = 5 / x[0];",
        "uint t = thread_position_in_grid.x; out[t] = x[0] ? 5 / x[0] : 0;",
        {"inputs": {"x": mx.array([0, 1])}},
    ),
    "tiles too large": (
        "threadgroup-memory",
        f"threadgroup float a[64][129]; uint t = thread_position_in_grid.x; a[t][t] = t; {BARRIER} out[t] = a[t][t];",
        f"threadgroup float a[64][128]; uint t = thread_position_in_grid.x; a[t][t] = t; {BARRIER} out[t] = a[t][t];",
        {},
    ),
    "a pointer without an address space": (
        "refused",
        "uint t = thread_position_in_grid.x; float* p = out; p[t] = t;",
        "uint t = thread_position_in_grid.x; device float* p = out; p[t] = t;",
        {},
    ),
    "a stack without an end": (
        "stack",
        "out[0] = f(x[0]);",
        "out[0] = g(x[0]);",
        {
            "inputs": {"x": mx.array([1])}, "shape": (1,), "grid": (1, 1, 1),
            "header": "int g(int n) { return n; }\n"
            "__attribute__((noinline)) int f(int n) { volatile int a[64]; a[n & 63] = n; return f(n + 1) + a[n & 7]; }\n",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_wrong_one_is_found(case: str) -> None:
    kind, wrong, _, call = CASES[case]
    seen = kinds(wrong, **call)
    allowed = {
        "a matrix product by half a SIMD group": {"partial-simd"},
        "a SIMD barrier in a branch": {"partial-simd"},
        "a lane that has returned": {"partial-simd"},
        "a loop without an end": {"unwritten"},
        "a null pointer": {"unwritten"},
        "a division by zero": {"unwritten"},
        # Seen where the first threadgroup does not run first; then its result differs, too.
        "a counter that one threadgroup sets": {"schedule"},
    }
    assert kind in seen
    assert seen <= {kind} | allowed.get(case, set())


@pytest.mark.parametrize("case", CASES)
def test_the_mended_one_is_clean(case: str) -> None:
    _, _, mended, call = CASES[case]
    assert kinds(mended, **call) - {"partial-simd"} == set()


def test_every_kind_has_a_case() -> None:
    assert {kind for kind, *_ in CASES.values()} == set(ERRORS) | set(NOTES)


def test_mistakes_raise_and_notes_do_not() -> None:
    _, wrong, _, call = CASES["no barrier"]
    with pytest.raises(msl.KernelFindingsError) as caught:
        run(wrong, **call)
    assert caught.value.kernel == "k"
    assert caught.value.findings[0].kind == "race"
    run(CASES["one value from all"][1], shape=(1,))


def test_findings_may_warn() -> None:
    _, wrong, _, call = CASES["no barrier"]
    with msl.configured(on_findings="warn"), pytest.warns(msl.KernelWarning, match="data race"):
        run(wrong, **call)


def test_a_race_is_told_with_both_lines_threads_and_the_missing_barrier() -> None:
    source = "\n".join(
        [
            "threadgroup float a[64];",
            "uint t = thread_position_in_threadgroup.x;",
            "a[t] = t;",
            "out[t] = a[63 - t];",
        ]
    )
    (race,) = found(source, **ONE)
    assert {a.line for a in race.accesses} == {3, 4}
    assert {a.verb for a in race.accesses} == {"read", "write"}
    assert all(a.thread is not None and a.group == (0, 0, 0) for a in race.accesses)
    text = race.describe()
    assert "data race: on a[" in text
    assert "at line 3:  a[t] = t;" in text
    assert "threadgroup_barrier(mem_flags::mem_threadgroup) is missing between them" in text


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (
            "wrong flag for threadgroup memory",
            "has mem_flags::mem_device; it needs mem_flags::mem_threadgroup",
        ),
        ("wrong flag for device memory", "has mem_flags::mem_threadgroup; it needs mem_flags::mem_device"),
        ("lanes are not in step", "simdgroup_barrier(mem_flags::mem_threadgroup) or threadgroup_barrier"),
        ("threadgroups write one place", "no barrier orders threadgroups"),
        ("beyond an output", "out[32], an array of 32 elements"),
        ("before an input", "x[-1], an array of 32 elements"),
        ("beyond a threadgroup array", "a[32], an array of 32 elements"),
        ("an index beyond a local array", "index 4 of 'float"),
        ("a lane that has returned", "simd_shuffle reads lane 25, which has returned"),
        ("a lane that is not there", "which does not exist: the SIMD group has 20 threads"),
        (
            "a barrier after an early return",
            "20 threads of the threadgroup wait at the threadgroup_barrier, 12 do not",
        ),
        ("a local variable", "local variable v"),
        ("tiles too large", "33024 bytes, and a threadgroup has 32768"),
        ("a null pointer", "a null or wild pointer"),
    ],
)
def test_the_words(case: str, words: str) -> None:
    _, wrong, _, call = CASES[case]
    assert any(words in f.describe() for f in found(wrong, **call)), [
        f.describe() for f in found(wrong, **call)
    ]


def test_lines_in_the_header_are_told_as_such() -> None:
    seen = found(
        "uint t = thread_position_in_grid.x; out[t] = get(out, t);",
        header="// a comment\ntemplate <typename T> float get(device T* p, uint i) {\n  return p[i + 1];\n}\n",
        init_value=0,
    )
    assert any(a.place == "header line 3" for f in seen for a in f.accesses)


def test_a_later_race_is_found_behind_an_earlier_access() -> None:
    """The last of several reads before a write, in whatever order threads run."""
    source = f"""
        threadgroup float a[64];
        uint t = thread_position_in_threadgroup.x;
        a[t] = t;
        {BARRIER}
        float v = a[5];
        if (t == WHO) a[5] = 1;
        out[t] = v;
    """
    for who in (0, 5, 31, 40, 63):
        assert "race" in kinds(source.replace("WHO", str(who)), schedules=3, **ONE)


def test_the_same_findings_twice() -> None:
    _, wrong, _, call = CASES["softmax reuses its array"]
    assert [f.describe() for f in found(wrong, **call)] == [f.describe() for f in found(wrong, **call)]


def test_findings_are_plain_for_json() -> None:
    (race,) = found(CASES["no barrier"][1], **ONE)
    plain = race.plain()
    assert plain["kind"] == "race"
    assert plain["line"] == 1
    assert plain["accesses"][0]["verb"] in ("read", "write")


def test_a_kernel_that_crashes_leaves_no_trace_in_this_process() -> None:
    before = run("out[thread_position_in_grid.x] = 3;")
    with pytest.raises(msl.KernelFindingsError, match="null or wild pointer"):
        run("device float* p = (device float*)16; *p = thread_position_in_grid.x; out[0] = 1;")
    assert mx.array_equal(before, run("out[thread_position_in_grid.x] = 3;"))


def test_make_keeps_its_last_outcome() -> None:
    kernel = make("out[thread_position_in_grid.x] = 1;")
    assert kernel.last is None
    call: dict[str, Any] = {
        "output_shapes": [(4,)],
        "output_dtypes": [mx.float32],
        "grid": (4, 1, 1),
        "threadgroup": (4, 1, 1),
    }
    kernel(inputs=[], **call)
    last: Any = kernel.last
    assert last.report["writes"] == 4


def test_a_race_is_the_reason_of_a_result_that_depends_on_the_order() -> None:
    source = """
        threadgroup float a[32];
        uint t = thread_position_in_grid.x;
        a[t] = t;
        out[t] = a[31 - t];
    """
    by_kind = {f.kind: f for f in found(source, schedules=3)}
    assert set(by_kind) == {"race", "schedule"}
    assert by_kind["schedule"].remedy == "a data race that is listed here is the likely reason: mend it first"


def test_a_reader_of_another_threadgroup_is_told_by_its_line() -> None:
    """Also where many have read before the write: one of them is kept."""
    source = """uint t = thread_position_in_grid.x;
        atomic_fetch_add_explicit((device atomic_uint*)out, 1u, memory_order_relaxed);
        out[1 + t % 32] = out[0];"""
    call: dict[str, Any] = {
        "grid": (128, 1, 1), "shape": (40,), "dtype": mx.uint32, "init_value": 0
    }  # fmt: skip
    races = [f for f in found(source, **call) if f.kind == "group-race"]
    assert races
    assert all(a.line in (2, 3) for f in races for a in f.accesses), [f.describe() for f in races]


def test_an_index_outside_is_said_once() -> None:
    source = f"threadgroup float a[32]; uint t = thread_position_in_grid.x;\na[t + 1] = t;\n{BARRIER}\nout[t] = a[t];"
    assert [f.kind for f in found(source) if f.line == 2] == ["out-of-bounds"]


def test_a_thread_inside_the_library_is_told_by_the_kernels_line() -> None:
    """It is interrupted in a function of the library, whose lines are no lines of the kernel."""
    source = f"""threadgroup atomic_uint flag;
        if (thread_position_in_grid.x == 0) atomic_store_explicit(&flag, 0u, memory_order_relaxed);
        {BARRIER}
        while (atomic_load_explicit(&flag, memory_order_relaxed) == 0u) {{ }}
        out[thread_position_in_grid.x] = 1;"""
    lines = {
        f.line for seed in range(3) for f in found(source, time_limit=0.2, seed=seed) if f.kind == "runaway"
    }
    assert lines == {4}


@pytest.mark.parametrize(("first", "clean"), [(0, True), (1, False), (2, True)])
def test_a_view_starts_where_it_lies_in_its_array(first: int, clean: bool) -> None:
    """MLX gives a kernel the array's buffer and the view's offset, not a copy that is aligned."""
    x = mx.arange(66, dtype=mx.float16)[first : first + 64]
    source = "uint t = thread_position_in_grid.x; out[t] = float2(((const device half2*)x)[t]).y;"
    seen = found(source, inputs={"x": x})
    assert [f.kind for f in seen] == ([] if clean else ["misaligned"])
    if not clean:
        assert "a view that starts at byte 2 (modulo 16) of its array, not a multiple of 4" in seen[0].message
    copied = run(source, inputs={"x": mx.contiguous(x[::-1])})
    assert copied.tolist() == [float(first + 62 - 2 * t) for t in range(32)]


def test_elements_before_a_view_are_outside() -> None:
    x = mx.arange(66, dtype=mx.float32)[3:]
    seen = found("int t = int(thread_position_in_grid.x); out[t] = x[t - 1];", inputs={"x": x})
    assert [(f.kind, f.index) for f in seen] == [("out-of-bounds", -1)]


@pytest.mark.parametrize("division", ["5 / N", "5 % N", "5 / (t - t)", "x[t] / N", "(uint)x[t] % (uint)N"])
def test_a_division_by_a_constant_zero_has_its_line(division: str) -> None:
    """A compiler may make anything of it, and does: a trap at the start of the kernel, or nothing at all."""
    seen = found(
        f"int t = thread_position_in_grid.x;\nif (t == 3)\n  out[t] = {division};\nelse out[t] = 1;",
        inputs={"x": mx.arange(32)},
        template=[("N", 0)],
        dtype=mx.int32,
    )
    assert [(f.kind, f.line) for f in seen if f.severity == "error"] == [("crash", 3)]
    assert "division by zero" in seen[0].message

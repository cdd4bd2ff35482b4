"""Correct kernels: right results, and no false alarm, in every schedule and mode."""

from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from parity import msl

from .helpers import make, to_numpy

pytestmark = pytest.mark.parity_slow

BARRIER = "threadgroup_barrier(mem_flags::mem_threadgroup);"


def clean(
    kernel: msl.MetalKernel, *, notes: tuple[str, ...] = (), schedules: int = 3, **call: Any
) -> list[Any]:
    """The outputs of a kernel in which no check finds anything."""
    modes = (msl.fpmodes.STRICT,)
    report = msl.check(kernel, schedules=schedules, modes=modes, **call)
    assert report.ok, report.describe()
    unexpected = [f for f in report.findings if f.kind not in notes]
    assert not unexpected, report.describe()
    return list(report.outputs)


def call(
    inputs: list[Any], shape: Any, grid: Any, threadgroup: Any, dtype: Any = mx.float32, **more: Any
) -> dict[str, Any]:
    base = {
        "inputs": inputs,
        "output_shapes": [shape],
        "output_dtypes": [dtype],
        "grid": grid,
        "threadgroup": threadgroup,
    }
    return {**base, **more}


def normal(*shape: int, dtype: Any = mx.float32, seed: int = 0) -> Any:
    return mx.random.normal(shape=shape, key=mx.random.key(seed)).astype(dtype)


def test_tree_reduction() -> None:
    source = f"""
        threadgroup float part[256];
        uint t = thread_position_in_threadgroup.x;
        part[t] = x[thread_position_in_grid.x];
        for (uint n = 128; n > 0; n >>= 1) {{
            {BARRIER}
            if (t < n) part[t] += part[t + n];
        }}
        if (t == 0) out[threadgroup_position_in_grid.x] = part[0];
    """
    x = normal(1024)
    (out,) = clean(make(source, ["x"]), **call([x], (4,), (1024, 1, 1), (256, 1, 1)))
    assert np.allclose(out, np.asarray(x).reshape(4, 256).sum(1), atol=1e-4)


def test_reduction_in_two_simd_steps() -> None:
    source = f"""
        threadgroup float part[8];
        float v = simd_sum(x[thread_position_in_grid.x]);
        if (thread_index_in_simdgroup == 0) part[simdgroup_index_in_threadgroup] = v;
        {BARRIER}
        if (simdgroup_index_in_threadgroup == 0) {{
            float s = simd_sum(thread_index_in_simdgroup < 8 ? part[thread_index_in_simdgroup] : 0.0f);
            if (thread_index_in_simdgroup == 0) out[threadgroup_position_in_grid.x] = s;
        }}
    """
    x = normal(1024)
    (out,) = clean(make(source, ["x"]), **call([x], (4,), (1024, 1, 1), (256, 1, 1)))
    assert np.allclose(out, np.asarray(x).reshape(4, 256).sum(1), atol=1e-4)


def test_shuffle_reduction() -> None:
    source = """
        float v = x[thread_position_in_grid.x];
        for (ushort d = 16; d > 0; d /= 2) v += simd_shuffle_down(v, d);
        if (thread_index_in_simdgroup == 0) out[thread_position_in_grid.x / 32] = v;
    """
    x = normal(256)
    (out,) = clean(make(source, ["x"]), **call([x], (8,), (256, 1, 1), (64, 1, 1)))
    assert np.allclose(out, np.asarray(x).reshape(8, 32).sum(1), atol=1e-4)


def test_inclusive_scan_with_two_buffers() -> None:
    source = f"""
        threadgroup int a[2][128];
        uint t = thread_position_in_threadgroup.x;
        a[0][t] = x[thread_position_in_grid.x];
        int from = 0;
        for (uint d = 1; d < 128; d *= 2) {{
            {BARRIER}
            a[1 - from][t] = a[from][t] + (t >= d ? a[from][t - d] : 0);
            from = 1 - from;
        }}
        out[thread_position_in_grid.x] = a[from][t];
    """
    x = mx.arange(256).astype(mx.int32)
    (out,) = clean(make(source, ["x"]), **call([x], (256,), (256, 1, 1), (128, 1, 1), mx.int32))
    assert np.array_equal(out, np.cumsum(np.asarray(x).reshape(2, 128), 1).reshape(-1))


def test_scan_by_simd_prefix() -> None:
    source = f"""
        threadgroup float total[4];
        uint i = thread_position_in_grid.x, lane = thread_index_in_simdgroup, s = simdgroup_index_in_threadgroup;
        float v = simd_prefix_inclusive_sum(x[i]);
        if (lane == 31) total[s] = v;
        {BARRIER}
        float before = 0;
        for (uint k = 0; k < s; ++k) before += total[k];
        out[i] = before + v;
    """
    x = normal(128)
    (out,) = clean(make(source, ["x"]), **call([x], (128,), (128, 1, 1), (128, 1, 1)))
    assert np.allclose(out, np.cumsum(np.asarray(x)), atol=1e-4)


TILED = f"""
    threadgroup T ta[B][B + 1];
    threadgroup T tb[B][B + 1];
    uint2 t = thread_position_in_threadgroup.xy, g = thread_position_in_grid.xy;
    const uint m = a_shape[0], k = a_shape[1], n = b_shape[1];
    float sum = 0;
    for (uint k0 = 0; k0 < k; k0 += B) {{
        ta[t.y][t.x] = (g.y < m && k0 + t.x < k) ? a[g.y * k + k0 + t.x] : T(0);
        tb[t.y][t.x] = (g.x < n && k0 + t.y < k) ? b[(k0 + t.y) * n + g.x] : T(0);
        {BARRIER}
        for (uint i = 0; i < B; ++i) sum += float(ta[t.y][i]) * float(tb[i][t.x]);
        {BARRIER}
    }}
    if (g.y < m && g.x < n) out[g.y * n + g.x] = T(sum);
"""


@pytest.mark.parametrize("dtype", [mx.float32, mx.float16, mx.bfloat16])
@pytest.mark.parametrize("size", [(16, 16, 16), (17, 31, 33)])
def test_tiled_product(dtype: Any, size: tuple[int, int, int]) -> None:
    m, k, n = size
    a, b = normal(m, k, dtype=dtype), normal(k, n, dtype=dtype, seed=1)
    up = [-(-d // 8) * 8 for d in (n, m)]
    (out,) = clean(
        make(TILED, ["a", "b"]),
        **call([a, b], (m, n), (up[0], up[1], 1), (8, 8, 1), dtype, template=[("T", dtype), ("B", 8)]),
    )
    expected = to_numpy(a).astype(np.float64) @ to_numpy(b).astype(np.float64)
    assert np.allclose(to_numpy(out), expected, rtol=1e-2, atol=1e-5 if dtype == mx.float32 else 0.05)


def test_attention_by_tiles_with_an_online_softmax() -> None:
    """Tiles pass through barriers of the threadgroup, rows of weights through those of a SIMD group."""
    source = f"""
        threadgroup float ks[8][D + 1], vs[8][D], weights[16][8 + 1];
        const uint t = thread_position_in_threadgroup.x, row = t / 8, part = t % 8;
        const int n = q_shape[0], i = threadgroup_position_in_grid.x * 16 + row;
        float best = -INFINITY, total = 0, sum[D / 8] = {{0}};
        for (int j0 = 0; j0 < n; j0 += 8) {{
            for (int e = t; e < 8 * D; e += 128) {{
                bool inside = j0 + e / D < n;
                ks[e / D][e % D] = inside ? k[j0 * D + e] : 0;
                vs[e / D][e % D] = inside ? v[j0 * D + e] : 0;
            }}
            {BARRIER}
            float s = j0 + int(part) < n ? 0 : -INFINITY;
            for (int d = 0; d < D; ++d) s += (i < n ? q[i * D + d] : 0) * ks[part][d];
            float most = max(best, s);
            for (ushort o = 1; o < 8; o *= 2) most = max(most, simd_shuffle_xor(most, o));
            const float fix = exp(best - most), w = exp(s - most);
            best = most;
            weights[row][part] = w;
            float all = w;
            for (ushort o = 1; o < 8; o *= 2) all += simd_shuffle_xor(all, o);
            total = total * fix + all;
            simdgroup_barrier(mem_flags::mem_threadgroup);
            for (int d = 0; d < D / 8; ++d) {{
                sum[d] *= fix;
                for (int c = 0; c < 8; ++c) sum[d] += weights[row][c] * vs[c][d * 8 + part];
            }}
            {BARRIER}
        }}
        if (i < n) for (int d = 0; d < D / 8; ++d) out[i * D + d * 8 + part] = sum[d] / total;
    """
    q, k, v = (normal(21, 16, seed=s) for s in range(3))
    (out,) = clean(
        make(source, ["q", "k", "v"]),
        **call([q, k, v], (21, 16), (256, 1, 1), (128, 1, 1), template=[("D", 16)]),
    )
    weights = np.exp(np.asarray(q, np.float64) @ np.asarray(k, np.float64).T)
    expected = weights @ np.asarray(v) / weights.sum(1, keepdims=True)
    assert np.allclose(out, expected, atol=1e-5)


def test_double_buffering() -> None:
    source = f"""
        threadgroup float buffer[2][64];
        uint t = thread_position_in_threadgroup.x;
        float sum = 0;
        buffer[0][t] = x[t];
        {BARRIER}
        for (uint k = 0; k < 8; ++k) {{
            if (k + 1 < 8) buffer[(k + 1) % 2][t] = x[(k + 1) * 64 + t];
            sum += buffer[k % 2][63 - t];
            {BARRIER}
        }}
        out[t] = sum;
    """
    x = normal(512)
    (out,) = clean(make(source, ["x"]), **call([x], (64,), (64, 1, 1), (64, 1, 1)))
    assert np.allclose(out, np.asarray(x).reshape(8, 64).sum(0)[::-1], atol=1e-4)


def test_synchronised_by_simd_groups_alone() -> None:
    source = """
        threadgroup float mine[4][32];
        uint lane = thread_index_in_simdgroup, s = simdgroup_index_in_threadgroup;
        mine[s][lane] = x[thread_position_in_grid.x];
        simdgroup_barrier(mem_flags::mem_threadgroup);
        float v = mine[s][31 - lane];
        simdgroup_barrier(mem_flags::mem_threadgroup);
        mine[s][lane] = v * 2;
        simdgroup_barrier(mem_flags::mem_threadgroup);
        out[thread_position_in_grid.x] = mine[s][(lane + 1) % 32];
    """
    x = normal(128)
    (out,) = clean(make(source, ["x"]), **call([x], (128,), (128, 1, 1), (128, 1, 1)))
    expected = np.roll(np.asarray(x).reshape(4, 32)[:, ::-1] * 2, -1, 1).reshape(-1)
    assert np.array_equal(out, expected)


def test_a_reader_that_writes_after_a_simd_barrier() -> None:
    """Readers before the barrier do not race with a lane that reads and writes after it."""
    source = """
        threadgroup float a[32];
        uint lane = thread_index_in_simdgroup;
        a[lane] = lane;
        simdgroup_barrier(mem_flags::mem_threadgroup);
        float v = a[(lane + 1) % 32];
        simdgroup_barrier(mem_flags::mem_threadgroup);
        a[lane] = a[lane] + v;
        out[lane] = a[lane];
    """
    (out,) = clean(make(source), **call([], (32,), (32, 1, 1), (32, 1, 1)))
    assert out.tolist() == [lane + (lane + 1) % 32 for lane in range(32)]


def test_reads_before_a_simd_operation_are_over() -> None:
    source = f"""
        threadgroup float a[32];
        uint lane = thread_index_in_simdgroup;
        a[lane] = lane;
        {BARRIER}
        float s = simd_sum(a[31 - lane]);
        a[lane] = s;
        {BARRIER}
        out[lane] = a[(lane + 5) % 32];
    """
    (out,) = clean(make(source), **call([], (32,), (32, 1, 1), (32, 1, 1)))
    assert out.tolist() == [496.0] * 32


def test_grid_stride_loop() -> None:
    source = """
        for (uint i = thread_position_in_grid.x; i < uint(x_shape[0]); i += threads_per_grid.x) out[i] = x[i] * 2;
    """
    x = normal(1000)
    (out,) = clean(make(source, ["x"]), **call([x], (1000,), (96, 1, 1), (32, 1, 1)))
    assert np.array_equal(out, np.asarray(x) * 2)


def test_histogram_by_threadgroup_atomics() -> None:
    source = f"""
        threadgroup atomic_uint bins[16];
        uint t = thread_position_in_threadgroup.x;
        if (t < 16) atomic_store_explicit(&bins[t], 0, memory_order_relaxed);
        {BARRIER}
        atomic_fetch_add_explicit(&bins[x[thread_position_in_grid.x]], 1, memory_order_relaxed);
        {BARRIER}
        if (t < 16)
            atomic_fetch_add_explicit(&out[t], atomic_load_explicit(&bins[t], memory_order_relaxed), memory_order_relaxed);
    """
    x = mx.random.randint(0, 16, shape=(512,)).astype(mx.uint32)
    (out,) = clean(
        make(source, ["x"], atomic_outputs=True),
        **call([x], (16,), (512, 1, 1), (128, 1, 1), mx.uint32, init_value=0),
    )
    assert np.array_equal(out, np.bincount(np.asarray(x), minlength=16))


def test_atomic_maximum_and_exchange() -> None:
    source = """
        uint i = thread_position_in_grid.x;
        atomic_fetch_max_explicit(&out[0], x[i], memory_order_relaxed);
        atomic_fetch_min_explicit(&out[1], x[i], memory_order_relaxed);
        atomic_fetch_or_explicit(&out[2], 1 << (i % 8), memory_order_relaxed);
        int seen = atomic_load_explicit(&out[3], memory_order_relaxed);
        while (!atomic_compare_exchange_weak_explicit(&out[3], &seen, seen + x[i], memory_order_relaxed,
                                                      memory_order_relaxed)) {}
    """
    x = mx.random.randint(-100, 100, shape=(256,)).astype(mx.int32)
    (out,) = clean(
        make(source, ["x"], atomic_outputs=True),
        **call([x], (4,), (256, 1, 1), (64, 1, 1), mx.int32, init_value=0),
    )
    n = np.asarray(x)
    assert out.tolist() == [max(0, n.max()), min(0, n.min()), 255, n.sum()]


def test_float_atomics_are_a_note() -> None:
    source = "atomic_fetch_add_explicit(&out[0], x[thread_position_in_grid.x], memory_order_relaxed);"
    x = normal(512)
    (out,) = clean(
        make(source, ["x"], atomic_outputs=True),
        notes=("float-order",),
        **call([x], (1,), (512, 1, 1), (64, 1, 1), init_value=0),
    )
    assert np.allclose(out, np.asarray(x).sum(), atol=1e-3)


def test_simdgroup_matrix_product() -> None:
    source = """
        simdgroup_float8x8 acc = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
        uint2 tile = threadgroup_position_in_grid.xy;
        const int k = a_shape[1], n = b_shape[1];
        for (int i = 0; i < k; i += 8) {
            simdgroup_float8x8 x, y;
            simdgroup_load(x, a + tile.y * 8 * k + i, k);
            simdgroup_load(y, b + i * n + tile.x * 8, n);
            simdgroup_multiply_accumulate(acc, x, y, acc);
        }
        simdgroup_store(acc, out + tile.y * 8 * n + tile.x * 8, n);
    """
    a, b = normal(16, 24), normal(24, 32, seed=1)
    (out,) = clean(make(source, ["a", "b"]), **call([a, b], (16, 32), (32 * 4, 2, 1), (32, 1, 1)))
    assert np.allclose(out, np.asarray(a) @ np.asarray(b), atol=1e-4)


def test_simdgroup_matrix_of_half_with_transposed_loads_and_elements() -> None:
    source = """
        simdgroup_half8x8 x, y;
        simdgroup_load(x, a, 8, ulong2(0, 0), true);
        simdgroup_load(y, b, 8);
        simdgroup_matrix<float, 8, 8> acc(2.0f);
        simdgroup_multiply_accumulate(acc, x, y, acc);
        acc.thread_elements() *= 0.5f;
        acc.thread_elements()[0] += 1;
        simdgroup_store(acc, out, 8);
    """
    a, b = normal(8, 8, dtype=mx.float16), normal(8, 8, dtype=mx.float16, seed=1)
    (out,) = clean(make(source, ["a", "b"]), **call([a, b], (8, 8), (32, 1, 1), (32, 1, 1)))
    expected = (np.asarray(a, np.float32).T @ np.asarray(b, np.float32) + 2 * np.eye(8)) / 2
    expected[:, 0::2] += 1
    assert np.allclose(out, expected, atol=1e-3)


def test_tiles_of_half_beside_tiles_of_float() -> None:
    """Threadgroup arrays of several element sizes: neighbours in one word are different elements."""
    source = f"""
        threadgroup half h[64];
        threadgroup uchar c[64];
        threadgroup float f[64];
        threadgroup half4 v[16];
        uint t = thread_position_in_threadgroup.x;
        f[t] = t; h[t] = t; c[t] = t;
        if (t < 16) v[t] = half4(t, t + 1, t + 2, t + 3);
        {BARRIER}
        out[t] = f[63 - t] + float(h[63 - t]) + c[63 - t] + float(v[t / 4].w);
    """
    (out,) = clean(make(source), **call([], (64,), (64, 1, 1), (64, 1, 1)))
    assert out.tolist() == [3 * (63 - t) + t // 4 + 3 for t in range(64)]


def test_neighbours_in_one_word_of_a_float_buffer() -> None:
    """Bytes of a buffer that threads share word by word, through a cast pointer."""
    source = """
        device uchar* bytes = (device uchar*)out;
        uint i = thread_position_in_grid.x;
        bytes[i] = i;
    """
    (out,) = clean(make(source), **call([], (16,), (64, 1, 1), (64, 1, 1), mx.uint32))
    assert np.asarray(out).view(np.uint8).tolist() == list(range(64))


def test_three_component_vectors_in_threadgroup_memory() -> None:
    """The padding after three components is nobody's."""
    source = f"""
        threadgroup float3 p[32];
        uint t = thread_position_in_threadgroup.x;
        p[t].x = t; p[t].y = 1; p[t].z = 2;
        {BARRIER}
        float3 q = p[31 - t];
        p[t] = q;
        {BARRIER}
        out[t] = dot(p[t], float3(1, 10, 100)) - 210;
    """
    with_race = make(source.replace("float3 q = p[31 - t];", f"float3 q = p[31 - t]; {BARRIER}"))
    (out,) = clean(with_race, **call([], (32,), (32, 1, 1), (32, 1, 1)))
    assert out.tolist() == [float(31 - t) for t in range(32)]


def test_device_memory_within_a_threadgroup() -> None:
    source = """
        uint t = thread_position_in_threadgroup.x, base = threadgroup_position_in_grid.x * 64;
        out[base + t] = t;
        threadgroup_barrier(mem_flags::mem_device);
        float v = out[base + 63 - t];
        threadgroup_barrier(mem_flags::mem_device | mem_flags::mem_threadgroup);
        out[base + t] = v;
    """
    (out,) = clean(make(source), **call([], (128,), (128, 1, 1), (64, 1, 1)))
    assert out.tolist() == [63.0 - t for t in range(64)] * 2


def test_last_threadgroup_finishes_with_fences() -> None:
    source = """
        threadgroup bool last;
        uint g = threadgroup_position_in_grid.x, t = thread_position_in_threadgroup.x;
        if (t == 0) {
            partial[g] = g + 1;
            atomic_thread_fence(mem_flags::mem_device, memory_order_seq_cst, thread_scope_device);
            uint n = atomic_fetch_add_explicit((device atomic_uint*)&count[0], 1, memory_order_relaxed);
            last = n == threadgroups_per_grid.x - 1;
        }
        threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
        if (last && t == 0) {
            atomic_thread_fence(mem_flags::mem_device, memory_order_seq_cst, thread_scope_device);
            float sum = 0;
            for (uint k = 0; k < threadgroups_per_grid.x; ++k) sum += partial[k];
            out[0] = sum;
        }
    """
    kernel = make(source, [], ["out", "partial", "count"])
    given: dict[str, Any] = {"inputs": [], "grid": (256, 1, 1), "threadgroup": (32, 1, 1), "init_value": 0}
    given |= {"output_shapes": [(1,), (8,), (1,)], "output_dtypes": [mx.float32, mx.float32, mx.uint32]}
    out = clean(kernel, **given)
    assert out[0].item() == 36


def test_divergent_simd_operations_meet_again() -> None:
    """Lanes in a branch go through its operations first; afterwards all lanes take part."""
    source = """
        uint lane = thread_index_in_simdgroup;
        float v = lane, part = 0;
        if (lane < 8) {
            part = simd_sum(v);
        }
        float all = simd_sum(v);
        for (uint i = 0; i < lane / 8; ++i) {
            part += simd_max(v);
        }
        out[lane] = all + 1000 * part + simd_min(v);
    """
    (out,) = clean(make(source), notes=("partial-simd",), **call([], (32,), (32, 1, 1), (32, 1, 1)))
    assert out.tolist() == [496.0 + 1000 * (28 if lane < 8 else 31 * (lane // 8)) for lane in range(32)]


def test_lanes_in_the_last_turn_of_a_loop_come_first() -> None:
    """A lane that skips the branch is at the top of the loop again before those in the branch have left it."""
    source = """
        uint lane = thread_index_in_simdgroup;
        int total = 0;
        for (int i = 0; i < 3; ++i) {
            total += simd_sum(1);
            if (lane % 4 == uint(i)) {
                total += 1000 * simd_sum(1);
            }
        }
        out[lane] = total + 100000 * simd_sum(1);
    """
    (out,) = clean(make(source), notes=("partial-simd",), **call([], (32,), (32, 1, 1), (32, 1, 1), mx.int32))
    assert out.tolist() == [3200000 + 96 + (8000 if lane % 4 < 3 else 0) for lane in range(32)]


def test_partial_simd_groups() -> None:
    source = "float s = simd_sum(x[thread_position_in_grid.x]); out[thread_position_in_grid.x] = s;"
    x = normal(50)
    (out,) = clean(make(source, ["x"]), **call([x], (50,), (50, 1, 1), (50, 1, 1)))
    n = np.asarray(x)
    assert np.allclose(out, [n[:32].sum()] * 32 + [n[32:].sum()] * 18, atol=1e-5)


def test_softmax() -> None:
    source = f"""
        threadgroup float shared[8];
        uint t = thread_position_in_threadgroup.x, lane = thread_index_in_simdgroup, s = simdgroup_index_in_threadgroup;
        uint i = thread_position_in_grid.x;
        float m = simd_max(x[i]);
        if (lane == 0) shared[s] = m;
        {BARRIER}
        for (uint k = 0; k < 8; ++k) m = max(m, shared[k]);
        {BARRIER}
        float e = exp(x[i] - m);
        float sum = simd_sum(e);
        if (lane == 0) shared[s] = sum;
        {BARRIER}
        sum = 0;
        for (uint k = 0; k < 8; ++k) sum += shared[k];
        out[i] = e / sum;
    """
    x = normal(4, 256)
    (out,) = clean(make(source, ["x"]), **call([x], (4, 256), (1024, 1, 1), (256, 1, 1)))
    assert mx.allclose(out, mx.softmax(x, axis=-1), atol=1e-6)


@pytest.mark.parametrize("dtype", [mx.float32, mx.float16, mx.bfloat16, mx.int32])
def test_a_neutral_value_beyond_the_end(dtype: Any) -> None:
    source = """
        uint i = thread_position_in_grid.x;
        T v = i < uint(x_shape[0]) ? x[i] : 0;
        T other = i == 0 ? T(1) : v;
        T pair[2] = {0, v};
        float sum = 0;
        sum += v; sum *= v; sum -= v * v; sum /= T(3);
        int whole = 2;
        whole *= v;
        float one = i < 3 ? v : 0.0f;
        out[i] = pair[1] + (other > 0 ? 1 : 0) + T(sum + (whole - 2 * int(v)) + (one - one));
    """
    x = (mx.arange(20) % 7).astype(dtype)
    (out,) = clean(
        make(source, ["x"]), **call([x], (32,), (32, 1, 1), (32, 1, 1), dtype, template=[("T", dtype)])
    )
    expected = [1] + [i % 7 + (i % 7 > 0) for i in range(1, 20)] + [0] * 12
    assert out.tolist() == expected


def test_pointers_advanced_in_place_and_early_return() -> None:
    source = """
        uint row = thread_position_in_grid.y;
        if (row >= uint(x_shape[0])) return;
        x += row * x_shape[1];
        out += row * x_shape[1];
        device const float* p = x;
        for (int i = 0; i < x_shape[1]; ++i) *out++ = *p++ + 1;
    """
    x = normal(5, 7)
    (out,) = clean(make(source, ["x"]), **call([x], (5, 7), (1, 8, 1), (1, 8, 1)))
    assert np.array_equal(out, np.asarray(x) + 1)


def test_polling_an_atomic_flag_of_another_simd_group() -> None:
    source = """
        threadgroup atomic_int flag;
        uint t = thread_position_in_threadgroup.x;
        if (t == 0) atomic_store_explicit(&flag, 0, memory_order_relaxed);
        threadgroup_barrier(mem_flags::mem_threadgroup);
        if (t == 40) atomic_store_explicit(&flag, 7, memory_order_relaxed);
        int v = 0;
        while ((v = atomic_load_explicit(&flag, memory_order_relaxed)) == 0) {}
        out[t] = v;
    """
    (out,) = clean(make(source), **call([], (64,), (64, 1, 1), (64, 1, 1)))
    assert out.tolist() == [7.0] * 64

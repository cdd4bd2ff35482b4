"""The profile: counts that can be made by hand."""

from typing import Any

import mlx.core as mx
import pytest

from parity import msl
from parity.msl.flops import operations

from .helpers import make

pytestmark = pytest.mark.parity_slow

X = mx.random.normal(shape=(1024,))


def profile(source: str, threads: int = 1024, group: int = 256, **more: Any) -> msl.Profile:
    call = {"inputs": [X], "output_shapes": [(1024,)], "output_dtypes": [mx.float32]}
    call |= {"grid": (threads, 1, 1), "threadgroup": (group, 1, 1)}
    return msl.profile(make(source, ["x"]), **{**call, **more})


def test_a_copy_moves_the_least() -> None:
    p = profile("uint i = thread_position_in_grid.x; out[i] = x[i];")
    assert (p.read.requested, p.read.moved, p.least_read) == (4096, 4096, 4096)
    assert (p.written.moved, p.least_written) == (4096, 4096)
    assert p.read.transactions == p.read.least_transactions == 64
    assert p.overhead == p.coalescing == 1
    assert p.flops == 0
    assert p.lines == ()


@pytest.mark.parametrize(("stride", "share"), [(2, 1 / 2), (4, 1 / 4), (16, 1 / 16), (32, 1 / 16)])
def test_strides_waste_transactions(stride: int, share: float) -> None:
    p = profile(f"uint i = thread_position_in_grid.x; out[i] = x[i * {stride} % 1024];")
    assert p.read.least_transactions / p.read.transactions == pytest.approx(share)
    (line,) = p.lines
    assert line.place == "line 1"
    assert line.memory == "device"


def test_a_broadcast_is_one_transaction_for_a_simd_group() -> None:
    p = profile("uint i = thread_position_in_grid.x; out[i] = x[i / 32];")
    assert p.read.requested == 4096
    assert p.read.moved == 32 * 4
    assert p.read.transactions == 32
    assert p.coalescing == 1


def test_reading_twice_is_twice_the_least() -> None:
    p = profile("uint i = thread_position_in_grid.x; out[i] = x[i] + x[1023 - i];")
    assert p.read.moved == 2 * p.least_read


@pytest.mark.parametrize(("stride", "conflicts"), [(1, 0), (2, 1), (4, 3), (32, 31), (33, 0), (3, 0)])
def test_bank_conflicts(stride: int, conflicts: int) -> None:
    source = f"""
        threadgroup float a[33 * 32];
        uint t = thread_position_in_threadgroup.x;
        a[t * {stride}] = 1;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        out[t] = a[t * {stride}];
    """
    p = profile(source, threads=32, group=32)
    assert p.threadgroup_written.bank_conflicts == conflicts
    assert p.threadgroup_read.bank_conflicts == conflicts
    assert p.bank_conflicts == 2 * conflicts
    assert p.threadgroup_bytes == 33 * 32 * 4
    assert bool(p.lines) == (conflicts > 0)


def test_operations_and_functions_are_counted() -> None:
    p = profile("uint i = thread_position_in_grid.x; float v = x[i]; out[i] = exp(v * v + 2.0f) / v;")
    assert p.flops is not None
    assert p.flops == 3 * 1024
    assert p.math_calls == 1024


def test_operations_in_loops() -> None:
    p = profile(
        "uint i = thread_position_in_grid.x; float s = 0; for (uint k = 0; k < i; ++k) s += x[k] * 2.5f; out[i] = s;"
    )
    assert p.flops == 2 * sum(range(1024))


def test_synchronisation_is_counted() -> None:
    source = """
        threadgroup_barrier(mem_flags::mem_none);
        simdgroup_barrier(mem_flags::mem_none);
        atomic_fetch_add_explicit((device atomic_uint*)&out[0], 1, memory_order_relaxed);
        out[thread_position_in_grid.x + 1] = simd_sum(1.0f);
    """
    p = profile(source, threads=512, output_shapes=[(1024,)], init_value=0)
    assert (p.barriers, p.simd_barriers, p.simd_operations, p.atomics) == (2, 16, 16, 512)


def test_traffic_is_scaled_from_the_first_threadgroups() -> None:
    source = "uint i = thread_position_in_grid.x; out[i] = x[i];"
    all_of_it, part = profile(source, group=32), profile(source, group=32, groups=4)
    assert part.logged_groups == 4
    assert part.read == all_of_it.read
    assert part.least_read == all_of_it.least_read


def test_the_roofline() -> None:
    p = profile("uint i = thread_position_in_grid.x; out[i] = x[i];")
    m1 = next(r for r in p.rooflines if r.chip == "M1")
    assert m1.limit == "memory"
    assert m1.seconds == pytest.approx(8192 / 68e9)


def test_the_page_and_the_json() -> None:
    p = profile("uint i = thread_position_in_grid.x; out[i] = x[i * 2 % 1024];")
    assert "device memory   read 4,096 bytes (2,048 distinct)" in p.describe()
    plain = p.plain()
    assert plain["coalescing"] == p.coalescing
    assert plain["lines"][0]["place"] == "line 1"


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ("vaddss %xmm0,%xmm1,%xmm0", (1, 0)),
        ("vmulps %ymm0,%ymm1,%ymm0", (8, 0)),
        ("vfmadd231ss (%rax),%xmm1,%xmm0", (2, 0)),
        ("vfnmadd213ps %xmm0,%xmm1,%xmm2", (8, 0)),
        ("mulsd %xmm0,%xmm1", (1, 0)),
        ("add %rax,%rbx", (0, 0)),
        ("vmovss (%rax),%xmm0", (0, 0)),
        ("vcvtph2ps %xmm0,%xmm0", (0, 0)),
        ("call 4010 <msl_math1>", (0, 1)),
        ("fmadd s0, s1, s2, s3", (2, 0)),
        ("bl 4010 <msl_math2>", (0, 1)),
    ],
)
def test_operations_of_an_instruction(instruction: str, expected: tuple[int, int]) -> None:
    assert operations(instruction) == expected


def test_turns_of_a_loop_with_simd_operations_are_apart() -> None:
    """An instruction is counted by turn, also where lanes meet in between: a copy in chunks moves the least."""
    p = profile(
        """
        uint first = thread_position_in_grid.x / 32 * 128, lane = thread_index_in_simdgroup;
        for (uint k = 0; k < 4; ++k) {
            float v = x[first + 32 * k + lane];
            out[first + 32 * k + lane] = simd_shuffle(v, lane);
        }
        """,
        threads=256,
    )
    assert p.coalescing == 1
    assert p.read.transactions == 64


@pytest.mark.parametrize(
    ("pitch", "start", "loads", "conflicts"),
    [
        (20, 0, 1, 0),  # 8 rows begin at 8 different multiples of four among the banks
        (8, 0, 1, 0),  # no gap: 64 words in a row
        (16, 0, 1, 2),  # rows begin in two places, four in each, where two must be
        (20, 1, 2, 2),  # not aligned as a pair: two accesses, each of every other word
    ],
)
def test_a_lane_loads_its_pair_of_a_matrix_at_once(
    pitch: int, start: int, loads: int, conflicts: int
) -> None:
    """64 words by 32 lanes: two of each bank at the least."""
    p = profile(
        f"""
        threadgroup float4 tile[48];
        threadgroup float* t = (threadgroup float*)tile;
        for (uint i = thread_position_in_threadgroup.x; i < 192; i += 32) t[i] = x[i];
        threadgroup_barrier(mem_flags::mem_threadgroup);
        simdgroup_float8x8 m;
        simdgroup_load(m, t + {start}, {pitch});
        out[thread_position_in_grid.x] = m.thread_elements()[0] + m.thread_elements()[1];
        """,
        threads=32,
        group=32,
    )
    assert p.threadgroup_read.instructions == loads
    assert p.threadgroup_read.bank_conflicts == conflicts

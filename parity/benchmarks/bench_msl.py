"""The executor's speed on a tiled product: checked accesses a second, and beside Oclgrind where there is one.

Not collected by ``pytest parity/``: ``pytest parity/benchmarks/bench_msl.py -s``. Both run the same kernel,
one in Metal and one in OpenCL, on 128 × 256 × 512 in tiles of 16 × 16, and both are asked for data races and
uninitialised memory. Times are processor time, of the whole process on either side.
"""

import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest

from parity import msl

M, N, K, TILE = 128, 256, 512, 16

METAL = f"""
    threadgroup float at[{TILE}][{TILE}];
    threadgroup float bt[{TILE}][{TILE}];
    uint2 t = thread_position_in_threadgroup.xy, g = thread_position_in_grid.xy;
    float sum = 0;
    for (int k0 = 0; k0 < K; k0 += {TILE}) {{
        at[t.y][t.x] = a[g.y * K + k0 + t.x];
        bt[t.y][t.x] = b[(k0 + t.y) * N + g.x];
        threadgroup_barrier(mem_flags::mem_threadgroup);
        for (int k = 0; k < {TILE}; ++k) sum += at[t.y][k] * bt[k][t.x];
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }}
    c[g.y * N + g.x] = sum;
"""

OPENCL = f"""
kernel void product(global const float* a, global const float* b, global float* c) {{
    local float at[{TILE}][{TILE}];
    local float bt[{TILE}][{TILE}];
    uint tx = get_local_id(0), ty = get_local_id(1), gx = get_global_id(0), gy = get_global_id(1);
    float sum = 0;
    for (int k0 = 0; k0 < {K}; k0 += {TILE}) {{
        at[ty][tx] = a[gy * {K} + k0 + tx];
        bt[ty][tx] = b[(k0 + ty) * {N} + gx];
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int k = 0; k < {TILE}; ++k) sum += at[ty][k] * bt[k][tx];
        barrier(CLK_LOCAL_MEM_FENCE);
    }}
    c[gy * {N} + gx] = sum;
}}
"""

SIMULATION = f"""product.cl
product
{N} {M} 1
{TILE} {TILE} 1
<size={4 * M * K} fill=1.5 float>
<size={4 * K * N} fill=0.5 float>
<size={4 * M * N} fill=0 float>
"""


def _product(**settings: Any) -> msl.MetalKernel:
    """One checked product; its report is in `last`."""
    kernel = msl.metal_kernel(name="product", input_names=["a", "b"], output_names=["c"], source=METAL)
    a, b = mx.full((M, K), 1.5), mx.full((K, N), 0.5)
    with msl.configured(**settings):
        (c,) = kernel(
            inputs=[a, b],
            template=[("K", K), ("N", N)],
            output_shapes=[(M, N)],
            output_dtypes=[mx.float32],
            grid=(N, M, 1),
            threadgroup=(TILE, TILE, 1),
        )
    assert mx.array_equal(c, mx.full((M, N), K * 0.75))
    return kernel


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("check", [True, False], ids=["checked", "counted"])
def test_accesses_a_second(check: bool, benchmark: Callable[..., Any], record_property: Any) -> None:
    """Loads and stores a second of one core, best of several runs."""
    _product(check=check)  # compiled
    rates = []

    def once() -> None:
        report = _product(check=check).last.report  # type: ignore[union-attr]
        rates.append((report["reads"] + report["writes"]) / report["seconds"])

    benchmark(once)
    record_property("accesses_per_second", max(rates))
    print(f"\n{'checked' if check else 'counted'}: {max(rates) / 1e6:.0f} million accesses a second")


@pytest.mark.skipif(
    shutil.which("oclgrind-kernel") is None, reason="Oclgrind is not installed (Debian: oclgrind)"
)
def test_beside_oclgrind(tmp_path: Path) -> None:
    """Processor time of both on the same kernel with the same checks; the ratio is printed."""
    _product()  # compiled
    before = _children()
    runs = 5
    for _ in range(runs):
        _product()
    ours = (_children() - before) / runs
    (tmp_path / "product.cl").write_text(OPENCL)
    (tmp_path / "product.sim").write_text(SIMULATION)
    before = _children()
    done = subprocess.run(
        ["oclgrind-kernel", "--data-races", "--uninitialized", "product.sim"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OCLGRIND_NUM_THREADS": "1"},
    )
    theirs = _children() - before
    assert done.returncode == 0, done.stderr
    print(f"\nthis executor {ours:.3f} s, Oclgrind {theirs:.1f} s: {theirs / ours:.0f} times")

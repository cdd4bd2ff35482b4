"""Metal kernels with the mistakes that kernels really have, and the same kernels mended.

A kernel's bug is no swap of a word: its function gives both texts and the call, and the kernel check must
find the one and nothing in the other.
"""

from typing import Any

import mlx.core as mx

from parity.mutants.catalogue import bug

BARRIER = "threadgroup_barrier(mem_flags::mem_threadgroup);"
POSITION = """
uint t = thread_position_in_threadgroup.x, lane = thread_index_in_simdgroup;
uint s = simdgroup_index_in_threadgroup, i = thread_position_in_grid.x;
"""
TWO_LEVELS = (
    POSITION
    + """
threadgroup float shared[8];
float m = simd_max(x[i]);
if (lane == 0) shared[s] = m;
threadgroup_barrier(mem_flags::FLAG);
for (uint k = 0; k < 8; ++k) m = max(m, shared[k]);
BETWEEN
float sum = simd_sum(exp(x[i] - m));
if (lane == 0) shared[s] = sum;
threadgroup_barrier(mem_flags::mem_threadgroup);
sum = 0;
for (uint k = 0; k < 8; ++k) sum += shared[k];
out[i] = exp(x[i] - m) / sum;
"""
)
ROWS = {"shape": 512, "grid": 512, "threadgroup": 256, "inputs": ("x",)}


def kernel(kind: str, wrong: str, mended: str, **call: Any) -> dict[str, Any]:
    """A kernel's two texts, the kind of finding, and how it is called."""
    return {"kind": kind, "wrong": wrong, "mended": mended, **call}


@bug("kernel:softmax", seen="ml-explore/mlx-lm#1714: maxima overwritten by sums before all had read them")
def kernel_array_used_again():
    right = TWO_LEVELS.replace("FLAG", "mem_threadgroup")
    return kernel("race", right.replace("BETWEEN", ""), right.replace("BETWEEN", BARRIER), **ROWS)


@bug("kernel:softmax-flags", seen="ml-explore/mlx-lm#1714: barriers with mem_none, which order no memory")
def kernel_barrier_without_memory():
    right = TWO_LEVELS.replace("BETWEEN", BARRIER)
    return kernel("race", right.replace("FLAG", "mem_none"), right.replace("FLAG", "mem_threadgroup"), **ROWS)


@bug("kernel:sums", seen="karpathy/llm.c#847: zeros by one warp, sums by all, and no barrier in between")
def kernel_zeros_beside_sums():
    text = (
        POSITION + "threadgroup float sums[8]; if (t < 8) sums[t] = 0; BETWEEN float one = simd_sum(1.0f);"
        f" if (lane == 0) sums[s] = one; {BARRIER} out[i] = sums[t % 2];"
    )
    return kernel(
        "race",
        text.replace("BETWEEN", ""),
        text.replace("BETWEEN", BARRIER),
        shape=64,
        grid=64,
        threadgroup=64,
    )


@bug("kernel:norm", seen="ggml-org/llama.cpp#3057: no barrier after the mean in Metal's norm kernel")
def kernel_mean_before_it_is_there():
    text = (
        POSITION
        + "threadgroup float mean[1]; threadgroup float part[2]; float p = simd_sum(x[i]);"
        + f" if (lane == 0) part[s] = p; {BARRIER} if (t == 0) mean[0] = (part[0] + part[1]) / 64;"
        + " AFTER out[i] = x[i] - mean[0];"
    )
    return kernel(
        "race",
        text.replace("AFTER", ""),
        text.replace("AFTER", BARRIER),
        shape=64,
        grid=64,
        threadgroup=64,
        inputs=("x",),
    )


@bug("kernel:total", seen="xlite-dev/LeetCUDA#251: a fence taken for a barrier between threadgroups")
def kernel_fence_between_groups():
    return kernel(
        "group-race",
        POSITION + "if (t == 0) out[1 + i / 32] = i; threadgroup_barrier(mem_flags::mem_device);"
        " if (t == 1) out[0] = out[1] + out[2];",
        POSITION + "if (t == 0) out[1 + i / 32] = i;",
        shape=3,
        grid=64,
        threadgroup=32,
        init_value=0,
    )


@bug("kernel:guard", seen="waybarrios/vllm-mlx#721: a guard that returns before barriers that others wait at")
def kernel_barrier_after_return():
    end = f"threadgroup float a[64]; a[t] = t; {BARRIER} out[i] = a[t];"
    return kernel(
        "divergent-barrier",
        POSITION + f"if (t >= 40) return; {end}",
        POSITION + end,
        shape=64,
        grid=64,
        threadgroup=64,
        init_value=0,
    )


@bug("kernel:branch", seen="tile-ai/tilelang#1026: a barrier put into a branch that half of the threads take")
def kernel_barrier_in_a_branch():
    return kernel(
        "divergent-barrier",
        POSITION + f"threadgroup float a[32]; a[t] = t; if (t % 2 == 0) {{ {BARRIER} }} out[i] = a[t];",
        POSITION + f"threadgroup float a[32]; a[t] = t; {BARRIER} out[i] = a[t];",
        shape=32,
        grid=32,
        threadgroup=32,
    )


@bug("kernel:tile", seen="kvark/meganeura#8: a tile's edge read before asking whether it is in the matrix")
def kernel_tile_beyond_the_edge():
    return kernel(
        "out-of-bounds",
        POSITION + "float v = x[i + 8]; out[i] = i + 8 < 32 ? v : 0;",
        POSITION + "float v = 0; if (i + 8 < 32) v = x[i + 8]; out[i] = v;",
        shape=32,
        grid=32,
        threadgroup=32,
        inputs=("x",),
    )


@bug("kernel:partials", seen="JuliaGPU/Metal.jl#790: a second level's array smaller than its threads")
def kernel_array_too_small():
    text = (
        POSITION + f"threadgroup float a[SIZE]; float p = simd_sum(1.0f); if (lane == 0) a[s] = p; {BARRIER}"
        " out[i] = a[s];"
    )
    return kernel(
        "out-of-bounds",
        text.replace("SIZE", "2"),
        text.replace("SIZE", "4"),
        shape=128,
        grid=128,
        threadgroup=128,
    )


@bug("kernel:shared", seen="dirac-institute/kbmod#108: shared memory read before the others had written it")
def kernel_neighbour_too_early():
    text = POSITION + "threadgroup float a[64]; a[t] = x[i]; BETWEEN out[i] = a[63 - t];"
    return kernel(
        "race",
        text.replace("BETWEEN", ""),
        text.replace("BETWEEN", BARRIER),
        shape=64,
        grid=64,
        threadgroup=64,
        inputs=("x",),
    )


@bug("kernel:tiles", seen="ROCm/composable_kernel#323: the next tile written while the last is still read")
def kernel_next_tile_too_early():
    text = (
        POSITION + "threadgroup float a[64]; float sum = 0; for (uint k = 0; k < 2; ++k) { a[t] = x[i] + k;"
        f" {BARRIER} sum += a[63 - t]; AFTER }} out[i] = sum;"
    )
    return kernel(
        "race",
        text.replace("AFTER", ""),
        text.replace("AFTER", BARRIER),
        shape=64,
        grid=64,
        threadgroup=64,
        inputs=("x",),
    )


@bug("kernel:width", seen="CNugteren/CLBlast#368: each thread does its share, also the one past the end")
def kernel_share_past_the_end():
    return kernel(
        "out-of-bounds",
        POSITION + "for (uint k = 0; k < 4; ++k) out[4 * i + k] = k;",
        POSITION + "for (uint k = 0; k < 4; ++k) if (4 * i + k < 30) out[4 * i + k] = k;",
        shape=30,
        grid=8,
        threadgroup=8,
    )


def inputs_of(names: tuple[str, ...], n: int) -> list[mx.array]:
    """Seeded inputs of a kernel."""
    return [mx.random.normal((n,), dtype=mx.float32, key=mx.random.key(k)) for k, _ in enumerate(names)]

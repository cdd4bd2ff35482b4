"""The port's own Metal kernels with the mistakes that such kernels really have."""

from typing import Any

from parity.mutants.catalogue import bug

BARRIER = "threadgroup_barrier(mem_flags::mem_threadgroup);"
NETWORK = "l33.e3.o16.d33.j2-inner2.modulateTrue"


def mistake(kernel: str, right: str, wrong: str, kind: str, where: str) -> dict[str, Any]:
    """An edit of a kernel: `parity.mutants.bugs._edits.Edit`."""
    from parity.mutants.bugs._edits import Edit

    return {"kind": kind, "edit": Edit(kernel, right, wrong, kind, where)}


@bug(
    "kernel:hyena_filter",
    seen="shader-slang/slang#10281: the next layer written while others read the last one",
)
def filter_layer_over_the_last_one():
    end = "\n    }\n  }\n}\n\n// Elements between rows"  # of the product that reads it
    return mistake("hyena_filter", BARRIER + end, end, "race", NETWORK)


@bug("kernel:hyena_filter_grad", seen="tile-ai/TileOPs#428: the last tile writes past the end of what it has")
def filter_gradients_of_positions_that_are_not():
    return mistake(
        "hyena_filter_grad",
        "if (there) outgoing[(column + c)",
        "outgoing[(column + c)",
        "out-of-bounds",
        NETWORK,
    )


@bug("kernel:fold", seen="codeplaysoftware/portBLAS#299: partial sums read before all were written")
def fold_without_barrier():
    return mistake("fold", BARRIER, "", "race", "s7.c31")


@bug(
    "kernel:outer_sums", seen="openvinotoolkit/openvino#34482: a tile read beyond the last row of the matrix"
)
def outer_sums_beyond_the_last_row():
    return mistake("outer_sums", "i < rows && t < end ? a", "t < end ? a", "out-of-bounds", "n2.i33.k5.t31")


@bug(
    "kernel:gated_conv3",
    seen="vllm-project/vllm#9838: which of the neighbour's values an output reaches back to",
)
def gated_conv_halo_from_the_wrong_lane():
    return mistake(
        "gated_conv3",
        "const ushort from = (lane + O) & 31;",
        "const ushort from = O < -1 && lane == 0 ? 31 : (lane + O) & 31;",
        "parity",
        "gated_short_conv;b=1;d=3;l=33;k=3;dtype=f32",
    )


@bug(
    "kernel:gated_conv3_grad",
    seen="fla-org/flash-linear-attention#1140: wrong gradients at the edge of a chunk",
)
def gated_conv_gradient_cut_at_segments():
    return mistake(
        "gated_conv3_grad",
        "const bool there = t + 32 < length && (!last || lane < 2);",
        "const bool there = t + 32 < length && !last;",
        "parity",
        "gated_short_conv;b=1;d=3;l=300;k=3;dtype=f32;vjp",
    )


@bug("kernel:fft_conv", seen="gwoltman/gpuowl#71: the barrier between the passes of an FFT left out")
def fft_passes_without_barrier():
    last = "divide<C, M, R, B, false>(z, v, from);\n    "
    return mistake("fft_conv", last + BARRIER, last, "race", "b2.d1.l256.m256.r1.o16")


@bug("kernel:fft_conv", seen="HazyResearch/flash-fft-conv#20: a vector load where rows have an odd length")
def fft_pairs_of_odd_rows():
    return mistake(
        "fft_conv",
        "M / R)), length, o.pairs)",
        "M / R)), length, true)",
        "misaligned",
        "b1.d2.l65.m65.r1.o0",
    )


@bug("kernel:fft_product", seen="ml-explore/mlx#4013: a four-step transform that is silently wrong when long")
def fft_opposite_in_the_wrong_place():
    return mistake(
        "fft_product",
        "(a == 0 ? 0 : -1) - f",
        "-f",
        "parity",
        "long_conv;b=1;d=1;l=4098;m=4098;dtype=f32",
    )


DENSE = "b1.m33.k17.n33.r17.s33-transposedFalse.has_biasFalse"


@bug(
    "kernel:gemm_av",
    seen="KnowingNothing/MatmulTutorial#13: a tile's memory used for the result while others still read it",
)
def product_tile_written_while_it_is_read():
    right = "if (more) next.put(tiles + now * Tiles::size(), t);\n    " + BARRIER
    launch = "b1.m65.k33.n65.r65.s33-transposedTrue.has_biasTrue.tile64x64x16"  # four SIMD groups
    return mistake("gemm_av", right, right.replace(BARRIER, ""), "race", launch)


@bug("kernel:gemm_av", seen="openvinotoolkit/openvino#36559: the inner axis read past its end")
def product_edge_without_guard():
    return mistake("gemm_av", "r < rows && c < columns ?", "r < rows ?", "out-of-bounds", DENSE)


@bug(
    "kernel:gemm_av",
    seen="sonos/tract#2476: a Metal product that was asked for float32 sums, made in float16",
)
def product_summed_in_half():
    return mistake(
        "gemm_av",
        "total[i][j].thread_elements()[e] += part[i][j].thread_elements()[e];",
        "total[i][j].thread_elements()[e] = T(total[i][j].thread_elements()[e] + part[i][j].thread_elements()[e]);",  # noqa: E501 - a line of the kernel
        "parity",
        "matmul;b=1;m=3;k=3072;n=3;dtype=f16",
    )


@bug("kernel:gemm_at_b", seen="CNugteren/CLBlast#665: a product that reads beyond the last legal address")
def gradient_tile_without_guard():
    return mistake(
        "gemm_at_b", "r < rows && c < columns ?", "c < columns ?", "out-of-bounds", "b1.k17.m33.n33"
    )


@bug("kernel:blockdiag_gemm", seen="ORNL/HeCBench#253: no barrier between the tiles of two steps")
def blocks_next_tile_too_early():
    right = "next.put(tiles, t);\n  " + BARRIER
    return mistake("blockdiag_gemm", right, "next.put(tiles, t);", "race", "n33.k2.q33.p17.r17")


@bug(
    "kernel:blockdiag_glu", seen="linkedin/Liger-Kernel#1340: a gate and its value from one tile of features"
)
def gate_from_the_same_block():
    return mistake(
        "blockdiag_glu",
        "const bool same = s.block_a == s.block_b;",
        "const bool same = true;",
        "parity",
        "blockdiag_glu;b=1;l=3;k=4;q=2;p=5;dtype=f32",
    )

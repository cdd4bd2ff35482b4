"""Tensors and their products, as Metal 4 has them: by what they compute, where lanes hold it, and what is found."""

from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from parity import msl
from parity.msl import compiler

from .helpers import kinds, make, run, to_numpy

HEADER = """
#include <metal_tensor>
#include <MetalPerformancePrimitives/MetalPerformancePrimitives.h>
using namespace mpp::tensor_ops;
"""
VIEWS = """
    tensor<const device T, dextents<int, 2>, tensor_inline> A(a, dextents<int, 2>(a_shape[1], a_shape[0]));
    tensor<const device T, dextents<int, 2>, tensor_inline> B(b, dextents<int, 2>(b_shape[1], b_shape[0]));
    tensor<device OUT, dextents<int, 2>, tensor_inline> C(out, dextents<int, 2>(N, M));
"""
ROUND = 2.0**-24


def _product(source: str, a: Any, b: Any, shape: tuple[int, int], out: Any, **kw: Any) -> Any:
    template = [("T", a.dtype), ("OUT", out), ("M", shape[0]), ("N", shape[1])]
    return run(
        VIEWS + source,
        inputs={"a": a, "b": b},
        shape=shape,
        dtype=out,
        header=HEADER,
        template=template,
        **kw,
    )


def _drawn(shape: tuple[int, int], dtype: Any, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    if mx.issubdtype(dtype, mx.integer):
        return mx.array(rng.integers(-128, 128, shape), dtype)
    return mx.array(rng.standard_normal(shape).astype(np.float32)).astype(dtype)


def _holds(found: Any, a: Any, b: Any) -> None:
    """Products of integers are exact, others within their sum's own bound."""
    x, y = to_numpy(a).astype(np.float64), to_numpy(b).astype(np.float64)
    got = to_numpy(found).astype(np.float64)
    unit = {mx.float16: 2.0**-11, mx.bfloat16: 2.0**-8}.get(found.dtype, 0.0)
    room = 0.0 if a.dtype == mx.int8 else 1.01 * x.shape[1] * ROUND
    assert (np.abs(got - x @ y) <= room * (np.abs(x) @ np.abs(y)) + unit * np.abs(x @ y)).all()


@pytest.mark.parametrize(("dtype", "out", "groups", "left", "right"), [
    (mx.float32, mx.float32, 1, False, False), (mx.float16, mx.float32, 4, True, False),
    (mx.bfloat16, mx.bfloat16, 4, False, True), (mx.int8, mx.int32, 4, True, True),
])  # fmt: skip
def test_product(dtype: Any, out: Any, groups: int, left: bool, right: bool) -> None:
    """Tiles of 32 by 48, of which the last stand over the edges: nothing is read or written beyond them."""
    m, n, k = 40, 70, 24
    a, b = _drawn((m, k), dtype, 0), _drawn((k, n), dtype, 1)
    flags = f"{str(left).lower()}, {str(right).lower()}"
    source = f"""
        constexpr auto how = matmul2d_descriptor(32, 48, dynamic_length_v<int>, {flags});
        matmul2d<how, execution_simdgroups<{groups}>> op;
        const int x = threadgroup_position_in_grid.x * 48, y = threadgroup_position_in_grid.y * 32;
        auto l = {"A.slice(y, 0)" if left else "A.slice(0, y)"};
        auto r = {"B.slice(0, x)" if right else "B.slice(x, 0)"};
        auto sums = op.template get_destination_cooperative_tensor<decltype(l), decltype(r), OUT>();
        op.run(l, r, sums);
        auto to = C.slice(x, y);
        sums.store(to);
    """
    x, y = (v.T + mx.zeros((), dtype) if turned else v for v, turned in ((a, left), (b, right)))
    grid = (32 * groups * 2, 2, 1)
    found = _product(source, x, y, (m, n), out, grid=grid, threadgroup=(32 * groups, 1, 1))
    _holds(found, a, b)


def test_product_accumulated_in_memory() -> None:
    """Blocks of the inner index, each added to what the tensor of the result holds."""
    a, b = _drawn((16, 64), mx.float16, 2), _drawn((64, 32), mx.float16, 3)
    source = """
        constexpr auto first = matmul2d_descriptor(16, 32, 16);
        constexpr auto then = matmul2d_descriptor(16, 32, 16, false, false, false,
                                                  matmul2d_descriptor::mode::multiply_accumulate);
        matmul2d<first, execution_simdgroup> begin;
        matmul2d<then, execution_simdgroup> go_on;
        for (int k = 0; k < 64; k += 16) {
            auto l = A.template slice<16, 16>(k, 0);
            auto r = B.template static_slice<32, 16>(0, k);
            if (k == 0) begin.run(l, r, C);
            else go_on.run(l, r, C);
        }
    """
    _holds(_product(source, a, b, (16, 32), mx.float32), a, b)


FRAGMENTS = """
    constexpr auto how = matmul2d_descriptor(16, 32, 16, false, RIGHT, true,
                                             matmul2d_descriptor::mode::multiply_accumulate);
    matmul2d<how, execution_simdgroup> op;
    auto l = op.template get_left_input_cooperative_tensor<T, T, float>();
    auto r = op.template get_right_input_cooperative_tensor<T, T, float>();
    auto c = op.template get_destination_cooperative_tensor<
        metal::remove_addrspace_t<decltype(l)>, metal::remove_addrspace_t<decltype(r)>, float>();
    const short lane = __metal_get_thread_index_in_simdgroup(ushort()), quad = lane / 4;
    const short y = (quad & 4) | (lane / 2 & 3), x = ((quad & 2) | (lane & 1)) * 4;
    for (short i = 0; i < 8; ++i) {
        const short row = y + i / 4 * 8, column = x + i % 4;
        l[i] = a[row * 16 + column];
        r[i] = RIGHT ? b[row * 16 + column] : b[row * 32 + column];
        r[8 + i] = RIGHT ? b[(16 + row) * 16 + column] : b[row * 32 + 16 + column];
        c[i] = c[8 + i] = 0;
    }
    op.run(l, r, c);
    for (short i = 0; i < 8; ++i) {
        const short row = y + i / 4 * 8, column = x + i % 4;
        out[row * 32 + column] = c[i];
        out[row * 32 + 16 + column] = c[8 + i];
    }
"""


@pytest.mark.parametrize("right", [False, True])
def test_lanes_hold_what_kernels_of_mlx_rely_on(right: bool) -> None:
    """MLX's own products load and store fragments by a formula for the lane, and never ask the tensor.

    Source: MLX, mlx/backend/metal/kernels/steel/gemm/nax.h, get_coord.
    """
    a, b = _drawn((16, 16), mx.bfloat16, 4), _drawn((16, 32), mx.bfloat16, 5)
    stored = b.T + mx.zeros((), mx.bfloat16) if right else b
    found = _product(FRAGMENTS.replace("RIGHT", str(right).lower()), a, stored, (16, 32), mx.float32)
    _holds(found, a, b)


def test_rows_are_reduced_and_a_product_feeds_the_next() -> None:
    """softmax(A·B)·Bᵀ in registers: reductions of rows, mapped iterators, a result as the next one's input."""
    source = """
        constexpr auto score = matmul2d_descriptor(16, 32, 16);
        constexpr auto blend = matmul2d_descriptor(16, 16, 32, false, true);
        matmul2d<score, execution_simdgroup> first;
        matmul2d<blend, execution_simdgroup> second;
        auto s = first.template get_destination_cooperative_tensor<decltype(A), decltype(B), float>();
        first.run(A, B, s);
        auto most = first.template get_row_reduction_destination_cooperative_tensor<decltype(A), decltype(B), float>();
        auto sum = first.template get_row_reduction_destination_cooperative_tensor<decltype(A), decltype(B), float>();
        reduce_rows(s, most, reduction_operation::max, reduction_operation_identity<float>::max_identity);
        for (auto it = s.begin(); it != s.end(); ++it) *it = exp(*it - *most.map_iterator(it));
        reduce_rows(s, sum);
        auto p = second.template get_left_input_cooperative_tensor<float, float, float>(s);
        auto o = second.template get_destination_cooperative_tensor<decltype(p), decltype(B), float>();
        second.run(p, B, o);
        for (auto it = o.begin(); it != o.end(); it++) *it /= *sum.map_iterator(it);
        o.store(C);
    """
    a, b = _drawn((16, 16), mx.float32, 6), _drawn((16, 32), mx.float32, 7)
    found = _product(source, a, b, (16, 16), mx.float32)
    scores = to_numpy(a).astype(np.float64) @ to_numpy(b)
    weights = np.exp(scores - scores.max(1, keepdims=True))
    exact = weights / weights.sum(1, keepdims=True) @ to_numpy(b).T
    assert np.abs(to_numpy(found) - exact).max() < 64 * ROUND * np.abs(to_numpy(b)).max()


SHARED = """
    threadgroup half tile[16 * 16];
    const uint t = thread_index_in_threadgroup;
    for (uint i = t; i < 256; i += 64) tile[i] = a[i];
    WAIT
    tensor<threadgroup half, extents<int, 16, 16>, tensor_inline> A(tile, extents<int, 16, 16>());
    tensor<const device half, dextents<int, 2>, tensor_inline> B(b, dextents<int, 2>(32, 16));
    tensor<device float, dextents<int, 2>, tensor_inline> C(out, dextents<int, 2>(32, 16));
    constexpr auto how = matmul2d_descriptor(16, 32, 16);
    matmul2d<how, execution_simdgroups<2>> op;
    CALL
"""
WAIT = "threadgroup_barrier(mem_flags::mem_threadgroup);"


@pytest.mark.parametrize(("wait", "call", "kind"), [
    (WAIT, "op.run(A, B, C);", set()),
    ("", "op.run(A, B, C);", {"race"}),
    (WAIT, "if (t % 32 < 16) op.run(A, B, C);", {"inactive-lane", "partial-simd", "unwritten"}),
    (WAIT, "auto far = B.slice<32, 16>(0, 8); op.run(A, far, C);", {"out-of-bounds"}),
])  # fmt: skip
def test_what_is_found(wait: str, call: str, kind: set[str]) -> None:
    """An operand without its barrier, an operation without all lanes, a slice beyond its array."""
    inputs = {"a": _drawn((16, 16), mx.float16, 8), "b": _drawn((16, 32), mx.float16, 9)}
    source = SHARED.replace("WAIT", wait).replace("CALL", call)
    call_of: dict[str, Any] = {"shape": (16, 32), "grid": (64, 1, 1), "threadgroup": (64, 1, 1)}
    assert kinds(source, inputs=inputs, header=HEADER, **call_of) == kind


def test_the_line_of_a_product_is_the_kernels() -> None:
    kernel = make(SHARED.replace("WAIT", "").replace("CALL", "op.run(A, B, C);"), ["a", "b"], header=HEADER)
    report = msl.check(
        kernel, inputs=[_drawn((16, 16), mx.float16, 8), _drawn((16, 32), mx.float16, 9)], grid=(64, 1, 1),
        threadgroup=(64, 1, 1), output_shapes=[(16, 32)], output_dtypes=[mx.float32], schedules=2, modes=(),
    )  # fmt: skip
    race = report.findings[0]
    assert race.kind == "race"
    assert {a.text for a in race.accesses} == {
        "for (uint i = t; i < 256; i += 64) tile[i] = a[i];", "op.run(A, B, C);"
    }  # fmt: skip


def test_the_profile_counts_operands_once() -> None:
    """The lanes of a SIMD group have them among themselves."""
    source = """
        tensor<const device float, dextents<int, 2>, tensor_inline> A(a, dextents<int, 2>(16, 16));
        tensor<const device float, dextents<int, 2>, tensor_inline> B(b, dextents<int, 2>(32, 16));
        tensor<device float, dextents<int, 2>, tensor_inline> C(out, dextents<int, 2>(32, 16));
        constexpr auto how = matmul2d_descriptor(16, 32, 16);
        matmul2d<how, execution_simdgroup> op;
        op.run(A, B, C);
    """
    kernel = make(source, ["a", "b"], header=HEADER)
    p = msl.profile(
        kernel, inputs=[_drawn((16, 16), mx.float32, 1), _drawn((16, 32), mx.float32, 2)], grid=(32, 1, 1),
        threadgroup=(32, 1, 1), output_shapes=[(16, 32)], output_dtypes=[mx.float32],
    )  # fmt: skip
    assert p.read.requested == p.least_read == 4 * (16 * 16 + 16 * 32)
    assert p.written.requested == p.least_written == 4 * 16 * 32
    assert p.read.transactions == p.read.least_transactions
    found = compiler.find()
    if found is not None and found.is_gcc:  # clang counts some blocks where others jump to them
        assert p.flops == 2 * 16 * 32 * 16

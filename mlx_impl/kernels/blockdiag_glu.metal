// The gated block-diagonal product: gelu(a)·b of the halves a, b of blockdiag(W)·x, which device memory never sees.
//
// x (n, k·p), W (k, q, p) → (n, k·q/2). A threadgroup makes BM×BN of it, each of its SIMD groups 16×32.
#include "glu.h"

template <typename T, int BM, int BN, int BK, bool MATRIX>
[[kernel]] void blockdiag_glu(
    const device T* x [[buffer(0)]],
    const constant int* x_shape [[buffer(1)]],
    const device T* weight [[buffer(2)]],
    const constant int* weight_shape [[buffer(3)]],
    device T* y [[buffer(4)]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]],
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]]) {
  threadgroup float4 memory[room<T>(2 * Pair<T, BM, BN, BK, false, true, BM * BN / 16>::size(), BM * BN / 256)];
  const int rows = x_shape[0], blocks = weight_shape[0], q = weight_shape[1], p = weight_shape[2];
  const int simd = simdgroup_index_in_threadgroup, lane = thread_index_in_simdgroup;
  const int first_row = threadgroup_position_in_grid.y * BM, first_column = threadgroup_position_in_grid.x * BN;
  const Segment s = segment(threadgroup_position_in_grid.z, blocks, q);

  Block<2, 4, MATRIX> first, second;
  multiply_halves<T, BM, BN, BK, MATRIX>(
      first, second, (threadgroup T*)memory, x, weight, s, rows, blocks, q, p, first_row, first_column, simd, lane);

  threadgroup float* a = (threadgroup float*)memory + 2 * simd * STAGE();
  threadgroup float* b = a + STAGE();
  const int row = first_row + simd / (BN / 32) * 16, column = first_column + simd % (BN / 32) * 32 + lane;
  for (int i = 0; i < 2; ++i) {
    first.spill(a, i, lane);
    second.spill(b, i, lane);
    simdgroup_barrier(mem_flags::mem_threadgroup);
    for (int r = 0; r < 8; ++r)
      if (row + 8 * i + r < rows && column < s.features) {
        const int at = r * STAGE_PITCH() + lane;
        y[(row + 8 * i + r) * (blocks * q / 2) + s.first + column] = T(gelu(a[at]) * b[at]);
      }
    simdgroup_barrier(mem_flags::mem_threadgroup);
  }
}

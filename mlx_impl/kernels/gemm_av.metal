// C = A·B, batched: A (b, m, k), B (b, k, n) or transposed (b, n, k), plus a bias of n columns.
//
// A threadgroup makes BM×BN of C, each of its SIMD groups 32×32 of them.
#include "gemm.h"

template <typename T, bool TRANSPOSED, bool BIAS, int BM, int BN, int BK, bool MATRIX>
[[kernel]] void gemm_av(
    const device T* a [[buffer(0)]],
    const constant int* a_shape [[buffer(1)]],
    const device T* b [[buffer(2)]],
    const constant int* b_shape [[buffer(3)]],
    const device T* bias [[buffer(4)]],
    device T* c [[buffer(5)]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]],
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]]) {
  threadgroup float4 memory[room<T>(Pair<T, BM, BN, BK, false, TRANSPOSED, BM * BN / 32>::size(), BM * BN / 1024)];
  const int m = a_shape[1], k = a_shape[2], n = b_shape[TRANSPOSED ? 1 : 2];
  const int simd = simdgroup_index_in_threadgroup, lane = thread_index_in_simdgroup;
  const int first_row = threadgroup_position_in_grid.y * BM, first_column = threadgroup_position_in_grid.x * BN;
  const int batch = threadgroup_position_in_grid.z;

  Block<4, 4, MATRIX> block;
  float unused = 0.0f;
  multiply<T, BM, BN, BK, false, TRANSPOSED, MATRIX>(
      block, (threadgroup T*)memory, a + batch * m * k, k, b + batch * k * n, TRANSPOSED ? k : n, m, n, k, first_row,
      first_column, simd, lane, false, unused);

  const int row = first_row + simd / (BN / 32) * 32, column = first_column + simd % (BN / 32) * 32;
  const float added = BIAS && column + lane < n ? float(bias[column + lane]) : 0.0f;
  write(block, (threadgroup float*)memory + simd * STAGE(), c + batch * m * n, n, m, n, row, column, lane, added);
}

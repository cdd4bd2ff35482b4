// C = Aᵀ·B, batched: A (b, k, m), B (b, k, n); and the sums of A's columns, which are the gradient of a bias.
//
// A threadgroup makes BM×BN of C, each of its SIMD groups 32×32 of them; those of the first columns of C the sums too.
#include "gemm.h"

template <typename T, int BM, int BN, int BK, bool MATRIX>
[[kernel]] void gemm_at_b(
    const device T* a [[buffer(0)]],
    const constant int* a_shape [[buffer(1)]],
    const device T* b [[buffer(2)]],
    const constant int* b_shape [[buffer(3)]],
    device T* c [[buffer(4)]],
    device T* sums [[buffer(5)]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]],
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]]) {
  threadgroup float4 memory[room<T>(Pair<T, BM, BN, BK, true, false, BM * BN / 32>::size(), BM * BN / 1024)];
  const int k = a_shape[1], m = a_shape[2], n = b_shape[2];
  const int simd = simdgroup_index_in_threadgroup, lane = thread_index_in_simdgroup;
  const int first_row = threadgroup_position_in_grid.y * BM, first_column = threadgroup_position_in_grid.x * BN;
  const int batch = threadgroup_position_in_grid.z;

  Block<4, 4, MATRIX> block;
  float sum = 0.0f;
  multiply<T, BM, BN, BK, true, false, MATRIX>(
      block, (threadgroup T*)memory, a + batch * m * k, m, b + batch * k * n, n, m, n, k, first_row, first_column,
      simd, lane, first_column == 0, sum);

  const int summed = first_row + 32 * simd + lane;
  if (first_column == 0 && 32 * simd < BM && summed < m) sums[batch * m + summed] = T(sum);
  const int row = first_row + simd / (BN / 32) * 32, column = first_column + simd % (BN / 32) * 32;
  write(block, (threadgroup float*)memory + simd * STAGE(), c + batch * m * n, n, m, n, row, column, lane, 0.0f);
}

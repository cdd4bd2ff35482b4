// Every block of x's features by its own matrix, all in one launch: x (n, k·p), W (k, q, p) → (n, k·q) by the
// transposed blocks, or x (n, k·q) → (n, k·p) by the blocks as they stand, which is the gradient.
#include "gemm.h"

template <typename T, bool TRANSPOSED, int BM, int BN, int BK, bool MATRIX>
[[kernel]] void blockdiag_gemm(
    const device T* x [[buffer(0)]],
    const constant int* x_shape [[buffer(1)]],
    const device T* weight [[buffer(2)]],
    const constant int* weight_shape [[buffer(3)]],
    device T* y [[buffer(4)]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]],
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]]) {
  threadgroup float4 memory[room<T>(Pair<T, BM, BN, BK, false, TRANSPOSED, BM * BN / 32>::size(), BM * BN / 1024)];
  const int rows = x_shape[0], blocks = weight_shape[0];
  const int inner = weight_shape[TRANSPOSED ? 2 : 1], made = weight_shape[TRANSPOSED ? 1 : 2];
  const int simd = simdgroup_index_in_threadgroup, lane = thread_index_in_simdgroup;
  const int first_row = threadgroup_position_in_grid.y * BM, first_column = threadgroup_position_in_grid.x * BN;
  const int which = threadgroup_position_in_grid.z;

  Block<4, 4, MATRIX> block;
  float unused = 0.0f;
  multiply<T, BM, BN, BK, false, TRANSPOSED, MATRIX>(
      block, (threadgroup T*)memory, x + which * inner, blocks * inner, weight + which * made * inner,
      TRANSPOSED ? inner : made, rows, made, inner, first_row, first_column, simd, lane, false, unused);

  const int row = first_row + simd / (BN / 32) * 32, column = first_column + simd % (BN / 32) * 32;
  write(
      block, (threadgroup float*)memory + simd * STAGE(), y + which * made, blocks * made, rows, made, row, column,
      lane, 0.0f);
}

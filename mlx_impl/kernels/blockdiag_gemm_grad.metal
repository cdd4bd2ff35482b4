// The gradient of every block's matrix: dW[k] = Σ over the rows of g[:, k]ᵀ·x[:, k], g (n, k, q), x (n, k, p) → (k, q, p).
#include "gemm.h"

template <typename T, int BM, int BN, int BK, bool MATRIX>
[[kernel]] void blockdiag_gemm_grad(
    const device T* g [[buffer(0)]],
    const constant int* g_shape [[buffer(1)]],
    const device T* x [[buffer(2)]],
    const constant int* x_shape [[buffer(3)]],
    device T* d_weight [[buffer(4)]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]],
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]]) {
  threadgroup float4 memory[room<T>(Pair<T, BM, BN, BK, true, false, BM * BN / 32>::size(), BM * BN / 1024)];
  const int rows = g_shape[0], blocks = g_shape[1], q = g_shape[2], p = x_shape[2];
  const int simd = simdgroup_index_in_threadgroup, lane = thread_index_in_simdgroup;
  const int first_row = threadgroup_position_in_grid.y * BM, first_column = threadgroup_position_in_grid.x * BN;
  const int which = threadgroup_position_in_grid.z;

  Block<4, 4, MATRIX> block;
  float unused = 0.0f;
  multiply<T, BM, BN, BK, true, false, MATRIX>(
      block, (threadgroup T*)memory, g + which * q, blocks * q, x + which * p, blocks * p, q, p, rows, first_row,
      first_column, simd, lane, false, unused);

  const int row = first_row + simd / (BN / 32) * 32, column = first_column + simd % (BN / 32) * 32;
  write(
      block, (threadgroup float*)memory + simd * STAGE(), d_weight + which * q * p, p, q, p, row, column, lane, 0.0f);
}

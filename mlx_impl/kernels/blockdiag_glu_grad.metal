// The gradient of the halves of blockdiag(W)·x under gelu(a)·b: g·b·gelu'(a) and g·gelu(a), the halves made anew.
//
// x (n, k·p), W (k, q, p), g (n, k·q/2) → (n, k·q). Tiles as of the gated product itself.
#include "glu.h"

template <typename T, int BM, int BN, int BK, bool MATRIX>
[[kernel]] void blockdiag_glu_grad(
    const device T* x [[buffer(0)]],
    const constant int* x_shape [[buffer(1)]],
    const device T* weight [[buffer(2)]],
    const constant int* weight_shape [[buffer(3)]],
    const device T* g [[buffer(4)]],
    device T* d_halves [[buffer(5)]],
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
  const int half_width = blocks * q / 2;
  for (int i = 0; i < 2; ++i) {
    first.spill(a, i, lane);
    second.spill(b, i, lane);
    simdgroup_barrier(mem_flags::mem_threadgroup);
    for (int r = 0; r < 8; ++r)
      if (row + 8 * i + r < rows && column < s.features) {
        const int at = r * STAGE_PITCH() + lane, f = s.first + column;
        const int from = (row + 8 * i + r) * half_width + f, to = from + (row + 8 * i + r) * half_width;
        const float gradient = float(g[from]);
        d_halves[to] = T(gradient * b[at] * gelu_slope(a[at]));
        d_halves[to + half_width] = T(gradient * gelu(a[at]));
      }
    simdgroup_barrier(mem_flags::mem_threadgroup);
  }
}

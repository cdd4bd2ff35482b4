// The implicit filter of Hyena: h(t) = W_out·sin(f·(W_j·…sin(f·(W_in·z(t) + b))…)), times exp(-t·|δ|) + shift.
//
// One threadgroup for a tile of 32 positions. Activations stay in threadgroup memory, each layer over the last one.
#include "network.h"

template <typename T, int ROWS, int INNER, bool MODULATE>
[[kernel]] void hyena_filter(
    const device T* z [[buffer(0)]],
    const constant int* z_shape [[buffer(1)]],
    const device T* times [[buffer(2)]],
    const device T* w_in [[buffer(3)]],
    const device T* b_in [[buffer(4)]],
    const device T* w_inner [[buffer(5)]],
    const device T* b_inner [[buffer(6)]],
    const device T* w_out [[buffer(7)]],
    const constant int* w_out_shape [[buffer(8)]],
    const device T* freq [[buffer(9)]],
    const device T* deltas [[buffer(10)]],
    const constant float* scales [[buffer(11)]],
    device T* h [[buffer(12)]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]],
    uint thread_index_in_threadgroup [[thread_index_in_threadgroup]],
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]]) {
  threadgroup float hidden[ROWS * SIMDS * POSITIONS];
  threadgroup float tile[POSITIONS * 33];
  threadgroup float square[32 * 32];
  threadgroup float when[POSITIONS];
  const int features = z_shape[2], d = w_out_shape[0], order = w_out_shape[1];
  const float w_mod = scales[0], shift = scales[1];
  const Place at = {int(thread_index_in_threadgroup), int(simdgroup_index_in_threadgroup), int(thread_index_in_simdgroup),
                    int(threadgroup_position_in_grid.x) * POSITIONS, z_shape[1]};
  const int position = at.first + at.lane;

  if (MODULATE && at.simd == 0) when[at.lane] = position < at.length ? float(times[position]) : 0.0f;
  float f[ROWS];
  frequencies<ROWS>(f, freq, w_mod, order, at.simd);
  network<ROWS, INNER>(hidden, tile, square, z, w_in, b_in, w_inner, b_inner, f, features, order, at, Forget());

  for (int column = 0; column < d; column += 32) {
    const int width = min(32, d - column);
    float made[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    product<4, false>(made, w_out + column * order, order, width, square, hidden + at.lane, POSITIONS, order, at);
    for (int r = 0; r < 4; ++r) {
      const int c = at.simd + SIMDS * r;
      if (c < width) {
        const float window = MODULATE ? precise::exp(-when[at.lane] * fabs(float(deltas[column + c]))) + shift : 1.0f;
        tile[at.lane * pitch(width) + c] = made[r] * window;
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    store_tile(h, tile, d, column, width, at);
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
}

// The way back through hyena_filter for one tile of 32 positions: gradients of its features and times, and for each
// layer what the gradients of weights are sums of, over all positions: `hidden` (values after the sines), `slopes`
// (gradients of the sums before them), `outgoing` (gradients of the last product), and `partials`, the tile's part of the
// gradients of freq and deltas.
//
// Features of a position lie apart by the length, so that a SIMD group's 32 positions are neighbours in memory.
#include "network.h"

// `slopes` has the sums before the sines until the gradient comes by.
struct Keep {
  device float* slopes;
  device float* hidden;
  int order, position, length;

  int of(int layer, int row) { return (layer * order + row) * length + position; }
  void layer(int layer, int row, float sum, float value) {
    if (position < length) {
      slopes[of(layer, row)] = sum;
      hidden[of(layer, row)] = value;
    }
  }
};

template <typename T, int ROWS, int INNER, bool MODULATE>
[[kernel]] void hyena_filter_grad(
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
    const device T* g [[buffer(12)]],
    device float* hidden [[buffer(13)]],
    device float* slopes [[buffer(14)]],
    device float* outgoing [[buffer(15)]],
    device T* d_z [[buffer(16)]],
    device T* d_t [[buffer(17)]],
    device float* partials [[buffer(18)]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]],
    uint thread_index_in_threadgroup [[thread_index_in_threadgroup]],
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]]) {
  threadgroup float values[ROWS * SIMDS * POSITIONS];
  threadgroup float tile[POSITIONS * 33];
  threadgroup float square[32 * 32];
  threadgroup float when[POSITIONS];
  const int features = z_shape[2], d = w_out_shape[0], order = w_out_shape[1];
  const float w_mod = scales[0], shift = scales[1];
  const Place at = {int(thread_index_in_threadgroup), int(simdgroup_index_in_threadgroup), int(thread_index_in_simdgroup),
                    int(threadgroup_position_in_grid.x) * POSITIONS, z_shape[1]};
  const int position = at.first + at.lane;
  const bool there = position < at.length;
  const int part = int(threadgroup_position_in_grid.x) * (order + (MODULATE ? d : 0));

  if (MODULATE && at.simd == 0) when[at.lane] = there ? float(times[position]) : 0.0f;
  float f[ROWS];
  frequencies<ROWS>(f, freq, w_mod, order, at.simd);
  Keep keep = {slopes, hidden, order, position, at.length};
  network<ROWS, INNER>(values, tile, square, z, w_in, b_in, w_inner, b_inner, f, features, order, at, keep);

  // Through the window and the last product.
  float back[ROWS], d_time = 0.0f;
  for (int r = 0; r < ROWS; ++r) back[r] = 0.0f;
  for (int column = 0; column < d; column += 32) {
    const int width = min(32, d - column);
    load_tile(tile, g, d, column, width, at);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    float made[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    if (MODULATE) product<4, false>(made, w_out + column * order, order, width, square, values + at.lane, POSITIONS, order, at);
    for (int r = 0; r < 4; ++r) {
      const int c = at.simd + SIMDS * r;
      if (c < width) {
        float gradient = tile[at.lane * pitch(width) + c];
        if (MODULATE) {
          const float delta = float(deltas[column + c]), time = when[at.lane];
          const float decay = precise::exp(-time * fabs(delta));
          const float weighted = gradient * made[r] * decay;
          d_time -= weighted * fabs(delta);
          const float sum = simd_sum(there ? weighted * time : 0.0f);
          // The sign of zero is zero, as in the gradient of mx.abs.
          if (at.lane == 0) partials[part + order + column + c] = delta > 0.0f ? -sum : delta < 0.0f ? sum : 0.0f * sum;
          gradient *= decay + shift;
        }
        tile[at.lane * pitch(width) + c] = gradient;
        if (there) outgoing[(column + c) * at.length + position] = gradient;
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    product<ROWS, true>(back, w_out + column * order, order, order, square, tile + at.lane * pitch(width), 1, width, at);
  }

  // Through the sines and the products between them.
  float d_freq[ROWS];
  for (int r = 0; r < ROWS; ++r) d_freq[r] = 0.0f;
  for (int layer = INNER; layer >= 0; --layer) {
    for (int r = 0; r < ROWS; ++r) {
      const int row = at.simd + SIMDS * r;
      if (row < order) {
        const float sum = there ? slopes[keep.of(layer, row)] : 0.0f;
        const float inner = back[r] * precise::cos(f[r] * sum);
        d_freq[r] += there ? inner * sum : 0.0f;
        values[row * POSITIONS + at.lane] = inner * f[r];
        if (there) slopes[keep.of(layer, row)] = inner * f[r];
      }
      back[r] = 0.0f;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (layer > 0) {
      product<ROWS, true>(back, w_inner + (layer - 1) * order * order, order, order, square, values + at.lane, POSITIONS, order, at);
    }
  }
  for (int column = 0; column < features; column += 32) {
    const int width = min(32, features - column);
    float made[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    product<4, true>(made, w_in + column, features, width, square, values + at.lane, POSITIONS, order, at);
    for (int r = 0; r < 4; ++r) {
      const int k = at.simd + SIMDS * r;
      if (k < width) tile[at.lane * pitch(width) + k] = made[r];
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    store_tile(d_z, tile, features, column, width, at);
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }

  for (int r = 0; r < ROWS; ++r) {
    const int row = at.simd + SIMDS * r;
    if (row < order) {
      const float sum = simd_sum(d_freq[r]);
      if (at.lane == 0) partials[part + row] = w_mod * sum;
    }
  }
  tile[at.simd * POSITIONS + at.lane] = d_time;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (at.simd == 0 && there) {
    float sum = 0.0f;
    for (int s = 0; s < SIMDS; ++s) sum += tile[s * POSITIONS + at.lane];
    d_t[position] = T(sum);
  }
}

// The causal short convolution of the channels x1, x2, v of a projection, and the first gate: passed = x2, gated = v·x1.
//
// A SIMD group makes CHUNKS·32 neighbouring outputs of one channel of each of the three. Neither x1 nor v is written.
#include "taps.h"

template <typename T, int CHUNKS>
[[kernel]] void gated_conv3(
    const device T* x [[buffer(0)]],
    const constant int* x_shape [[buffer(1)]],
    const device T* weight [[buffer(2)]],
    const device T* bias [[buffer(3)]],
    device T* passed [[buffer(4)]],
    device T* gated [[buffer(5)]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]],
    uint3 thread_position_in_grid [[thread_position_in_grid]]) {
  const int d = x_shape[1] / 3, length = x_shape[2];
  const int lane = thread_index_in_simdgroup;
  const int first = int(thread_position_in_grid.x) / 32 * 32 * CHUNKS;
  const int c = thread_position_in_grid.y, b = thread_position_in_grid.z;
  const int from1 = (3 * b * d + c) * length, from2 = from1 + d * length, from_v = from2 + d * length;
  const int to = (b * d + c) * length;

  Taps k1 = taps(weight, bias, c), k2 = taps(weight, bias, c + d), kv = taps(weight, bias, c + 2 * d);
  Row x1 = start<2>(x, from1, first + lane, lane, length);
  Row x2 = start<2>(x, from2, first + lane, lane, length);
  Row v = start<2>(x, from_v, first + lane, lane, length);
  for (int chunk = 0; chunk < CHUNKS; ++chunk) {
    const int t = first + 32 * chunk + lane;
    const float y1 = k1.of(x1, lane), y2 = k2.of(x2, lane), y_v = kv.of(v, lane);
    if (t < length) {
      passed[to + t] = T(y2);
      gated[to + t] = T(y_v * y1);
    }
    const bool last = chunk == CHUNKS - 1;
    advance(x1, x, from1, t, lane, length, last);
    advance(x2, x, from2, t, lane, length, last);
    advance(v, x, from_v, t, lane, length, last);
  }
}

// Each channel of x correlated with its own three taps: y[t] = w0·x[t-p] + w1·x[t+1-p] + w2·x[t+2-p] + b.
//
// A SIMD group makes CHUNKS·32 neighbouring outputs of one channel.
#include "row.h"

template <typename T, bool BIAS, bool FLIP, int PADDING, int CHUNKS>
[[kernel]] void depthwise_conv3(
    const device T* x [[buffer(0)]],
    const constant int* x_shape [[buffer(1)]],
    const device T* weight [[buffer(2)]],
    const device T* bias [[buffer(3)]],
    device T* y [[buffer(4)]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]],
    uint3 thread_position_in_grid [[thread_position_in_grid]]) {
  const int channels = x_shape[1], length = x_shape[2];
  const int made = length + 2 * PADDING - 2;
  const int lane = thread_index_in_simdgroup;
  const int first = int(thread_position_in_grid.x) / 32 * 32 * CHUNKS;
  const int c = thread_position_in_grid.y, b = thread_position_in_grid.z;
  const int from = (b * channels + c) * length, to = (b * channels + c) * made;

  const float w0 = float(weight[3 * c + (FLIP ? 2 : 0)]);
  const float w1 = float(weight[3 * c + 1]);
  const float w2 = float(weight[3 * c + (FLIP ? 0 : 2)]);
  const float skip = BIAS ? float(bias[c]) : 0.0f;

  Row r = start<PADDING>(x, from, first + lane, lane, length);
  for (int chunk = 0; chunk < CHUNKS; ++chunk) {
    const int t = first + 32 * chunk + lane;
    look_ahead<2 - PADDING>(r, x, from, t, lane, length, chunk == CHUNKS - 1);
    const float sum = w0 * r.at<-PADDING>(lane) + w1 * r.at<1 - PADDING>(lane) + w2 * r.at<2 - PADDING>(lane);
    if (t < made) y[to + t] = T(sum + skip);
    r.before = r.here;
    r.here = r.after;
  }
}

// Gradients of gated_conv3, its outputs computed anew: with y = conv(x), dy1 = g·y_v, dy_v = g·y1, dy2 the cotangent of
// x2: dx[t] = w2·dy[t] + w1·dy[t+1] + w0·dy[t+2], dw[j] = Σ dy[t]·x[t+j-2], db = Σ dy.
//
// One threadgroup for a channel of each of the three. A SIMD group takes every so-manieth segment of CHUNKS chunks of
// the batch's rows; then lanes, and then SIMD groups in their order, are added.
#include "taps.h"

// One of the three channels on its walk. `now` is the chunk whose dx is made; its dy, and that of the chunk after it,
// are kept, for dx reaches two samples ahead.
struct Channel {
  Taps k;
  Row now, next;
  float dy, dy_next;
  float sums[4];  // of the taps' gradients, and the bias's

  template <typename P>
  void begin(P x, int row, int t, int lane, int length) {
    now = start<2>(x, row, t, lane, length);
  }
  // Loads the chunk after this one, or of the last chunk of a walk only what dx reaches ahead to.
  template <typename P>
  void ahead(P x, int row, int t, int lane, int length, bool last) {
    look_ahead<2>(now, x, row, t, lane, length, last);
    next.before = now.here;
    next.here = now.after;
    next.after = 0.0f;
  }
  // Adds up the chunk's part of the taps' gradients; its part of dx.
  float back(int lane) {
    sums[0] += dy * now.at<-2>(lane);
    sums[1] += dy * now.at<-1>(lane);
    sums[2] += dy * now.here;
    sums[3] += dy;
    Row of = {0.0f, dy, dy_next};
    return k.w2 * dy + k.w1 * of.at<1>(lane) + k.w0 * of.at<2>(lane);
  }
  void step() {
    now = next;
    dy = dy_next;
  }
};

template <typename T, int CHUNKS>
[[kernel]] void gated_conv3_grad(
    const device T* x [[buffer(0)]],
    const constant int* x_shape [[buffer(1)]],
    const device T* weight [[buffer(2)]],
    const device T* bias [[buffer(3)]],
    const device T* g_passed [[buffer(4)]],
    const device T* g_gated [[buffer(5)]],
    device T* d_x [[buffer(6)]],
    device T* d_weight [[buffer(7)]],
    device T* d_bias [[buffer(8)]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint simdgroups_per_threadgroup [[simdgroups_per_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]],
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]]) {
  threadgroup float parts[32][12];
  const int batch = x_shape[0], d = x_shape[1] / 3, length = x_shape[2];
  const int c = threadgroup_position_in_grid.x;
  const int lane = thread_index_in_simdgroup, simd = simdgroup_index_in_threadgroup;
  const int simds = simdgroups_per_threadgroup;
  const int chunks = (length + 31) / 32, segments = (chunks + CHUNKS - 1) / CHUNKS;

  Channel x1, x2, v;
  x1.k = taps(weight, bias, c);
  x2.k = taps(weight, bias, c + d);
  v.k = taps(weight, bias, c + 2 * d);
  for (int j = 0; j < 4; ++j) x1.sums[j] = x2.sums[j] = v.sums[j] = 0.0f;

  for (int item = simd; item < batch * segments; item += simds) {
    const int b = item / segments, begin = item % segments * CHUNKS, end = min(chunks, begin + CHUNKS);
    const int from1 = (3 * b * d + c) * length, from2 = from1 + d * length, from_v = from2 + d * length;
    const int to = (b * d + c) * length;
    const int origin = 32 * begin + lane;
    x1.begin(x, from1, origin, lane, length);
    x2.begin(x, from2, origin, lane, length);
    v.begin(x, from_v, origin, lane, length);
    const float g = sample(g_gated, to, origin, length);
    const float y1 = x1.k.of(x1.now, lane), y_v = v.k.of(v.now, lane);
    // Beyond the end y may be infinite, and its gradient is zero nevertheless.
    x1.dy = origin < length ? g * y_v : 0.0f;
    v.dy = origin < length ? g * y1 : 0.0f;
    x2.dy = sample(g_passed, to, origin, length);
    for (int chunk = begin; chunk < end; ++chunk) {
      const int t = 32 * chunk + lane;
      const bool last = chunk == end - 1;
      x1.ahead(x, from1, t, lane, length, last);
      x2.ahead(x, from2, t, lane, length, last);
      v.ahead(x, from_v, t, lane, length, last);
      const bool there = t + 32 < length && (!last || lane < 2);
      const float g_next = there ? float(g_gated[to + t + 32]) : 0.0f;
      const float next1 = x1.k.of(x1.next, lane), next_v = v.k.of(v.next, lane);
      x1.dy_next = there ? g_next * next_v : 0.0f;
      v.dy_next = there ? g_next * next1 : 0.0f;
      x2.dy_next = there ? float(g_passed[to + t + 32]) : 0.0f;
      const float d1 = x1.back(lane), d2 = x2.back(lane), d_v = v.back(lane);
      if (t < length) {
        d_x[from1 + t] = T(d1);
        d_x[from2 + t] = T(d2);
        d_x[from_v + t] = T(d_v);
      }
      x1.step();
      x2.step();
      v.step();
    }
  }
  for (int j = 0; j < 4; ++j) {
    const float sum1 = simd_sum(x1.sums[j]), sum2 = simd_sum(x2.sums[j]), sum_v = simd_sum(v.sums[j]);
    if (lane == 0) {
      parts[simd][j] = sum1;
      parts[simd][4 + j] = sum2;
      parts[simd][8 + j] = sum_v;
    }
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (simd == 0 && lane < 12) {
    float sum = 0.0f;
    for (int s = 0; s < simds; ++s) sum += parts[s][lane];
    const int channel = c + lane / 4 * d, tap = lane % 4;
    if (tap < 3) d_weight[3 * channel + tap] = T(sum);
    else d_bias[channel] = T(sum);
  }
}

// Gradients of the three taps and the bias of each channel: dw[c, j] = Σ g[b, c, t]·x[b, c, t+j-p], db[c] = Σ g[b, c, t].
//
// One threadgroup for a channel. A SIMD group walks its part of each row; then lanes, and then SIMD groups, are added.
#include "row.h"

template <typename T, int PADDING>
[[kernel]] void depthwise_conv3_grad(
    const device T* x [[buffer(0)]],
    const constant int* x_shape [[buffer(1)]],
    const device T* g [[buffer(2)]],
    device T* d_weight [[buffer(3)]],
    device T* d_bias [[buffer(4)]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint simdgroups_per_threadgroup [[simdgroups_per_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]],
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]]) {
  threadgroup float parts[4][32];
  const int batch = x_shape[0], channels = x_shape[1], length = x_shape[2];
  const int made = length + 2 * PADDING - 2;
  const int c = threadgroup_position_in_grid.x;
  const int lane = thread_index_in_simdgroup, simd = simdgroup_index_in_threadgroup;
  const int simds = simdgroups_per_threadgroup;
  const int chunks = (made + 31) / 32, share = (chunks + simds - 1) / simds;
  const int begin = simd * share, end = min(chunks, begin + share);

  float sum0 = 0.0f, sum1 = 0.0f, sum2 = 0.0f, sum_g = 0.0f;
  for (int b = 0; b < batch; ++b) {
    const int from = (b * channels + c) * length, to = (b * channels + c) * made;
    Row r = start<PADDING>(x, from, 32 * begin + lane, lane, begin < end ? length : 0);
    for (int chunk = begin; chunk < end; ++chunk) {
      const int t = 32 * chunk + lane;
      look_ahead<2 - PADDING>(r, x, from, t, lane, length, chunk == end - 1);
      const float gradient = t < made ? float(g[to + t]) : 0.0f;
      sum0 += gradient * r.at<-PADDING>(lane);
      sum1 += gradient * r.at<1 - PADDING>(lane);
      sum2 += gradient * r.at<2 - PADDING>(lane);
      sum_g += gradient;
      r.before = r.here;
      r.here = r.after;
    }
  }
  sum0 = simd_sum(sum0);
  sum1 = simd_sum(sum1);
  sum2 = simd_sum(sum2);
  sum_g = simd_sum(sum_g);
  if (lane == 0) {
    parts[0][simd] = sum0;
    parts[1][simd] = sum1;
    parts[2][simd] = sum2;
    parts[3][simd] = sum_g;
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (simd == 0) {
    const bool mine = lane < simds;
    sum0 = simd_sum(mine ? parts[0][lane] : 0.0f);
    sum1 = simd_sum(mine ? parts[1][lane] : 0.0f);
    sum2 = simd_sum(mine ? parts[2][lane] : 0.0f);
    sum_g = simd_sum(mine ? parts[3][lane] : 0.0f);
    if (lane == 0) {
      d_weight[3 * c] = T(sum0);
      d_weight[3 * c + 1] = T(sum1);
      d_weight[3 * c + 2] = T(sum2);
      d_bias[c] = T(sum_g);
    }
  }
}

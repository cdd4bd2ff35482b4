// The correlation of gradient rows with rows, in Q blocks each, summed over the batch, back to blocks.
#include "fft.h"
#include "pairs_of_blocks.h"

template <int Q, int BLOCK, int R, bool EXACT>
[[kernel]] void fft_correlation(
    const device float* gradient [[buffer(0)]],
    const device float* blocks [[buffer(1)]],
    const constant int32_t* batch_and_channels [[buffer(2)]],
    device float* correlation [[buffer(3)]],
    uint3 thread_position_in_threadgroup [[thread_position_in_threadgroup]],
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]]) {
  typedef typename Complex<EXACT>::type C;
  const int M = Q * BLOCK;
  threadgroup C z[BLOCK];
  C g[R], gm[R], v[R], m[R], sum[R], sum_m[R];
  const int j = thread_position_in_threadgroup.x, a = threadgroup_position_in_grid.x, b = (Q - a) % Q;
  const int c = threadgroup_position_in_grid.y, batch = batch_and_channels[0], channels = batch_and_channels[1];

  for (int n = 0; n < batch; ++n) {
    const int row = (n * channels + c) * M;
    both_spectra<C, BLOCK, R>((const device C*)gradient + row, z, g, gm, a, b, j);
    both_spectra<C, BLOCK, R>((const device C*)blocks + row, z, v, m, a, b, j);
#pragma unroll
    for (int i = 0; i < R; ++i) {
      const int here = j * R + i, there = opposite<BLOCK, R>(here, a);
      const C at_a = correlated<C, Q, BLOCK>(g[i], gm[i], v[i], m[i], a + Q * frequency<BLOCK, R>(here));
      sum[i] = n == 0 ? at_a : add(sum[i], at_a);
      if (a != b) {
        const C at_b = correlated<C, Q, BLOCK>(gm[i], g[i], m[i], v[i], b + Q * frequency<BLOCK, R>(there));
        sum_m[i] = n == 0 ? at_b : add(sum_m[i], at_b);
      }
    }
  }
  both_rows<C, BLOCK, R>((device C*)correlation + c * M, z, sum, sum_m, a, b, j);
}

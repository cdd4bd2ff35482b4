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
  C ga[R], gma[R], gb[R], gmb[R], va[R], ma[R], vb[R], mb[R], sum_a[R], sum_b[R];
  const int j = thread_position_in_threadgroup.x, a = threadgroup_position_in_grid.x, b = (Q - a) % Q;
  const int c = threadgroup_position_in_grid.y, batch = batch_and_channels[0], channels = batch_and_channels[1];
  device C* out = (device C*)correlation + c * M;

  for (int n = 0; n < batch; ++n) {
    const int row = (n * channels + c) * M;
    both_spectra<C, BLOCK, R>((const device C*)gradient + row, z, ga, gma, gb, gmb, a, b, j);
    both_spectra<C, BLOCK, R>((const device C*)blocks + row, z, va, ma, vb, mb, a, b, j);
#pragma unroll
    for (int i = 0; i < R; ++i) {
      const int f = frequency<BLOCK, R>(j * R + i);
      const C at_a = correlated<C, Q, BLOCK>(ga[i], gma[i], va[i], ma[i], a + Q * f);
      sum_a[i] = n == 0 ? at_a : add(sum_a[i], at_a);
      if (a != b) {
        const C at_b = correlated<C, Q, BLOCK>(gb[i], gmb[i], vb[i], mb[i], b + Q * f);
        sum_b[i] = n == 0 ? at_b : add(sum_b[i], at_b);
      }
    }
  }
  inverse_fft<C, BLOCK, R, false>(z, sum_a, j);
#pragma unroll
  for (int q = 0; q < R; ++q) out[a * BLOCK + j + q * (BLOCK / R)] = sum_a[q];
  if (a == b) return;
  inverse_fft<C, BLOCK, R, false>(z, sum_b, j);
#pragma unroll
  for (int q = 0; q < R; ++q) out[b * BLOCK + j + q * (BLOCK / R)] = sum_b[q];
}

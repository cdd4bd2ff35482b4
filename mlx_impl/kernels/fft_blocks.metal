// The spectra of blocks: what fft_product multiplies by. The values of a thread lie BLOCK/R apart, beside its
// neighbours' (the place p is at p / R + p % R · BLOCK / R).
#include "fft.h"

template <int BLOCK, int R, bool EXACT>
[[kernel]] void fft_blocks(
    const device float* blocks [[buffer(0)]],
    device float* spectrum [[buffer(1)]],
    uint3 thread_position_in_threadgroup [[thread_position_in_threadgroup]],
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]]) {
  typedef typename Complex<EXACT>::type C;
  threadgroup C z[BLOCK];
  C v[R];
  const int j = thread_position_in_threadgroup.x, from_place = threadgroup_position_in_grid.x * BLOCK;
  const device C* in = (const device C*)blocks;
  device C* out = (device C*)spectrum;
#pragma unroll
  for (int q = 0; q < R; ++q) v[q] = in[from_place + j + q * (BLOCK / R)];
  fft<C, BLOCK, R, false>(z, v, j);
#pragma unroll
  for (int i = 0; i < R; ++i) out[from_place + i * (BLOCK / R) + j] = v[i];
}

// Rows of Q blocks times a kernel's spectrum, back to blocks: the middle of a transform too long for threadgroup memory.
//
// Block a holds the frequencies a + Q·f, and their opposites are in block Q - a: one threadgroup takes both.
#include "fft.h"
#include "pairs_of_blocks.h"

template <int Q, int BLOCK, int R, bool EXACT>
[[kernel]] void fft_product(
    const device float* blocks [[buffer(0)]],
    const device float* spectrum [[buffer(1)]],
    const constant int32_t* channels [[buffer(2)]],
    device float* product [[buffer(3)]],
    uint3 thread_position_in_threadgroup [[thread_position_in_threadgroup]],
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]]) {
  typedef typename Complex<EXACT>::type C;
  const int M = Q * BLOCK;
  threadgroup C z[BLOCK];
  C va[R], ma[R], vb[R], mb[R];
  const int j = thread_position_in_threadgroup.x, a = threadgroup_position_in_grid.x, b = (Q - a) % Q;
  const int row = threadgroup_position_in_grid.y, c = row % channels[0];
  const device C* taps = (const device C*)spectrum + c * M;
  device C* out = (device C*)product + row * M;

  both_spectra<C, BLOCK, R>((const device C*)blocks + row * M, z, va, ma, vb, mb, a, b, j);
#pragma unroll
  for (int i = 0; i < R; ++i) {
    const int here = beside<BLOCK, R>(j * R + i), there = beside<BLOCK, R>(opposite<BLOCK, R>(j * R + i, a));
    const int f = frequency<BLOCK, R>(j * R + i);
    const C ka = taps[a * BLOCK + here], kb = taps[b * BLOCK + there];
    va[i] = filtered<C, Q, BLOCK>(va[i], ma[i], ka, kb, a + Q * f);
    if (a != b) {
      const C kc = taps[b * BLOCK + here], kd = taps[a * BLOCK + there];
      vb[i] = filtered<C, Q, BLOCK>(vb[i], mb[i], kc, kd, b + Q * f);
    }
  }
  inverse_fft<C, BLOCK, R, false>(z, va, j);
#pragma unroll
  for (int q = 0; q < R; ++q) out[a * BLOCK + j + q * (BLOCK / R)] = va[q];
  if (a == b) return;
  inverse_fft<C, BLOCK, R, false>(z, vb, j);
#pragma unroll
  for (int q = 0; q < R; ++q) out[b * BLOCK + j + q * (BLOCK / R)] = vb[q];
}

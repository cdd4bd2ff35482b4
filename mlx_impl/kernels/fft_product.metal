// Rows of Q blocks times a kernel's spectrum, back to blocks: the middle of a transform too long for threadgroup memory.
//
// Block a holds the frequencies a + Q·f, and their opposites are in block Q - a: one threadgroup takes both, and a thread
// a value and its opposite, so that it has the two values of the kernel's spectrum that both need.
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
  C v[R], m[R];
  const int j = thread_position_in_threadgroup.x, a = threadgroup_position_in_grid.x, b = (Q - a) % Q;
  const int row = threadgroup_position_in_grid.y, c = row % channels[0];
  const device C* taps = (const device C*)spectrum + c * M;

  both_spectra<C, BLOCK, R>((const device C*)blocks + row * M, z, v, m, a, b, j);
  if (a == b) {  // a value of the kernel's spectrum is wanted by two threads
#pragma unroll
    for (int i = 0; i < R; ++i) z[slot<R>(j * R + i)] = taps[a * BLOCK + beside<BLOCK, R>(j * R + i)];
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
#pragma unroll
  for (int i = 0; i < R; ++i) {
    const int here = j * R + i, there = opposite<BLOCK, R>(here, a);
    const C x = v[i], k = a == b ? z[slot<R>(here)] : taps[a * BLOCK + beside<BLOCK, R>(here)];
    const C km = a == b ? z[slot<R>(there)] : taps[b * BLOCK + beside<BLOCK, R>(there)];
    v[i] = filtered<C, Q, BLOCK>(x, m[i], k, km, a + Q * frequency<BLOCK, R>(here));
    if (a != b) m[i] = filtered<C, Q, BLOCK>(m[i], x, km, k, b + Q * frequency<BLOCK, R>(there));
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  both_rows<C, BLOCK, R>((device C*)product + row * M, z, v, m, a, b, j);
}

// The first pass of a transform too long for threadgroup memory: rows of M = Q·BLOCK complex points, made of real samples
// or of a kernel's taps, become Q blocks that are transformed by themselves. One thread for a place in a block.
#include "fft.h"
#include "rows.h"

template <typename T, int Q, int BLOCK, bool TAPS, bool VECTORS, bool EXACT>
[[kernel]] void fft_columns(
    const device T* x [[buffer(0)]],
    const constant int* x_shape [[buffer(1)]],
    const device T* x_rev [[buffer(2)]],
    const constant int* x_rev_shape [[buffer(3)]],
    const constant int32_t* row_length [[buffer(4)]],
    const constant int32_t* options [[buffer(5)]],
    device float* blocks [[buffer(6)]],
    uint3 thread_position_in_grid [[thread_position_in_grid]]) {
  typedef typename Complex<EXACT>::type C;
  const int M = Q * BLOCK, within = thread_position_in_grid.x, row = thread_position_in_grid.y;
  const int length = row_length[0], samples = x_shape[TAPS ? 1 : 2];
  Options asked = options_of(options);
  asked.pairs = asked.pairs && Pair<VECTORS>::template at<T>(x);
  device C* out = (device C*)blocks;
  C v[Q];
#pragma unroll
  for (int q = 0; q < (TAPS ? Q : Q / 2); ++q) {
    const int i = within + q * BLOCK;
    if (TAPS) {
      const int lag = 2 * i < M ? 2 * i : 2 * i - 2 * M, from_rev = row * x_rev_shape[1];
      v[q] = point<VECTORS, T>(x, row * samples, samples, x_rev, from_rev, x_rev_shape[1], lag, length, asked, C());
    } else {
      const float2 s = Pair<VECTORS>::template load<T>(x, row * length, 2 * i, length, asked.pairs);
      v[q] = from(s.x, s.y, C());
    }
  }
  butterflies<Q, !TAPS>(v);
#pragma unroll
  for (int s = 0; s < Q; ++s) {
    const C y = v[reversed(s, log_of(Q))];
    out[row * M + s * BLOCK + within] = s == 0 ? y : multiply(y, root(within * s * (65536 / M), y));
  }
}

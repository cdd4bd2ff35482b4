// The last pass of a transform too long for threadgroup memory: Q blocks become a row of real samples, with the skip, the
// gate and what is added. One thread for a place in a block; only the first half of the row is wanted.
#include "fft.h"
#include "rows.h"

template <typename U, typename T, int Q, int BLOCK, bool EXACT>
[[kernel]] void fft_rows(
    const device float* blocks [[buffer(0)]],
    const device U* u [[buffer(1)]],
    const constant int* u_shape [[buffer(2)]],
    const device T* D [[buffer(3)]],
    const device T* gate [[buffer(4)]],
    const device T* extra [[buffer(5)]],
    const constant int32_t* options [[buffer(6)]],
    device T* y [[buffer(7)]],
    uint3 thread_position_in_grid [[thread_position_in_grid]]) {
  typedef typename Complex<EXACT>::type C;
  const int M = Q * BLOCK, within = thread_position_in_grid.x, row = thread_position_in_grid.y;
  const int channels = u_shape[1], length = u_shape[2], from_sample = row * length;
  const device C* in = (const device C*)blocks + row * M;
  const float skip = float(D[row % channels]);
  Options asked = options_of(options);
  asked.pairs = asked.pairs && Pair<true>::template at<U>(u) && Pair<true>::template at<T>(gate) &&
                Pair<true>::template at<T>(extra);
  C v[Q];
#pragma unroll
  for (int s = 0; s < Q; ++s) v[reversed(s, log_of(Q))] = in[s * BLOCK + within];
#pragma unroll
  for (int s = 1; s < Q; ++s) {
    const int at = reversed(s, log_of(Q));
    v[at] = multiply(v[at], conjugate(root(within * s * (65536 / M), v[at])));
  }
  inverse_butterflies<Q, true>(v);
#pragma unroll
  for (int q = 0; q < Q / 2; ++q) {
    const int t = 2 * (within + q * BLOCK);
    C x = with_skip(v[q], Pair<true>::template load<U>(u, from_sample, t, length, asked.pairs), skip);
    if (asked.gate) x = gated(x, Pair<true>::template load<T>(gate, from_sample, t, length, asked.pairs));
    if (asked.add) x = plus(x, Pair<true>::template load<T>(extra, from_sample, t, length, asked.pairs));
    store_pair(y, from_sample, t, length, rounded(x), asked.pairs);
  }
}

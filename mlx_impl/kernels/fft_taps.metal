// The last pass of a long correlation: Q blocks become the gradients of a kernel's taps, and lag 0 that of the skip.
#include "fft.h"
#include "rows.h"

template <typename T, int Q, int BLOCK, bool EXACT>
[[kernel]] void fft_taps(
    const device float* blocks [[buffer(0)]],
    const device T* k [[buffer(1)]],
    const constant int* k_shape [[buffer(2)]],
    const device T* k_rev [[buffer(3)]],
    const constant int* k_rev_shape [[buffer(4)]],
    const constant int32_t* row_length [[buffer(5)]],
    const constant int32_t* options [[buffer(6)]],
    device T* d_k [[buffer(7)]],
    device T* d_rev [[buffer(8)]],
    device T* d_skip [[buffer(9)]],
    uint3 thread_position_in_grid [[thread_position_in_grid]]) {
  typedef typename Complex<EXACT>::type C;
  const int M = Q * BLOCK, within = thread_position_in_grid.x, c = thread_position_in_grid.y, length = row_length[0];
  const device C* in = (const device C*)blocks + c * M;
  const Options asked = options_of(options);
  C v[Q];
#pragma unroll
  for (int s = 0; s < Q; ++s) v[reversed(s, log_of(Q))] = in[s * BLOCK + within];
#pragma unroll
  for (int s = 1; s < Q; ++s) {
    const int at = reversed(s, log_of(Q));
    v[at] = multiply(v[at], conjugate(root(within * s * (65536 / M), v[at])));
  }
  inverse_butterflies<Q, false>(v);
#pragma unroll
  for (int q = 0; q < Q; ++q) {
    const float2 w = rounded(v[q]);
    if (asked.pairs && !asked.reverse) {
      const int lag = 2 * (within + q * BLOCK) - (q < Q / 2 ? 0 : 2 * M), t = lag < 0 ? 2 * length + lag : lag;
      if (lag == 0) d_skip[c] = T(w.x);
      const bool there = lag < length && lag >= -length;
      const float2 both = float2(lag == -length ? 0.0f : w.x, w.y);
      if (there) store_pair(d_k, c * k_shape[1], t, k_shape[1], both, true);
      continue;
    }
    for (int of = 0; of < 2; ++of) {
      const int n = 2 * (within + q * BLOCK) + of, lag = n < M ? n : n - 2 * M;
      if (n == 0) d_skip[c] = T(w.x);
      const int t = lag < 0 ? 2 * length + lag : lag;
      const float x = of == 0 ? w.x : w.y;
      if (lag < length && lag >= -length && t < k_shape[1]) d_k[c * k_shape[1] + t] = T(lag == -length ? 0.0f : x);
      if (asked.reverse && lag <= 0 && -lag < k_rev_shape[1]) d_rev[c * k_rev_shape[1] - lag] = T(x);
    }
  }
  if (!asked.reverse && within == 0) d_rev[c] = T(0.0f);
}

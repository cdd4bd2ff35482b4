// Gradients of the kernels and the skip of a long convolution: w[lag] = Σ g[b, t]·u[b, t-lag], summed over the batch in the
// spectrum; the taps are read off w, and the skip's gradient is summed beside the transforms, or is w[0] with many threads,
// which have few registers.
//
// With g_e, g_o, u_e, u_o the even and odd samples, the spectra of w's even and odd lags are G_e·ū_e + G_o·ū_o and
// r̄·G_e·ū_o + G_o·ū_e, r the root of the frequency. One threadgroup for a channel.
#include "fft.h"
#include "rows.h"

template <typename G, typename T, int M, int R, bool VECTORS, bool EXACT>
[[kernel]] void fft_conv_grad(
    const device G* g [[buffer(0)]],
    const constant int* g_shape [[buffer(1)]],
    const device T* u [[buffer(2)]],
    const device T* k [[buffer(3)]],
    const constant int* k_shape [[buffer(4)]],
    const device T* k_rev [[buffer(5)]],
    const constant int* k_rev_shape [[buffer(6)]],
    const constant int32_t* options [[buffer(7)]],
    device T* d_k [[buffer(8)]],
    device T* d_rev [[buffer(9)]],
    device T* d_skip [[buffer(10)]],
    uint3 thread_position_in_threadgroup [[thread_position_in_threadgroup]],
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]]) {
  typedef typename Complex<EXACT>::type C;
  threadgroup C z[M];
  const bool CROWDED = M / R > CERTAIN_THREADS;
  C v[R], g_even[R], g_odd[R], sum[R];
  float2 samples[CROWDED ? 1 : R / 2];
  const int batch = g_shape[0], channels = g_shape[1], length = g_shape[2];
  const int j = thread_position_in_threadgroup.x, c = threadgroup_position_in_grid.x;
  Options asked = options_of(options);
  asked.pairs = asked.pairs && Pair<VECTORS>::template at<G>(g) && Pair<VECTORS>::template at<T>(u);
  C skip = from(0.0f, 0.0f, C());

  for (int b = 0; b < batch; ++b) {
    const int row = (b * channels + c) * length;
#pragma unroll
    for (int q = 0; q < R / 2; ++q) {
      const float2 x = Pair<VECTORS>::template load<G>(g, row, 2 * (j + q * (M / R)), length, asked.pairs);
      v[q] = from(x.x, x.y, C());
      if (!CROWDED) samples[q] = x;
    }
    fft<C, M, R, true>(z, v, j);
    publish<C, M, R>(z, v, j);
#pragma unroll
    for (int i = 0; i < R; ++i) {
      const C m = mirror_of<C, M, R>(z, j * R + i);
      g_even[i] = even(v[i], m);
      g_odd[i] = odd(v[i], m);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
#pragma unroll
    for (int q = 0; q < R / 2; ++q) {
      const float2 x = Pair<VECTORS>::template load<T>(u, row, 2 * (j + q * (M / R)), length, asked.pairs);
      v[q] = from(x.x, x.y, C());
      if (!CROWDED) skip = with_product(skip, samples[q], x);
    }
    fft<C, M, R, true>(z, v, j);
    publish<C, M, R>(z, v, j);
#pragma unroll
    for (int i = 0; i < R; ++i) {
      const TwofoldComplex taps = precisely(v[i]), mirror = precisely(mirror_of<C, M, R>(z, j * R + i));
      const TwofoldComplex e = conjugate(even(taps, mirror)), o = conjugate(odd(taps, mirror));
      const TwofoldComplex earlier = multiply(o, conjugate(root(frequency<M, R>(j * R + i) * (65536 / M), o)));
      const TwofoldComplex by_even = multiply(precisely(g_even[i]), add(e, times_i(earlier)));
      const C term = back(add(by_even, multiply(precisely(g_odd[i]), add(o, times_i(e)))), v[i]);
      sum[i] = b == 0 ? term : add(sum[i], term);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
#pragma unroll
  for (int i = 0; i < R; ++i) v[i] = scale(sum[i], 0.25f / M);
  inverse_fft<C, M, R, false>(z, v, j);
#pragma unroll
  for (int q = 0; q < R; ++q) {
    const float2 w = rounded(v[q]);
    for (int of = 0; of < 2; ++of) {
      const int n = 2 * (j + q * (M / R)) + of, lag = n < M ? n : n - 2 * M;
      const int t = lag < 0 ? 2 * length + lag : lag;
      const float x = of == 0 ? w.x : w.y;
      if (CROWDED && n == 0) d_skip[c] = T(x);
      if (lag < length && lag >= -length && t < k_shape[1]) d_k[c * k_shape[1] + t] = T(lag == -length ? 0.0f : x);
      if (asked.reverse && lag <= 0 && -lag < k_rev_shape[1]) d_rev[c * k_rev_shape[1] - lag] = T(x);
    }
  }
  if (!asked.reverse && j == 0) d_rev[c] = T(0.0f);

  if (CROWDED) return;
  z[j] = skip;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (int half_of = M / R / 2; half_of > 0; half_of /= 2) {
    if (j < half_of) z[j] = add(z[j], z[j + half_of]);
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  if (j == 0) d_skip[c] = T(total(z[0]));
}

// Long convolution by FFT, one threadgroup for a channel and some rows of the batch: y = ((u ∗ k)[:l] + D·u)·gate + add.
//
// The N = 2·M ≥ 2·l real points of a row are M complex ones, so that the transform is no longer than the row has samples;
// the upper half of the points is known to be zero on the way in, and not wanted on the way out, and is not computed. With
// u_e, u_o, k_e, k_o the even and odd samples, y_e = u_e ∗ k_e + S(u_o ∗ k_o) and y_o = u_e ∗ k_o + u_o ∗ k_e, S one step
// later: two coefficients a frequency, which stay in registers for all rows; with many threads, which have few registers,
// what the second is made of. Rows of a batch never mix.
#include "fft.h"
#include "rows.h"

// The coefficient of the odd samples, times s: from the kernel's spectrum v and its mirror image m at frequency f.
template <int M, typename C>
TwofoldComplex with_odd_of(C v, C m, int f, float s) {
  const TwofoldComplex taps = precisely(v), mirror = precisely(m);
  const TwofoldComplex e = even(taps, mirror), o = odd(taps, mirror);
  return scale(add(multiply(o, root(f * (65536 / M), o)), times_i(e)), s);
}

template <typename U, typename T, int M, int R, bool VECTORS, bool EXACT>
[[kernel]] void fft_conv(
    const device U* u [[buffer(0)]],
    const constant int* u_shape [[buffer(1)]],
    const device T* k [[buffer(2)]],
    const constant int* k_shape [[buffer(3)]],
    const device T* k_rev [[buffer(4)]],
    const constant int* k_rev_shape [[buffer(5)]],
    const device T* D [[buffer(6)]],
    const device T* gate [[buffer(7)]],
    const device T* extra [[buffer(8)]],
    const constant int32_t* options [[buffer(9)]],
    device T* y [[buffer(10)]],
    uint3 thread_position_in_threadgroup [[thread_position_in_threadgroup]],
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]],
    uint3 threadgroups_per_grid [[threadgroups_per_grid]]) {
  typedef typename Complex<EXACT>::type C;
  threadgroup C z[M];
  const bool CROWDED = M / R > CERTAIN_THREADS;
  C v[R], with_even[R], mirrored[CROWDED ? R : 1];
  TwofoldComplex with_odd[CROWDED ? 1 : R];
  const int batch = u_shape[0], channels = u_shape[1], length = u_shape[2];
  const int j = thread_position_in_threadgroup.x, c = threadgroup_position_in_grid.x;
  const float skip = float(D[c]);
  Options o = options_of(options);
  o.pairs = o.pairs && Pair<VECTORS>::template at<U>(u) && Pair<VECTORS>::template at<T>(k) &&
            Pair<VECTORS>::template at<T>(gate) && Pair<VECTORS>::template at<T>(extra);

  // The kernel's spectrum; 1/M, and halves of even() and odd(), are powers of two.
#pragma unroll
  for (int q = 0; q < R; ++q) {
    const int i = j + q * (M / R), lag = 2 * i < M ? 2 * i : 2 * i - 2 * M;
    const int rows = c * k_shape[1], rows_rev = c * k_rev_shape[1];
    v[q] = point<VECTORS, T>(k, rows, k_shape[1], k_rev, rows_rev, k_rev_shape[1], lag, length, o, C());
  }
  fft<C, M, R, false>(z, v, j);
  publish<C, M, R>(z, v, j);
#pragma unroll
  for (int i = 0; i < R; ++i) {
    const C m = mirror_of<C, M, R>(z, j * R + i);
    with_even[i] = scale(v[i], 0.5f / M);
    if (CROWDED) mirrored[i] = scale(m, 0.5f / M);
    else with_odd[i] = with_odd_of<M>(v[i], m, frequency<M, R>(j * R + i), 0.25f / M);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);

  const int share = (batch + threadgroups_per_grid.y - 1) / threadgroups_per_grid.y;
  const int first = threadgroup_position_in_grid.y * share, end = min(batch, first + share);
  for (int b = first; b < end; ++b) {
    const int row = (b * channels + c) * length;
    float2 samples[R / 2];
#pragma unroll
    for (int q = 0; q < R / 2; ++q) {
      samples[q] = Pair<VECTORS>::template load<U>(u, row, 2 * (j + q * (M / R)), length, o.pairs);
      v[q] = from(samples[q].x, samples[q].y, C());
    }
    fft<C, M, R, true>(z, v, j);
    publish<C, M, R>(z, v, j);
#pragma unroll
    for (int i = 0; i < R; ++i) {
      const TwofoldComplex sample = precisely(v[i]), mirror = precisely(mirror_of<C, M, R>(z, j * R + i));
      const TwofoldComplex by_even = multiply(even(sample, mirror), precisely(with_even[i]));
      const TwofoldComplex odds =
          CROWDED ? with_odd_of<M>(with_even[i], mirrored[i], frequency<M, R>(j * R + i), 0.5f) : with_odd[i];
      v[i] = back(add(by_even, multiply(odd(sample, mirror), odds)), v[i]);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    inverse_fft<C, M, R, true>(z, v, j);
#pragma unroll
    for (int q = 0; q < R / 2; ++q) {
      const int t = 2 * (j + q * (M / R));
      C x = with_skip(v[q], samples[q], skip);
      if (o.gate) x = gated(x, Pair<VECTORS>::template load<T>(gate, row, t, length, o.pairs));
      if (o.add) x = plus(x, Pair<VECTORS>::template load<T>(extra, row, t, length, o.pairs));
      store_pair(y, row, t, length, rounded(x), o.pairs);
    }
  }
}

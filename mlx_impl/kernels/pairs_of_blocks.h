// Two blocks of a long transform that hold each other's opposite frequencies, in one threadgroup.

// The place that holds the opposite of the frequency at a place of block a.
template <int BLOCK, int R>
int opposite(int i, int a) {
  const int f = frequency<BLOCK, R>(i);
  return place<BLOCK, R>(((a == 0 ? 0 : -1) - f) & (BLOCK - 1));
}
// Where fft_blocks puts a place.
template <int BLOCK, int R>
int beside(int i) { return i % R * (BLOCK / R) + i / R; }

// The spectrum of block a of a row, and beside each value the one at the opposite frequency, which is in block b. All
// threads meet at the end.
template <typename C, int BLOCK, int R>
void both_spectra(const device C* row, threadgroup C* z, thread C* v, thread C* m, int a, int b, int j) {
#pragma unroll
  for (int q = 0; q < R; ++q) v[q] = row[b * BLOCK + j + q * (BLOCK / R)];
  fft<C, BLOCK, R, false>(z, v, j);
  publish<C, BLOCK, R>(z, v, j);
#pragma unroll
  for (int i = 0; i < R; ++i) m[i] = z[slot<R>(opposite<BLOCK, R>(j * R + i, a))];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (a == b) return;  // the same for all threads
#pragma unroll
  for (int q = 0; q < R; ++q) v[q] = row[a * BLOCK + j + q * (BLOCK / R)];
  fft<C, BLOCK, R, false>(z, v, j);
  threadgroup_barrier(mem_flags::mem_threadgroup);
}

// Blocks a and b of a row of samples from their spectra: v holds block a's, m values of block b's where both_spectra has
// read them.
template <typename C, int BLOCK, int R>
void both_rows(device C* row, threadgroup C* z, thread C* v, thread C* m, int a, int b, int j) {
  inverse_fft<C, BLOCK, R, false>(z, v, j);
#pragma unroll
  for (int q = 0; q < R; ++q) row[a * BLOCK + j + q * (BLOCK / R)] = v[q];
  if (a == b) return;
#pragma unroll
  for (int i = 0; i < R; ++i) z[slot<R>(opposite<BLOCK, R>(j * R + i, a))] = m[i];
  threadgroup_barrier(mem_flags::mem_threadgroup);
#pragma unroll
  for (int i = 0; i < R; ++i) v[i] = z[slot<R>(j * R + i)];
  inverse_fft<C, BLOCK, R, false>(z, v, j);
#pragma unroll
  for (int q = 0; q < R; ++q) row[b * BLOCK + j + q * (BLOCK / R)] = v[q];
}

// A value v of a row's spectrum, with m at the opposite frequency, times a kernel's, of which k and km are the same.
template <typename C, int Q, int BLOCK>
C filtered(C v, C m, C k, C km, int f) {
  const TwofoldComplex row = precisely(v), row_m = precisely(m), taps = precisely(k), taps_m = precisely(km);
  const TwofoldComplex e = even(taps, taps_m), o = odd(taps, taps_m);
  const TwofoldComplex later = multiply(o, root(f * (65536 / (Q * BLOCK)), o));
  const TwofoldComplex by_even = multiply(even(row, row_m), scale(taps, 2.0f));
  const TwofoldComplex by_odd = multiply(odd(row, row_m), add(later, times_i(e)));
  return back(scale(add(by_even, by_odd), 0.25f / (Q * BLOCK)), v);
}

// A value of the spectrum of a row's gradient times the conjugate of the row's own: their correlation.
template <typename C, int Q, int BLOCK>
C correlated(C g, C gm, C v, C vm, int f) {
  const TwofoldComplex row = precisely(v), row_m = precisely(vm), d = precisely(g), d_m = precisely(gm);
  const TwofoldComplex e = conjugate(even(row, row_m)), o = conjugate(odd(row, row_m));
  const TwofoldComplex earlier = multiply(o, conjugate(root(f * (65536 / (Q * BLOCK)), o)));
  const TwofoldComplex by_even = multiply(even(d, d_m), add(e, times_i(earlier)));
  const TwofoldComplex by_odd = multiply(odd(d, d_m), add(o, times_i(e)));
  return back(scale(add(by_even, by_odd), 0.25f / (Q * BLOCK)), v);
}

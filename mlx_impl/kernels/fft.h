// FFT of M complex points by a threadgroup of M/R threads, R points a thread, in place in threadgroup memory.
//
// Forward passes divide the blocks in R (decimation in frequency) and leave the spectrum in digit-reversed places; the
// inverse passes undo them in the opposite order, so nothing is ever put in order. At the end of the forward and the
// start of the inverse passes thread j has the R neighbouring places from j·R on in registers.
#include "complex.h"
#include "twiddles.h"

// Threads that any kernel may have in a threadgroup, however many registers it takes: see metal_kernel.py.
enum { CERTAIN_THREADS = 384 };

// exp(-2πi·k / 65536).
float2 root(int k, float2) {
  const float4 a = ROOTS_COARSE[(k >> 8) & 255], b = ROOTS_FINE[k & 255];
  return multiply(a.xy, b.xy);
}
TwofoldComplex root(int k, TwofoldComplex) {
  const float4 a = ROOTS_COARSE[(k >> 8) & 255], b = ROOTS_FINE[k & 255];
  return multiply(TwofoldComplex{{a.x, a.z}, {a.y, a.w}}, TwofoldComplex{{b.x, b.z}, {b.y, b.w}});
}
// exp(-2πi·k / 32), one table entry.
float2 small_root(int k, float2) { return ROOTS_COARSE[8 * (k & 31)].xy; }
TwofoldComplex small_root(int k, TwofoldComplex) {
  const float4 a = ROOTS_COARSE[8 * (k & 31)];
  return {{a.x, a.z}, {a.y, a.w}};
}

// v·exp(∓2πi·k / 32) for k below 16.
template <bool INVERSE, typename C>
C turned(C v, int k) {
  if (k == 0) return v;
  if (k == 8) return INVERSE ? times_i(v) : conjugate(times_i(conjugate(v)));
  const C w = small_root(k, v);
  return multiply(v, INVERSE ? conjugate(w) : w);
}

constexpr int log_of(int n) {
  int bits = 0;
  while (n > 1) {
    n /= 2;
    ++bits;
  }
  return bits;
}

constexpr int reversed(int k, int bits) {
  int r = 0;
  for (int i = 0; i < bits; ++i) r |= ((k >> i) & 1) << (bits - 1 - i);
  return r;
}

// DFT of R values in registers; result s is in v[reversed(s)]. With HALF the upper half of the values is zero.
template <int R, bool HALF, typename C>
void butterflies(thread C* v) {
#pragma unroll
  for (int span = R / 2; span > 0; span /= 2) {
#pragma unroll
    for (int i = 0; i < R; ++i) {
      if (i & span) continue;
      const C a = v[i];
      if (HALF && span == R / 2) {
        v[i + span] = turned<false>(a, (i % span) * (16 / span));
      } else {
        const C b = v[i + span];
        v[i] = add(a, b);
        v[i + span] = turned<false>(subtract(a, b), (i % span) * (16 / span));
      }
    }
  }
}

// Inverse DFT, without 1/R, of R values of which s is in v[reversed(s)]. With HALF only the lower half is made.
template <int R, bool HALF, typename C>
void inverse_butterflies(thread C* v) {
#pragma unroll
  for (int span = 1; span < R; span *= 2) {
#pragma unroll
    for (int i = 0; i < R; ++i) {
      if (i & span) continue;
      const C a = v[i], b = turned<true>(v[i + span], (i % span) * (16 / span));
      v[i] = add(a, b);
      if (!(HALF && span == R / 2)) v[i + span] = subtract(a, b);
    }
  }
}

// Where place i of the points lies in memory: the low bits are mixed with higher ones, so that the lanes of a SIMD group
// meet in no bank, whatever the stride of a pass (checked for every M and R that are used).
template <int R>
int slot(int i) {
  if (R == 2) return i ^ (i & 16 ? 15 : 0);
  if (R == 4) return i ^ (i & 16 ? 2 : 0) ^ (i & 32 ? 12 : 0) ^ (i & 64 ? 1 : 0);
  return i ^ (i & 16 ? 4 : 0) ^ (i & 64 ? 6 : 0) ^ (i & 128 ? 9 : 0);
}

// The frequency whose value ends up in place i, and the place of a frequency.
template <int M, int R>
int frequency(int i) {
  int f = 0, weight = 1, block = M;
#pragma unroll
  for (int pass = 0; pass < log_of(M); ++pass) {
    if (block == 1) break;
    const int radix = block >= R ? R : block;
    block /= radix;
    f += (i / block) % radix * weight;
    weight *= radix;
  }
  return f;
}
template <int M, int R>
int place(int f) {
  int i = 0, block = M;
#pragma unroll
  for (int pass = 0; pass < log_of(M); ++pass) {
    if (block == 1) break;
    const int radix = block >= R ? R : block;
    block /= radix;
    i += f % radix * block;
    f /= radix;
  }
  return i;
}

// One pass on registers that hold the points from, from + stride, …: blocks of B become blocks of B/R.
template <typename C, int M, int R, int B, bool HALF>
void divide(threadgroup C* z, thread C* v, int from) {
  const int within = from % (B / R);
  butterflies<R, HALF>(v);
#pragma unroll
  for (int s = 0; s < R; ++s) {
    const C x = v[reversed(s, log_of(R))];
    z[slot<R>(from + s * (B / R))] = s == 0 ? x : multiply(x, root(within * s * (65536 / B), x));
  }
}

// The passes from blocks of B on, to the spectrum in registers.
template <typename C, int M, int R, int B, bool LAST>
struct Passes;

template <typename C, int M, int R, int B>
struct Passes<C, M, R, B, false> {
  static void forward(threadgroup C* z, thread C* v, int j) {
    const int stride = B / R, from = j / stride * B + j % stride;
#pragma unroll
    for (int q = 0; q < R; ++q) v[q] = z[slot<R>(from + q * stride)];
    divide<C, M, R, B, false>(z, v, from);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    Passes<C, M, R, B / R, (B / R <= R)>::forward(z, v, j);
  }
  // The inverse of the same; of the pass with B = M only the values in registers are made, the lower half with HALF.
  template <bool HALF>
  static void inverse(threadgroup C* z, thread C* v, int j) {
    Passes<C, M, R, B / R, (B / R <= R)>::template inverse<false>(z, v, j);
    const int stride = B / R, from = j / stride * B + j % stride, within = from % stride;
#pragma unroll
    for (int s = 0; s < R; ++s) {
      const C x = z[slot<R>(from + s * stride)];
      v[reversed(s, log_of(R))] = s == 0 ? x : multiply(x, conjugate(root(within * s * (65536 / B), x)));
    }
    inverse_butterflies<R, HALF && B == M>(v);
    if (B == M) return;
#pragma unroll
    for (int q = 0; q < R; ++q) z[slot<R>(from + q * stride)] = v[q];
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
};

template <typename C, int M, int R, int B>
struct Passes<C, M, R, B, true> {  // B ≤ R: whole blocks within a thread
  static void forward(threadgroup C* z, thread C* v, int j) {
    C w[R];
#pragma unroll
    for (int i = 0; i < R; ++i) w[i] = z[slot<R>(j * R + i)];
#pragma unroll
    for (int block = 0; block < R; block += B) {
      butterflies<B, false>(w + block);
#pragma unroll
      for (int s = 0; s < B; ++s) v[block + s] = w[block + reversed(s, log_of(B))];
    }
  }
  template <bool HALF>
  static void inverse(threadgroup C* z, thread C* v, int j) {
    C w[R];
#pragma unroll
    for (int block = 0; block < R; block += B) {
#pragma unroll
      for (int s = 0; s < B; ++s) w[block + reversed(s, log_of(B))] = v[block + s];
      inverse_butterflies<B, false>(w + block);
    }
#pragma unroll
    for (int i = 0; i < R; ++i) z[slot<R>(j * R + i)] = w[i];
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
};

// The spectrum of points of which v[q] is number j + q·M/R. All threads meet at the end of each pass.
template <typename C, int M, int R, bool HALF>
void fft(threadgroup C* z, thread C* v, int j) {
  divide<C, M, R, M, HALF>(z, v, j);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  Passes<C, M, R, M / R, (M / R <= R)>::forward(z, v, j);
}
// The points, times M, of a spectrum that thread j holds from place j·R on.
template <typename C, int M, int R, bool HALF>
void inverse_fft(threadgroup C* z, thread C* v, int j) {
  Passes<C, M, R, M, false>::template inverse<HALF>(z, v, j);
  threadgroup_barrier(mem_flags::mem_threadgroup);
}

// A thread's values where the others find them, and the one at the opposite frequency, M - f, of that in place i.
template <typename C, int M, int R>
void publish(threadgroup C* z, thread C* v, int j) {
#pragma unroll
  for (int i = 0; i < R; ++i) z[slot<R>(j * R + i)] = v[i];
  threadgroup_barrier(mem_flags::mem_threadgroup);
}
template <typename C, int M, int R>
C mirror_of(threadgroup C* z, int i) { return z[slot<R>(place<M, R>((M - frequency<M, R>(i)) & (M - 1)))]; }

// A row of N = 2·M real samples is M complex points: even samples are the real parts, odd ones the imaginary parts. The
// spectra of the even and the odd samples of what a spectrum value v and its mirror image m belong to, each times two:
template <typename C>
C even(C v, C m) { return add(v, conjugate(m)); }
template <typename C>
C odd(C v, C m) { return conjugate(times_i(conjugate(subtract(v, conjugate(m))))); }  // -i·(v - m̄)

// Rows of real samples as complex points, and the taps of a kernel where a circular convolution wants them.

// Samples t and t + 1 of a row, zero from `length` on. With `pairs` every row starts at an even place of its array and the
// array where a pair may, which that of a view need not, and both come in one access. Without VECTORS that is never asked:
// an array of a few elements is in constant memory.
template <typename T, int BYTES>
struct Both {
  template <typename P>
  static float2 load(P p) { return float2(*(const device vec<T, 2>*)p); }
};
template <typename T>
struct Both<T, 2> {  // one word, so that no compiler makes two accesses of it
  template <typename P>
  static float2 load(P p) { return float2(as_type<vec<T, 2>>(*(const device uint*)p)); }
};
template <typename P>
struct Held { P pointer; };
template <bool VECTORS>
struct Pair {
  template <typename T, typename P>
  static bool at(P x) { return false; }
  template <typename T, typename P>
  static float2 load(P x, int row, int t, int length, bool pairs) {
    return float2(t < length ? float(x[row + t]) : 0.0f, t + 1 < length ? float(x[row + t + 1]) : 0.0f);
  }
};
template <>
struct Pair<true> {
  // Whether a pair may start where x points to: a pointer has no integer, but the memory that holds one has.
  template <typename T, typename P>
  static bool at(P x) {
    Held<P> held = {x};
    return reinterpret_cast<thread uint2&>(held).x % (2 * sizeof(T)) == 0;
  }
  template <typename T, typename P>
  static float2 load(P x, int row, int t, int length, bool pairs) {
    if (!pairs) return Pair<false>::template load<T>(x, row, t, length, pairs);
    return t < length ? Both<T, sizeof(T)>::load(x + row + t) : float2(0.0f);
  }
};
template <typename T>
void store_pair(device T* y, int row, int t, int length, float2 v, bool pairs) {
  if (pairs) {
    if (t < length) *(device vec<T, 2>*)(y + row + t) = vec<T, 2>(v);
  } else {
    if (t < length) y[row + t] = T(v.x);
    if (t + 1 < length) y[row + t + 1] = T(v.y);
  }
}

// What a launch is asked to do.
struct Options {
  bool reverse;  // there is a second kernel, of the lags 0, -1, …
  bool flip;     // lags change sign
  bool gate;
  bool add;
  bool pairs;    // rows start at even places; see Pair::at for where the first does
};
template <typename P>
Options options_of(P bits) {
  const int b = bits[0];
  return {(b & 1) != 0, (b & 2) != 0, (b & 4) != 0, (b & 8) != 0, (b & 16) != 0};
}

// The tap of lag `lag` (negative for what comes later) of a kernel with m taps: k[lag], or k[2·length + lag].
template <typename P>
float tap(P k, int row, int m, int lag, int length) {
  const int t = lag < 0 ? 2 * length + lag : lag;
  return lag < length && lag > -length && t < m ? float(k[row + t]) : 0.0f;
}
// The same of a second kernel, of the lags 0, -1, ….
template <typename P>
float tap_reverse(P k, int row, int m, int lag) {
  return lag <= 0 && -lag < m ? float(k[row - lag]) : 0.0f;
}

// The taps of lag `lag`, which is even, and the next, of both kernels together, as a point.
template <bool VECTORS, typename T, typename C, typename P, typename Q>
C point(P k, int row, int m, Q k_rev, int row_rev, int m_rev, int lag, int length, Options o, C like) {
  if (VECTORS && o.pairs && !o.reverse && !o.flip) {
    const int t = lag < 0 ? 2 * length + lag : lag;
    const bool there = lag < length && lag >= -length;
    const float2 x = there ? Pair<VECTORS>::template load<T>(k, row, t, m, true) : float2(0.0f);
    return from(lag == -length ? 0.0f : x.x, x.y, like);
  }
  const int first = o.flip ? -lag : lag, second = o.flip ? -lag - 1 : lag + 1;
  const C v = from(tap(k, row, m, first, length), tap(k, row, m, second, length), like);
  if (!o.reverse) return v;
  const float here = tap_reverse(k_rev, row_rev, m_rev, first);
  return add(v, from(here, tap_reverse(k_rev, row_rev, m_rev, second), like));
}

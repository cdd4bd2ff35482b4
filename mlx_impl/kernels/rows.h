// Rows of real samples as complex points, and the taps of a kernel where a circular convolution wants them.

// Samples t and t + 1 of a row, zero from `length` on. In PAIRS every row starts at an even place of its array, and both
// come in one access.
template <bool PAIRS>
struct Pair {
  template <typename T, typename P>
  static float2 load(P x, int row, int t, int length) {
    return float2(t < length ? float(x[row + t]) : 0.0f, t + 1 < length ? float(x[row + t + 1]) : 0.0f);
  }
  template <typename T, typename P>
  static void store(P y, int row, int t, int length, float2 v) {
    if (t < length) y[row + t] = T(v.x);
    if (t + 1 < length) y[row + t + 1] = T(v.y);
  }
};
template <>
struct Pair<true> {
  template <typename T, typename P>
  static float2 load(P x, int row, int t, int length) {
    return t < length ? float2(*(const device vec<T, 2>*)(x + row + t)) : float2(0.0f);
  }
  template <typename T, typename P>
  static void store(P y, int row, int t, int length, float2 v) {
    if (t < length) *(device vec<T, 2>*)(y + row + t) = vec<T, 2>(v);
  }
};

// The tap of lag `lag` (negative for what comes later) of a kernel with m taps: k[lag], or k[2·length + lag]. With FLIP
// lags change sign.
template <bool FLIP, typename P>
float tap(P k, int row, int m, int lag, int length) {
  if (FLIP) lag = -lag;
  const int t = lag < 0 ? 2 * length + lag : lag;
  return lag < length && lag > -length && t < m ? float(k[row + t]) : 0.0f;
}
// The same of a second kernel, of the lags 0, -1, ….
template <bool FLIP, typename P>
float tap_reverse(P k, int row, int m, int lag) {
  if (FLIP) lag = -lag;
  return lag <= 0 && -lag < m ? float(k[row - lag]) : 0.0f;
}

// Two neighbouring taps of both kernels together as a point.
template <bool REVERSE, bool FLIP, typename C, typename P, typename Q>
C point(P k, int row, int m, Q k_rev, int row_rev, int m_rev, int lag, int length, C like) {
  const C v = from(tap<FLIP>(k, row, m, lag, length), tap<FLIP>(k, row, m, lag + 1, length), like);
  if (!REVERSE) return v;
  const float here = tap_reverse<FLIP>(k_rev, row_rev, m_rev, lag);
  return add(v, from(here, tap_reverse<FLIP>(k_rev, row_rev, m_rev, lag + 1), like));
}

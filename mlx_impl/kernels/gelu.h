// The error function in float32, and what GELU needs of it. Metal's library has none.
//
// Fitted for this project: minimax polynomials by Lawson's iteration (Lawson 1961) against values in float64. Near zero
// erf(x)/x in x², |error| < 1.3e-9; beyond one exp(x²)·erfc(x) = t·p(t) with t = 1/(1 + x/2), |error| < 3e-10, relative.

// exp(x²)·erfc(x) for 1 ≤ x ≤ 10.5.
inline float scaled_erfc(float x) {
  const float t = 1.0f / (1.0f + 0.5f * x);
  float p = -0.07173402607440948f;
  p = fma(p, t, 0.22612759470939636f);
  p = fma(p, t, -0.20299416780471802f);
  p = fma(p, t, -0.019462771713733673f);
  p = fma(p, t, 0.002450227504596114f);
  p = fma(p, t, 0.07600186765193939f);
  p = fma(p, t, 0.1787734478712082f);
  p = fma(p, t, 0.24642418324947357f);
  p = fma(p, t, 0.28213047981262207f);
  p = fma(p, t, 0.28209349513053894f);
  return p * t;
}

// exp(-scale·x²) for a scale of 1 or 1/2. Twelve bits of x have an exact square, and the rest is small.
inline float bell(float x, float scale) {
  const float high = as_type<float>(as_type<uint>(x) & 0xfffff000u);
  return exp(-scale * (x - high) * (x + high)) * exp(-scale * high * high);
}

// erf(x) for |x| < 1.
inline float erf_core(float x) {
  const float z = x * x;
  float p = 7.853861461626366e-05f;
  p = fma(p, z, -0.0008010193705558777f);
  p = fma(p, z, 0.005188327748328447f);
  p = fma(p, z, -0.026853812858462334f);
  p = fma(p, z, 0.1128358542919159f);
  p = fma(p, z, -0.3761262595653534f);
  p = fma(p, z, 0.12837916612625122f);
  return fma(x, p, x);
}

inline float error_function(float x) {
  if (abs(x) < 1.0f || isnan(x)) return erf_core(x);
  const float y = min(abs(x), 10.5f);  // one in float32
  return copysign(1.0f - scaled_erfc(y) * bell(y, 1.0f), x);
}

// Φ(x), the standard normal distribution's share below x. Below -√2 it comes from erfc, where 1 + erf would cancel,
// and its exponent from x itself: the rounding of x/√2 would grow with the square of x.
inline float normal_share(float x) {
  if (abs(x) < 1.4142135f || isnan(x)) return 0.5f + 0.5f * erf_core(x * 0.70710678118654752f);
  const float y = min(abs(x), 14.5f);  // zero in float32
  const float tail = 0.5f * scaled_erfc(y * 0.70710678118654752f) * bell(y, 0.5f);
  return x < 0.0f ? tail : 1.0f - tail;
}

inline float gelu(float x) { return x * normal_share(x); }

// Φ(x) + x·φ(x).
inline float gelu_slope(float x) {
  return normal_share(x) + x * 0.39894228040143268f * exp(-0.5f * x * x);
}

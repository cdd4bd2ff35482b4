// The math functions of the Metal standard library, correctly rounded, or with errors as large as Metal allows.
//
// A drawn error is a function of the argument and the seed, so that a kernel computes the same twice. The bounds
// are those of the Metal Shading Language Specification 4.1, tables 8.1 (precise) and 8.2 (fast). Functions that
// table 8.2 defines by a formula are computed by that formula, each step with its own error.
#pragma once

#include <math.h>

#include "../include/msl/functions.h"
#include "base.h"

static bool drawing;          // errors are drawn
static u64 math_seed;
static u64 math_calls;

static double unit_error(u32 function, float x, float y) {  // uniform in [-1, 1]
  u32 a, b;
  memcpy(&a, &x, 4);
  memcpy(&b, &y, 4);
  u64 z = ((u64)a << 32 | b) ^ (math_seed * 0x9e3779b97f4a7c15ull) ^ ((u64)function << 17);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  z ^= z >> 31;
  return (double)(i64)z / 9223372036854775808.0;
}

static double ulp_of(double x) {
  int e;
  frexp(fabs(x), &e);
  return ldexp(1.0, (e < -125 ? -125 : e) - 24);
}

// Rounded to float with an error of at most `ulps` units or `absolute`, rounding included.
static float rounded(double exact, double ulps, double absolute, u32 function, float x, float y) {
  if (!drawing || !isfinite(x) || !isfinite(exact) || exact == 0 || fabs(exact) > 3.4e38) return (float)exact;
  double room = ulps * ulp_of(exact);
  if (absolute > room) room = absolute;
  room -= 0.5 * ulp_of(exact);
  if (room <= 0) return (float)exact;
  return (float)(exact + unit_error(function, x, y) * room);
}

static const double PI = 3.14159265358979323846;

static double pi_reduced(double x) { return x - 2 * rint(x / 2); }  // to [-1, 1], exactly
static double sinpi_exact(double x) {
  double r = pi_reduced(x);
  return r == rint(r) ? copysign(0.0, x) : fabs(r) == 0.5 ? r * 2 : sin(PI * r);
}
static double cospi_exact(double x) {
  double r = fabs(pi_reduced(x));
  return r == 0.5 ? 0.0 : cos(PI * r);
}

static double exact1(u32 f, double x) {
  switch (f) {
    case MSL_ACOS: return acos(x);
    case MSL_ACOSH: return acosh(x);
    case MSL_ASIN: return asin(x);
    case MSL_ASINH: return asinh(x);
    case MSL_ATAN: return atan(x);
    case MSL_ATANH: return atanh(x);
    case MSL_COS: return cos(x);
    case MSL_COSH: return cosh(x);
    case MSL_COSPI: return cospi_exact(x);
    case MSL_EXP: return exp(x);
    case MSL_EXP2: return exp2(x);
    case MSL_EXP10: return pow(10.0, x);
    case MSL_LOG: return log(x);
    case MSL_LOG2: return log2(x);
    case MSL_LOG10: return log10(x);
    case MSL_RSQRT: return 1.0 / sqrt(x);
    case MSL_SIN: return sin(x);
    case MSL_SINH: return sinh(x);
    case MSL_SINPI: return sinpi_exact(x);
    case MSL_SQRT: return sqrt(x);
    case MSL_TAN: return tan(x);
    case MSL_TANH: return tanh(x);
    case MSL_TANPI: return sinpi_exact(x) / cospi_exact(x);
  }
  return NAN;
}

static double precise_ulps(u32 f) {
  switch (f) {
    case MSL_RSQRT: case MSL_SQRT: case MSL_DIVIDE: case MSL_FMOD: return 0;
    case MSL_ATAN: case MSL_ATANH: case MSL_TANH: return 5;
    case MSL_ATAN2: case MSL_TAN: case MSL_TANPI: return 6;
    case MSL_POW: case MSL_POWR: return 16;
    default: return 4;
  }
}

static float fast1(u32 f, float x) {
  auto again = [](u32 g, float v) { return fast1(g, v); };
  auto error = [&](double ulps, double absolute) { return rounded(exact1(f, x), ulps, absolute, f | MSL_FAST, x, 0); };
  switch (f) {
    case MSL_ACOS: case MSL_ASIN: case MSL_ATAN: return error(5, 0);
    case MSL_ACOSH: return again(MSL_LOG, x + again(MSL_SQRT, x * x - 1.0f));
    case MSL_ASINH: return again(MSL_LOG, x + again(MSL_SQRT, x * x + 1.0f));
    case MSL_ATANH: return 0.5f * again(MSL_LOG, (1.0f + x) / (1.0f - x));
    case MSL_COS: case MSL_SIN: case MSL_COSPI: case MSL_SINPI: return error(0, 0x1p-13);
    case MSL_COSH: return 0.5f * (again(MSL_EXP, x) + again(MSL_EXP, -x));
    case MSL_SINH: return 0.5f * (again(MSL_EXP, x) - again(MSL_EXP, -x));
    case MSL_EXP: case MSL_EXP2: return error(3 + floor(fabs(2.0 * x)), 0);
    case MSL_EXP10: return again(MSL_EXP2, x * 3.32192809f);
    case MSL_LOG: return x >= 0.5f && x <= 2.0f ? error(0, 0x1p-21) : error(3, 0);
    case MSL_LOG2: return x >= 0.5f && x <= 2.0f ? error(0, 0x1p-22) : error(2, 0);
    case MSL_LOG10: return again(MSL_LOG2, x) * 0.301029996f;
    case MSL_RSQRT: return error(2, 0);
    case MSL_SQRT: return x == 0 || isinf(x) ? sqrtf(x) : x * again(MSL_RSQRT, x);
    case MSL_TAN: return again(MSL_SIN, x) * (1.0f / again(MSL_COS, x));
    case MSL_TANH: {
      // The formula overflows beyond 44, where hardware gives the limit.
      if (fabsf(x) > 44.0f) return copysignf(1.0f, x);
      float t = again(MSL_EXP, 2.0f * x);
      return (t - 1.0f) / (t + 1.0f);
    }
    case MSL_TANPI: return again(MSL_TAN, x * 3.14159274f);
  }
  return error(4, 0);
}

extern "C" float msl_math1(u32 function, float x) {
  math_calls++;
  u32 f = function & ~MSL_FAST;
  if ((function & MSL_FAST) && drawing && isfinite(x)) return fast1(f, x);
  return rounded(exact1(f, x), precise_ulps(f), 0, f, x, 0);
}

static double exact2(u32 f, double x, double y) {
  switch (f) {
    case MSL_ATAN2: return atan2(x, y);
    case MSL_POW: return pow(x, y);
    case MSL_POWR: return x < 0 ? NAN : pow(x, y);
    case MSL_FMOD: return fmod(x, y);
    case MSL_DIVIDE: return x / y;
  }
  return NAN;
}

extern "C" float msl_math2(u32 function, float x, float y) {
  math_calls++;
  u32 f = function & ~MSL_FAST;
  if ((function & MSL_FAST) && drawing && isfinite(x) && isfinite(y)) {
    if (f == MSL_POW || f == MSL_POWR)
      return x > 0 ? fast1(MSL_EXP2, y * fast1(MSL_LOG2, x)) : (float)exact2(f, x, y);
    if (f == MSL_DIVIDE) return rounded((double)x / y, 2.5, 0, function, x, y);
    return rounded(exact2(f, x, y), f == MSL_ATAN2 ? 5 : 0, 0, function, x, y);
  }
  return rounded(exact2(f, x, y), precise_ulps(f), 0, f, x, y);
}

// The math functions for float, half, bfloat and vectors of them, in metal::, metal::precise:: and metal::fast::.
// Those that the specification gives an error bound are the runtime's; the others are exact here.
#pragma once

#include "functions.h"
#include "limits.h"

extern "C" float msl_math1(unsigned function, float x);
extern "C" float msl_math2(unsigned function, float x, float y);

#ifdef MSL_FAST_MATH
#define MSL_DEFAULT_MATH MSL_FAST
#else
#define MSL_DEFAULT_MATH 0
#endif

namespace metal {

// Which scalar a function computes in and returns for its argument: an integer is converted to float.
template <typename T> using msl_float_of = conditional_t<is_floating_point_v<T>, T, float>;
template <typename T> using msl_if_scalar = enable_if_t<is_scalar_v<T>>;

#define MSL_UNARY(name, body)                                                                                  \
  template <typename T, typename = msl_if_scalar<T>> MSL_INLINE msl_float_of<T> name(T t) {                            \
    const float x = (float)t;                                                                                  \
    return (msl_float_of<T>)(body);                                                                                \
  }                                                                                                            \
  template <typename T, int N> MSL_INLINE vec<T, N> name(msl_arg<T, N> v) {                                    \
    return msl_each([](T t) { return (T)name(t); }, v);                                                            \
  }                                                                                                            \
  template <typename T, int N> MSL_INLINE vec<T, N> name(msl_packed_arg<T, N> v) { return name(vec<T, N>(v)); }

// The vector type among three arguments, of which the others are that too, or scalars that stand for a vector.
template <typename V, typename... X> struct msl_vector_if : enable_if<((is_same_v<X, V> || is_scalar_v<X>) && ...), V> {};
template <typename A, typename B, typename C>
using msl_vector_of = typename msl_vector_if<
    conditional_t<msl_is_vec<A>::value, A, conditional_t<msl_is_vec<B>::value, B, C>>, A, B, C>::type;
#define MSL_SCALARS_TOO(name)                                                                                  \
  template <typename A, typename B, typename C, typename V = msl_vector_of<A, B, C>,                           \
            enable_if_t<msl_is_vec<V>::value && (is_scalar_v<A> || is_scalar_v<B>), int> = 0>                  \
  MSL_INLINE V name(const A& a, const B& b, const C& c) { return name(V(a), V(b), V(c)); }

#define MSL_BINARY(name, body)                                                                                 \
  template <typename A, typename B, typename = msl_if_scalar<A>, typename = msl_if_scalar<B>>                          \
  MSL_INLINE msl_float_of<msl_common<A, B>> name(A a, B b) {                                                    \
    const float x = (float)a, y = (float)b;                                                                    \
    return (msl_float_of<msl_common<A, B>>)(body);                                                              \
  }                                                                                                            \
  template <typename T, int N> MSL_INLINE vec<T, N> name(msl_arg<T, N> a, msl_arg<T, N> b) {                   \
    return msl_each([](T p, T q) { return (T)name(p, q); }, a, b);                                                 \
  }                                                                                                            \
  template <typename T, int N, typename B, typename = msl_if_scalar<B>>                                            \
  MSL_INLINE vec<T, N> name(msl_arg<T, N> a, B b) { return name(a, vec<T, N>((T)b)); }                         \
  template <typename T, int N, typename B, typename = msl_if_scalar<B>>                                            \
  MSL_INLINE vec<T, N> name(B a, msl_arg<T, N> b) { return name(vec<T, N>((T)a), b); }

#define MSL_BOUNDED(FLAG)                                                                                      \
  MSL_UNARY(acos, msl_math1(MSL_ACOS | FLAG, x))                                                               \
  MSL_UNARY(acosh, msl_math1(MSL_ACOSH | FLAG, x))                                                             \
  MSL_UNARY(asin, msl_math1(MSL_ASIN | FLAG, x))                                                               \
  MSL_UNARY(asinh, msl_math1(MSL_ASINH | FLAG, x))                                                             \
  MSL_UNARY(atan, msl_math1(MSL_ATAN | FLAG, x))                                                               \
  MSL_UNARY(atanh, msl_math1(MSL_ATANH | FLAG, x))                                                             \
  MSL_UNARY(cos, msl_math1(MSL_COS | FLAG, x))                                                                 \
  MSL_UNARY(cosh, msl_math1(MSL_COSH | FLAG, x))                                                               \
  MSL_UNARY(cospi, msl_math1(MSL_COSPI | FLAG, x))                                                             \
  MSL_UNARY(exp, msl_math1(MSL_EXP | FLAG, x))                                                                 \
  MSL_UNARY(exp2, msl_math1(MSL_EXP2 | FLAG, x))                                                               \
  MSL_UNARY(exp10, msl_math1(MSL_EXP10 | FLAG, x))                                                             \
  MSL_UNARY(log, msl_math1(MSL_LOG | FLAG, x))                                                                 \
  MSL_UNARY(log2, msl_math1(MSL_LOG2 | FLAG, x))                                                               \
  MSL_UNARY(log10, msl_math1(MSL_LOG10 | FLAG, x))                                                             \
  MSL_UNARY(rsqrt, msl_math1(MSL_RSQRT | FLAG, x))                                                             \
  MSL_UNARY(sin, msl_math1(MSL_SIN | FLAG, x))                                                                 \
  MSL_UNARY(sinh, msl_math1(MSL_SINH | FLAG, x))                                                               \
  MSL_UNARY(sinpi, msl_math1(MSL_SINPI | FLAG, x))                                                             \
  MSL_UNARY(sqrt, (FLAG) ? msl_math1(MSL_SQRT | FLAG, x) : __builtin_sqrtf(x))                                 \
  MSL_UNARY(tan, msl_math1(MSL_TAN | FLAG, x))                                                                 \
  MSL_UNARY(tanh, msl_math1(MSL_TANH | FLAG, x))                                                               \
  MSL_UNARY(tanpi, msl_math1(MSL_TANPI | FLAG, x))                                                             \
  MSL_BINARY(atan2, msl_math2(MSL_ATAN2 | FLAG, x, y))                                                         \
  MSL_BINARY(pow, msl_math2(MSL_POW | FLAG, x, y))                                                             \
  MSL_BINARY(powr, msl_math2(MSL_POWR | FLAG, x, y))                                                           \
  MSL_BINARY(fmod, msl_math2(MSL_FMOD | FLAG, x, y))                                                           \
  MSL_BINARY(divide, msl_math2(MSL_DIVIDE | FLAG, x, y))                                                       \
  template <typename T> MSL_INLINE T sincos(T x, T& c) { T s = sin(x); c = cos(x); return s; }

#define MSL_EXACT                                                                                              \
  MSL_UNARY(ceil, __builtin_ceilf(x))                                                                          \
  MSL_UNARY(floor, __builtin_floorf(x))                                                                        \
  MSL_UNARY(rint, __builtin_rintf(x))                                                                          \
  MSL_UNARY(round, __builtin_roundf(x))                                                                        \
  MSL_UNARY(trunc, __builtin_truncf(x))                                                                        \
  MSL_UNARY(fabs, __builtin_fabsf(x))                                                                          \
  MSL_UNARY(fract, msl_fract(x))                                                                               \
  MSL_BINARY(fdim, x > y ? x - y : (x != x || y != y) ? x + y : 0.0f)                                          \
  MSL_BINARY(fmax, msl_fmax(x, y))                                                                             \
  MSL_BINARY(fmin, msl_fmin(x, y))                                                                             \
  MSL_BINARY(copysign, __builtin_copysignf(x, y))

MSL_INLINE float msl_fmax(float x, float y) { return y != y ? x : x != x ? y : x > y ? x : y; }
MSL_INLINE float msl_fmin(float x, float y) { return y != y ? x : x != x ? y : x < y ? x : y; }
MSL_INLINE float msl_fract(float x) {
  const float f = x - __builtin_floorf(x);
  return __builtin_isinf_sign(x) ? 0.0f : f >= 1.0f ? 0x1.fffffep-1f : f;
}

namespace precise { MSL_BOUNDED(0) MSL_EXACT }
namespace fast { MSL_BOUNDED(MSL_FAST) MSL_EXACT }
MSL_BOUNDED(MSL_DEFAULT_MATH) MSL_EXACT

MSL_INLINE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
// The product of two halves is exact in float; the sum is rounded once more, by way of double, which is wide enough.
MSL_INLINE half fma(half a, half b, half c) { return (half)((double)a * (double)b + (double)c); }
MSL_INLINE bfloat fma(bfloat a, bfloat b, bfloat c) { return bfloat(__builtin_fmaf((float)a, (float)b, (float)c)); }
template <typename T, int N> MSL_INLINE vec<T, N> fma(msl_arg<T, N> a, msl_arg<T, N> b, msl_arg<T, N> c) {
  return msl_each([](T p, T q, T r) { return fma(p, q, r); }, a, b, c);
}
MSL_SCALARS_TOO(fma)
namespace precise { using metal::fma; }
namespace fast { using metal::fma; }

MSL_INLINE float ldexp(float x, int e) { return __builtin_ldexpf(x, e); }
MSL_INLINE half ldexp(half x, int e) { return (half)__builtin_ldexpf((float)x, e); }
MSL_INLINE float frexp(float x, int& e) { return __builtin_frexpf(x, &e); }
MSL_INLINE half frexp(half x, int& e) { return (half)__builtin_frexpf((float)x, &e); }
MSL_INLINE int ilogb(float x) { return __builtin_ilogbf(x); }
MSL_INLINE int ilogb(half x) { return __builtin_ilogbf((float)x); }
MSL_INLINE float modf(float x, float& whole) { whole = __builtin_truncf(x); return x - whole; }
MSL_INLINE half modf(half x, half& whole) { whole = (half)__builtin_truncf((float)x); return x - whole; }
MSL_INLINE float nextafter(float x, float y) { return __builtin_nextafterf(x, y); }
MSL_INLINE float fmin3(float a, float b, float c) { return fmin(a, fmin(b, c)); }
MSL_INLINE float fmax3(float a, float b, float c) { return fmax(a, fmax(b, c)); }
MSL_INLINE float fmedian3(float a, float b, float c) { return fmax(fmin(a, b), fmin(fmax(a, b), c)); }

#define MSL_BOTH(space)                                                                                        \
  namespace space {                                                                                            \
  using metal::fmax3; using metal::fmedian3; using metal::fmin3; using metal::frexp; using metal::ilogb;       \
  using metal::ldexp; using metal::modf; using metal::nextafter;                                               \
  }
MSL_BOTH(precise) MSL_BOTH(fast)
#undef MSL_BOTH

#define MSL_TEST(name, body)                                                                                   \
  template <typename T, typename = msl_if_scalar<T>> MSL_INLINE bool name(T t) { const float x = (float)t; return body; } \
  template <typename T, int N> MSL_INLINE vec<bool, N> name(msl_arg<T, N> v) {                                 \
    return msl_each([](T t) { return name(t); }, v);                                                               \
  }
MSL_TEST(isnan, __builtin_isnan(x))
MSL_TEST(isinf, __builtin_isinf_sign(x) != 0)
MSL_TEST(isfinite, __builtin_isfinite(x))
MSL_TEST(signbit, __builtin_signbitf(x) != 0)
template <typename T, typename = msl_if_scalar<T>> MSL_INLINE bool isnormal(T t) {
  return isfinite(t) && (float)fabs(t) >= (float)numeric_limits<T>::min();
}
template <typename T> MSL_INLINE auto isordered(T a, T b) { return a == a && b == b; }
template <typename T> MSL_INLINE auto isunordered(T a, T b) { return a != a || b != b; }

}  // namespace metal

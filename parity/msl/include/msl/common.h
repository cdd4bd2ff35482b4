// Common, relational, geometric and integer functions.
#pragma once

#include "math.h"

namespace metal {

template <typename T, typename = msl_if_scalar<T>> MSL_INLINE T abs(T x) {
  if constexpr (is_floating_point_v<T>) return (T)fabs(x);
  else if constexpr (is_signed_v<T>) return x < 0 ? (T)-x : x;
  else return x;
}
template <typename T, int N> MSL_INLINE vec<T, N> abs(msl_arg<T, N> v) { return msl_each([](T t) { return abs(t); }, v); }
namespace precise { using metal::abs; }
namespace fast { using metal::abs; }

template <typename A, typename B, typename = msl_if_scalar<A>, typename = msl_if_scalar<B>>
constexpr MSL_INLINE conditional_t<is_same_v<A, B>, A, msl_common<A, B>> min(A x, B y) {
  using T = conditional_t<is_same_v<A, B>, A, msl_common<A, B>>;
  const T a = (T)x, b = (T)y;
  if constexpr (is_floating_point_v<T>) return b != b ? a : a != a ? b : b < a ? b : a;
  else return b < a ? b : a;
}
template <typename A, typename B, typename = msl_if_scalar<A>, typename = msl_if_scalar<B>>
constexpr MSL_INLINE conditional_t<is_same_v<A, B>, A, msl_common<A, B>> max(A x, B y) {
  using T = conditional_t<is_same_v<A, B>, A, msl_common<A, B>>;
  const T a = (T)x, b = (T)y;
  if constexpr (is_floating_point_v<T>) return b != b ? a : a != a ? b : a < b ? b : a;
  else return a < b ? b : a;
}
#define MSL_VECTOR_TOO(name)                                                                                   \
  template <typename T, int N> MSL_INLINE vec<T, N> name(msl_arg<T, N> a, msl_arg<T, N> b) {                   \
    return msl_each([](T p, T q) { return (T)name(p, q); }, a, b);                                                 \
  }                                                                                                            \
  template <typename T, int N, typename B, typename = msl_if_scalar<B>>                                            \
  MSL_INLINE vec<T, N> name(msl_arg<T, N> a, B b) { return name(a, vec<T, N>((T)b)); }                         \
  template <typename T, int N, typename B, typename = msl_if_scalar<B>>                                            \
  MSL_INLINE vec<T, N> name(B a, msl_arg<T, N> b) { return name(vec<T, N>((T)a), b); }
MSL_VECTOR_TOO(min) MSL_VECTOR_TOO(max)
namespace precise { using metal::min; using metal::max; }
namespace fast { using metal::min; using metal::max; }
template <typename T> MSL_INLINE T min3(T a, T b, T c) { return min(a, min(b, c)); }
template <typename T> MSL_INLINE T max3(T a, T b, T c) { return max(a, max(b, c)); }
template <typename T> MSL_INLINE T median3(T a, T b, T c) { return max(min(a, b), min(max(a, b), c)); }

template <typename T, typename L, typename H> MSL_INLINE auto clamp(T x, L low, H high) { return min(max(x, low), high); }
template <typename T> MSL_INLINE T saturate(T x) { return (T)clamp(x, (T)0, (T)1); }
template <typename T, typename A, typename = enable_if_t<is_same_v<T, A> || is_scalar_v<A>>>
MSL_INLINE T mix(T x, T y, A a) { return (T)(x + (y - x) * a); }
template <typename T, typename = msl_if_scalar<T>> MSL_INLINE T sign(T x) {
  return x > (T)0 ? (T)1 : x < (T)0 ? (T)-1 : x != x ? (T)0 : x;
}
template <typename T, int N> MSL_INLINE vec<T, N> sign(msl_arg<T, N> v) { return msl_each([](T t) { return sign(t); }, v); }
template <typename T, typename = msl_if_scalar<T>> MSL_INLINE T step(T edge, T x) { return x < edge ? (T)0 : (T)1; }
MSL_VECTOR_TOO(step)
template <typename T> MSL_INLINE T smoothstep(T a, T b, T x) {
  const T t = saturate((x - a) / (b - a));
  return (T)(t * t * ((T)3 - (T)2 * t));
}
MSL_SCALARS_TOO(mix) MSL_SCALARS_TOO(smoothstep)
namespace precise { using metal::clamp; using metal::saturate; }
namespace fast { using metal::clamp; using metal::saturate; }

template <typename T, typename = msl_if_scalar<T>> constexpr MSL_INLINE T select(T a, T b, bool c) { return c ? b : a; }
template <typename T, int N, typename C> MSL_INLINE vec<T, N> select(msl_arg<T, N> a, msl_arg<T, N> b, msl_arg<C, N> c) {
  return msl_each([](T p, T q, C r) {
    if constexpr (is_same_v<C, bool>) return r ? q : p;
    else return (r < 0) ? q : p;  // the most significant bit decides
  }, a, b, c);
}
template <typename T, int N> MSL_INLINE vec<T, N> select(msl_arg<T, N> a, msl_arg<T, N> b, bool c) { return c ? b : a; }
template <typename T, int N> MSL_INLINE bool all(msl_arg<T, N> v) {
  bool r = true;
  for (int i = 0; i < N; ++i) r &= (bool)v.at(i);
  return r;
}
template <typename T, int N> MSL_INLINE bool any(msl_arg<T, N> v) {
  bool r = false;
  for (int i = 0; i < N; ++i) r |= (bool)v.at(i);
  return r;
}
MSL_INLINE bool all(bool b) { return b; }
MSL_INLINE bool any(bool b) { return b; }

// Geometry.
template <typename T> MSL_INLINE T dot(msl_arg<T, 2> a, msl_arg<T, 2> b) { return (T)(a.x * b.x + a.y * b.y); }
template <typename T> MSL_INLINE T dot(msl_arg<T, 3> a, msl_arg<T, 3> b) {
  return (T)(a.x * b.x + a.y * b.y + a.z * b.z);
}
template <typename T> MSL_INLINE T dot(msl_arg<T, 4> a, msl_arg<T, 4> b) {
  return (T)(a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w);
}
template <typename T> MSL_INLINE vec<T, 3> cross(msl_arg<T, 3> a, msl_arg<T, 3> b) {
  return vec<T, 3>(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x);
}
template <typename T, int N> MSL_INLINE T length_squared(msl_arg<T, N> v) { return dot(v, v); }
template <typename T, int N> MSL_INLINE T length(msl_arg<T, N> v) { return (T)sqrt(dot(v, v)); }
template <typename T, int N> MSL_INLINE T distance(msl_arg<T, N> a, msl_arg<T, N> b) { return length(a - b); }
template <typename T, int N> MSL_INLINE T distance_squared(msl_arg<T, N> a, msl_arg<T, N> b) { return dot(a - b, a - b); }
template <typename T, int N> MSL_INLINE vec<T, N> faceforward(msl_arg<T, N> n, msl_arg<T, N> i, msl_arg<T, N> r) {
  return dot(r, i) < (T)0 ? n : -n;
}
template <typename T, int N> MSL_INLINE vec<T, N> reflect(msl_arg<T, N> i, msl_arg<T, N> n) {
  return i - n * (T)((T)2 * dot(n, i));
}
template <typename T, int N> MSL_INLINE vec<T, N> refract(msl_arg<T, N> i, msl_arg<T, N> n, T eta) {
  const T d = dot(n, i), k = (T)((T)1 - eta * eta * ((T)1 - d * d));
  return k < (T)0 ? vec<T, N>((T)0) : i * eta - n * (T)(eta * d + sqrt(k));
}
template <typename T, int N> MSL_INLINE vec<T, N> normalize(msl_arg<T, N> v) { return v * (T)rsqrt(dot(v, v)); }
#define MSL_BOTH(space)                                                                                        \
  namespace space {                                                                                            \
  using metal::distance; using metal::length; using metal::normalize;                                          \
  using metal::mix; using metal::sign; using metal::smoothstep; using metal::step;                             \
  using metal::max3; using metal::median3; using metal::min3;                                                  \
  }
MSL_BOTH(precise) MSL_BOTH(fast)
#undef MSL_BOTH

// Integers.
#define MSL_BITS(name, body)                                                                                   \
  template <typename T, typename = enable_if_t<is_integral_v<T>>> MSL_INLINE T name(T t) {                     \
    const ulong x = (ulong)(make_unsigned_t<T>)t;                                                              \
    constexpr int bits = sizeof(T) * 8;                                                                        \
    (void)x; (void)bits;                                                                                       \
    return (T)(body);                                                                                          \
  }                                                                                                            \
  template <typename T, int N> MSL_INLINE vec<T, N> name(msl_arg<T, N> v) { return msl_each([](T t) { return name(t); }, v); }
MSL_INLINE ulong msl_reverse(ulong x, int bits) {
  ulong r = 0;
  for (int i = 0; i < bits; ++i) r |= (x >> i & 1) << (bits - 1 - i);
  return r;
}
MSL_BITS(popcount, __builtin_popcountl(x))
MSL_BITS(clz, x ? __builtin_clzl(x) - (64 - bits) : bits)
MSL_BITS(ctz, x ? __builtin_ctzl(x) : bits)
MSL_BITS(reverse_bits, msl_reverse(x, bits))
#define MSL_INTEGER(name, body)                                                                                \
  template <typename T, typename = enable_if_t<is_integral_v<T>>> MSL_INLINE T name(T a, T b) { return (T)(body); } \
  MSL_VECTOR_TOO(name)
template <typename T> using msl_wide = conditional_t<is_signed_v<T>, __int128, unsigned __int128>;
template <typename T> MSL_INLINE T msl_saturated(msl_wide<T> x) {
  return x > (msl_wide<T>)numeric_limits<T>::max() ? numeric_limits<T>::max()
         : x < (msl_wide<T>)numeric_limits<T>::min() ? numeric_limits<T>::min() : (T)x;
}
MSL_INTEGER(absdiff, a > b ? a - b : b - a)
MSL_INTEGER(addsat, msl_saturated<T>((msl_wide<T>)a + (msl_wide<T>)b))
MSL_INTEGER(subsat, (is_signed_v<T> || a >= b) ? msl_saturated<T>((msl_wide<T>)a - (msl_wide<T>)b) : (T)0)
MSL_INTEGER(hadd, ((msl_wide<T>)a + (msl_wide<T>)b) >> 1)
MSL_INTEGER(rhadd, ((msl_wide<T>)a + (msl_wide<T>)b + 1) >> 1)
MSL_INTEGER(mulhi, ((msl_wide<T>)a * (msl_wide<T>)b) >> (sizeof(T) * 8))
MSL_INTEGER(mul24, a * b)
MSL_INTEGER(rotate, ((make_unsigned_t<T>)a << ((uint)b % (sizeof(T) * 8))) |
                        ((make_unsigned_t<T>)a >> ((sizeof(T) * 8 - (uint)b % (sizeof(T) * 8)) % (sizeof(T) * 8))))
template <typename T> MSL_INLINE T mad24(T a, T b, T c) { return (T)(a * b + c); }
template <typename T> MSL_INLINE T madhi(T a, T b, T c) { return (T)(mulhi(a, b) + c); }
template <typename T> MSL_INLINE T madsat(T a, T b, T c) { return msl_saturated<T>((msl_wide<T>)a * (msl_wide<T>)b + (msl_wide<T>)c); }
template <typename T> MSL_INLINE T extract_bits(T x, uint offset, uint count) {
  if (count == 0) return 0;
  using U = make_unsigned_t<T>;
  const U shifted = (U)((U)x << (sizeof(T) * 8 - offset - count));
  return is_signed_v<T> ? (T)((T)shifted >> (sizeof(T) * 8 - count)) : (T)(shifted >> (sizeof(T) * 8 - count));
}
template <typename T> MSL_INLINE T insert_bits(T base, T insert, uint offset, uint count) {
  if (count == 0) return base;
  using U = make_unsigned_t<T>;
  const U mask = (U)((count >= sizeof(T) * 8 ? ~(U)0 : (U)(((U)1 << count) - 1)) << offset);
  return (T)(((U)base & ~mask) | (((U)insert << offset) & mask));
}
#undef MSL_BITS
#undef MSL_INTEGER
#undef MSL_VECTOR_TOO

}  // namespace metal

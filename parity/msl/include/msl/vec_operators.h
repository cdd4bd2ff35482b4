// Arithmetic, bits and comparisons of vectors, component by component. A scalar stands for a vector of it.
#pragma once

#include "vec.h"

namespace metal {

#define SCALAR(X) typename = enable_if_t<is_scalar_v<X>>

#define MSL_VEC_ARITHMETIC(op)                                                                                 \
  template <typename T, int N> MSL_INLINE vec<T, N> operator op(msl_arg<T, N> a, msl_arg<T, N> b) {            \
    return msl_each([](T p, T q) __attribute__((always_inline)) { return (T)(p op q); }, a, b);                    \
  }                                                                                                            \
  template <typename T, int N, typename X, SCALAR(X)>                                                          \
  MSL_INLINE vec<T, N> operator op(msl_arg<T, N> a, X b) { return a op vec<T, N>((T)b); }                      \
  template <typename T, int N, typename X, SCALAR(X)>                                                          \
  MSL_INLINE vec<T, N> operator op(X a, msl_arg<T, N> b) { return vec<T, N>((T)a) op b; }                      \
  template <typename T, int N> MSL_INLINE vec<T, N> operator op(msl_packed_arg<T, N> a, msl_arg<T, N> b) {       \
    return vec<T, N>(a) op b;                                                                                  \
  }                                                                                                            \
  template <typename T, int N> MSL_INLINE vec<T, N> operator op(msl_arg<T, N> a, msl_packed_arg<T, N> b) {       \
    return a op vec<T, N>(b);                                                                                  \
  }                                                                                                            \
  template <typename T, int N>                                                                                 \
  MSL_INLINE vec<T, N> operator op(msl_packed_arg<T, N> a, msl_packed_arg<T, N> b) {                           \
    return vec<T, N>(a) op vec<T, N>(b);                                                                       \
  }                                                                                                            \
  template <typename T, int N, typename X, SCALAR(X)>                                                          \
  MSL_INLINE vec<T, N> operator op(msl_packed_arg<T, N> a, X b) { return vec<T, N>(a) op b; }                  \
  template <typename T, int N, typename X, SCALAR(X)>                                                          \
  MSL_INLINE vec<T, N> operator op(X a, msl_packed_arg<T, N> b) { return a op vec<T, N>(b); }                  \
  template <typename T, int N, typename B> MSL_INLINE vec<T, N>& operator op##=(vec<T, N>& a, const B& b) {    \
    return a = a op b;                                                                                         \
  }                                                                                                            \
  template <typename T, int N, typename B>                                                                     \
  MSL_INLINE packed_vec<T, N>& operator op##=(packed_vec<T, N>& a, const B& b) {                               \
    return a = packed_vec<T, N>(vec<T, N>(a) op b);                                                            \
  }
MSL_VEC_ARITHMETIC(+) MSL_VEC_ARITHMETIC(-) MSL_VEC_ARITHMETIC(*) MSL_VEC_ARITHMETIC(/) MSL_VEC_ARITHMETIC(%)
MSL_VEC_ARITHMETIC(&) MSL_VEC_ARITHMETIC(|) MSL_VEC_ARITHMETIC(^) MSL_VEC_ARITHMETIC(<<) MSL_VEC_ARITHMETIC(>>)
#undef MSL_VEC_ARITHMETIC

#define MSL_VEC_COMPARE(op)                                                                                    \
  template <typename T, int N> MSL_INLINE vec<bool, N> operator op(msl_arg<T, N> a, msl_arg<T, N> b) {         \
    return msl_each([](T p, T q) __attribute__((always_inline)) { return (bool)(p op q); }, a, b);                 \
  }                                                                                                            \
  template <typename T, int N, typename X, SCALAR(X)>                                                          \
  MSL_INLINE vec<bool, N> operator op(msl_arg<T, N> a, X b) { return a op vec<T, N>((T)b); }                   \
  template <typename T, int N, typename X, SCALAR(X)>                                                          \
  MSL_INLINE vec<bool, N> operator op(X a, msl_arg<T, N> b) { return vec<T, N>((T)a) op b; }
MSL_VEC_COMPARE(==) MSL_VEC_COMPARE(!=) MSL_VEC_COMPARE(<) MSL_VEC_COMPARE(<=) MSL_VEC_COMPARE(>) MSL_VEC_COMPARE(>=)
MSL_VEC_COMPARE(&&) MSL_VEC_COMPARE(||)
#undef MSL_VEC_COMPARE
#undef SCALAR

template <typename T, int N> MSL_INLINE vec<T, N> operator-(msl_arg<T, N> a) {
  return msl_each([](T p) { return (T)(-p); }, a);
}
template <typename T, int N> MSL_INLINE vec<T, N> operator-(msl_packed_arg<T, N> a) { return -vec<T, N>(a); }
template <typename T, int N> MSL_INLINE vec<T, N> operator+(msl_arg<T, N> a) { return a; }
template <typename T, int N> MSL_INLINE vec<T, N> operator~(msl_arg<T, N> a) {
  return msl_each([](T p) { return (T)(~p); }, a);
}
template <typename T, int N> MSL_INLINE vec<bool, N> operator!(msl_arg<T, N> a) {
  return msl_each([](T p) { return !p; }, a);
}
template <typename T, int N> MSL_INLINE vec<T, N>& operator++(vec<T, N>& a) { return a += (T)1; }
template <typename T, int N> MSL_INLINE vec<T, N>& operator--(vec<T, N>& a) { return a -= (T)1; }
template <typename T, int N> MSL_INLINE vec<T, N> operator++(vec<T, N>& a, int) {
  vec<T, N> old = a;
  a += (T)1;
  return old;
}

#define MSL_NAMES(T, U)                                                                                        \
  typedef vec<U, 2> T##2; typedef vec<U, 3> T##3; typedef vec<U, 4> T##4;                                      \
  typedef packed_vec<U, 2> packed_##T##2; typedef packed_vec<U, 3> packed_##T##3;                              \
  typedef packed_vec<U, 4> packed_##T##4;
MSL_NAMES(bool, bool) MSL_NAMES(char, char) MSL_NAMES(uchar, unsigned char) MSL_NAMES(short, short)
MSL_NAMES(ushort, unsigned short) MSL_NAMES(int, int) MSL_NAMES(uint, unsigned int) MSL_NAMES(long, long)
MSL_NAMES(ulong, unsigned long) MSL_NAMES(half, half) MSL_NAMES(bfloat, bfloat) MSL_NAMES(float, float)
#undef MSL_NAMES

}  // namespace metal

template <typename T, typename F> constexpr MSL_INLINE T as_type(const F& x) {
  static_assert(sizeof(T) == sizeof(F), "as_type converts between types of one size");
  if constexpr (__is_trivially_copyable(T) && __is_trivially_copyable(F)) return __builtin_bit_cast(T, x);
  const F from = x;
  T to;
  __builtin_memcpy((void*)&to, (const void*)&from, sizeof to);
  return to;
}
namespace metal { using ::as_type; }

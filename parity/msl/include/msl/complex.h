// complex64_t, as MLX passes complex arrays to kernels.
#pragma once

#include "common.h"

template <typename T> struct complex_t {
  using value_type = T;
  T real, imag;
  constexpr MSL_INLINE complex_t() : real(0), imag(0) {}
  constexpr MSL_INLINE complex_t(T r, T i) : real(r), imag(i) {}
  template <typename U, typename = metal::enable_if_t<metal::is_scalar_v<U>>>
  constexpr MSL_INLINE complex_t(U r) : real((T)r), imag(0) {}
  constexpr MSL_INLINE complex_t(metal::msl_arg<T, 2> v) : real(v.x), imag(v.y) {}
  template <typename U, typename = metal::enable_if_t<!metal::is_same_v<U, T>>>
  constexpr MSL_INLINE complex_t(const complex_t<U>& c) : real((T)c.real), imag((T)c.imag) {}
  MSL_INLINE operator metal::vec<T, 2>() const { return metal::vec<T, 2>(real, imag); }
  template <typename U, typename = metal::enable_if_t<metal::is_scalar_v<U>>>
  constexpr explicit MSL_INLINE operator U() const { return (U)real; }
};
using complex32_t = complex_t<half>;
using complex64_t = complex_t<float>;

#define MSL_COMPLEX(op, body)                                                                                  \
  template <typename T> constexpr MSL_INLINE complex_t<T> operator op(complex_t<T> a, complex_t<T> b) { return body; } \
  template <typename T, typename S, typename = metal::enable_if_t<metal::is_scalar_v<S>>>                      \
  constexpr MSL_INLINE complex_t<T> operator op(complex_t<T> a, S b) { return a op complex_t<T>(b); }          \
  template <typename T, typename S, typename = metal::enable_if_t<metal::is_scalar_v<S>>>                      \
  constexpr MSL_INLINE complex_t<T> operator op(S a, complex_t<T> b) { return complex_t<T>(a) op b; }          \
  template <typename T, typename B> MSL_INLINE complex_t<T>& operator op##=(complex_t<T>& a, B b) { return a = a op b; }
MSL_COMPLEX(+, (complex_t<T>{(T)(a.real + b.real), (T)(a.imag + b.imag)}))
MSL_COMPLEX(-, (complex_t<T>{(T)(a.real - b.real), (T)(a.imag - b.imag)}))
MSL_COMPLEX(*, (complex_t<T>{(T)(a.real * b.real - a.imag * b.imag), (T)(a.real * b.imag + a.imag * b.real)}))
template <typename T> constexpr MSL_INLINE complex_t<T> msl_quotient(complex_t<T> a, complex_t<T> b) {
  const T n = b.real * b.real + b.imag * b.imag;
  return {(T)((a.real * b.real + a.imag * b.imag) / n), (T)((a.imag * b.real - a.real * b.imag) / n)};
}
MSL_COMPLEX(/, msl_quotient(a, b))
// The remainder of each part, with the sign of the divisor's.
template <typename T> MSL_INLINE T msl_remainder(T a, T b) {
  const T r = a - b * (T)(int64_t)(a / b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
template <typename T> MSL_INLINE complex_t<T> operator%(complex_t<T> a, complex_t<T> b) {
  return {msl_remainder(a.real, b.real), msl_remainder(a.imag, b.imag)};
}
#undef MSL_COMPLEX
template <typename T> constexpr MSL_INLINE complex_t<T> operator-(complex_t<T> a) { return {(T)-a.real, (T)-a.imag}; }
template <typename T> constexpr MSL_INLINE bool operator==(complex_t<T> a, complex_t<T> b) {
  return a.real == b.real && a.imag == b.imag;
}
template <typename T> constexpr MSL_INLINE bool operator!=(complex_t<T> a, complex_t<T> b) { return !(a == b); }
// Ordered by the real part, then by the imaginary part.
template <typename T> constexpr MSL_INLINE bool operator>(complex_t<T> a, complex_t<T> b) {
  return a.real > b.real || (a.real == b.real && a.imag > b.imag);
}
template <typename T> constexpr MSL_INLINE bool operator<(complex_t<T> a, complex_t<T> b) { return b > a; }
template <typename T> constexpr MSL_INLINE bool operator>=(complex_t<T> a, complex_t<T> b) { return !(b > a); }
template <typename T> constexpr MSL_INLINE bool operator<=(complex_t<T> a, complex_t<T> b) { return !(a > b); }

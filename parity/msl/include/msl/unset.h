// What unset.py puts behind the declaration of a local variable that nothing sets: NaN, where its type has one.
#pragma once

#include "vec.h"

template <typename T> MSL_INLINE void msl_unset(T&) {}
MSL_INLINE void msl_unset(float& v) { v = __builtin_nanf(""); }
MSL_INLINE void msl_unset(half& v) { v = (half)__builtin_nanf(""); }
MSL_INLINE void msl_unset(metal::bfloat& v) { v = metal::bfloat(__builtin_nanf("")); }
template <typename T, int N> MSL_INLINE void msl_unset(metal::vec<T, N>& v) {
  if constexpr (!metal::is_integral_v<T>) v = metal::vec<T, N>((T)__builtin_nanf(""));
}
template <typename T, size_t N> MSL_INLINE void msl_unset(T (&a)[N]) {
  for (size_t i = 0; i < N; ++i) msl_unset(a[i]);
}

// Small matrices of one thread, by columns: `float4x4`, `half2x3`.
#pragma once

#include "common.h"

namespace metal {

template <typename T, int C, int R> struct matrix {
  vec<T, R> columns[C];
  matrix() = default;
  explicit MSL_INLINE matrix(T d) {
    for (int i = 0; i < C; ++i)
      for (int j = 0; j < R; ++j) columns[i].at(j) = i == j ? d : (T)0;
  }
  template <typename... V, typename = enable_if_t<sizeof...(V) == C && (C > 1) && (msl_is_vec<V>::value && ...)>>
  MSL_INLINE matrix(const V&... v) : columns{vec<T, R>(v)...} {}
  // All elements, column after column.
  template <typename... X, enable_if_t<sizeof...(X) == C * R && (is_scalar_v<X> && ...), int> = 0>
  MSL_INLINE matrix(X... x) {
    const T all[] = {(T)x...};
    for (int i = 0; i < C; ++i)
      for (int j = 0; j < R; ++j) columns[i].at(j) = all[i * R + j];
  }
  template <typename U> explicit MSL_INLINE matrix(const matrix<U, C, R>& m) {
    for (int i = 0; i < C; ++i) columns[i] = vec<T, R>(m[i]);
  }
  MSL_INLINE vec<T, R>& operator[](int i) { return columns[i]; }
  MSL_INLINE const vec<T, R>& operator[](int i) const { return columns[i]; }
};

#define MSL_MATRIX_EACH(op)                                                                                    \
  template <typename T, int C, int R>                                                                          \
  MSL_INLINE matrix<T, C, R> operator op(const matrix<T, C, R>& a, const matrix<T, C, R>& b) {                 \
    matrix<T, C, R> r;                                                                                         \
    for (int i = 0; i < C; ++i) r[i] = a[i] op b[i];                                                           \
    return r;                                                                                                  \
  }
MSL_MATRIX_EACH(+) MSL_MATRIX_EACH(-)
#undef MSL_MATRIX_EACH
template <typename T, int C, int R> MSL_INLINE matrix<T, C, R> operator-(const matrix<T, C, R>& m) {
  matrix<T, C, R> r;
  for (int i = 0; i < C; ++i) r[i] = -m[i];
  return r;
}
template <typename T, int C, int R> MSL_INLINE vec<T, R> operator*(const matrix<T, C, R>& m, msl_arg<T, C> v) {
  vec<T, R> r = m[0] * v.at(0);
  for (int i = 1; i < C; ++i) r = r + m[i] * v.at(i);
  return r;
}
template <typename T, int C, int R> MSL_INLINE vec<T, C> operator*(msl_arg<T, R> v, const matrix<T, C, R>& m) {
  vec<T, C> r;
  for (int i = 0; i < C; ++i) r.at(i) = dot(v, m[i]);
  return r;
}
template <typename T, int K, int C, int R>
MSL_INLINE matrix<T, C, R> operator*(const matrix<T, K, R>& a, const matrix<T, C, K>& b) {
  matrix<T, C, R> r;
  for (int i = 0; i < C; ++i) r[i] = a * b[i];
  return r;
}
template <typename T, int C, int R, typename S, typename = msl_if_scalar<S>>
MSL_INLINE matrix<T, C, R> operator*(const matrix<T, C, R>& m, S s) {
  matrix<T, C, R> r;
  for (int i = 0; i < C; ++i) r[i] = m[i] * (T)s;
  return r;
}
template <typename T, int C, int R, typename S, typename = msl_if_scalar<S>>
MSL_INLINE matrix<T, C, R> operator*(S s, const matrix<T, C, R>& m) { return m * s; }
template <typename T, int C, int R, typename B> MSL_INLINE matrix<T, C, R>& operator+=(matrix<T, C, R>& a, const B& b) {
  return a = a + b;
}
template <typename T, int C, int R, typename B> MSL_INLINE matrix<T, C, R>& operator-=(matrix<T, C, R>& a, const B& b) {
  return a = a - b;
}
template <typename T, int C, int R, typename B> MSL_INLINE matrix<T, C, R>& operator*=(matrix<T, C, R>& a, const B& b) {
  return a = a * b;
}

template <typename T, int C, int R> MSL_INLINE matrix<T, R, C> transpose(const matrix<T, C, R>& m) {
  matrix<T, R, C> r;
  for (int i = 0; i < C; ++i)
    for (int j = 0; j < R; ++j) r[j].at(i) = m[i].at(j);
  return r;
}
template <typename T> MSL_INLINE T determinant(const matrix<T, 2, 2>& m) {
  return (T)(m[0].x * m[1].y - m[1].x * m[0].y);
}
template <typename T> MSL_INLINE T determinant(const matrix<T, 3, 3>& m) { return dot(m[0], cross(m[1], m[2])); }
// By the rows without x: what is left of a column when its first component is gone.
template <typename T> MSL_INLINE T determinant(const matrix<T, 4, 4>& m) {
  T sum = 0;
  for (int k = 0; k < 4; ++k) {
    matrix<T, 3, 3> minor;
    for (int i = 0, n = 0; i < 4; ++i)
      if (i != k) minor[n++] = vec<T, 3>(m[i].y, m[i].z, m[i].w);
    sum = (T)(k % 2 ? sum - m[k].x * determinant(minor) : sum + m[k].x * determinant(minor));
  }
  return sum;
}

#define MSL_MATRICES(T)                                                                                        \
  typedef matrix<T, 2, 2> T##2x2; typedef matrix<T, 2, 3> T##2x3; typedef matrix<T, 2, 4> T##2x4;              \
  typedef matrix<T, 3, 2> T##3x2; typedef matrix<T, 3, 3> T##3x3; typedef matrix<T, 3, 4> T##3x4;              \
  typedef matrix<T, 4, 2> T##4x2; typedef matrix<T, 4, 3> T##4x3; typedef matrix<T, 4, 4> T##4x4;
MSL_MATRICES(float) MSL_MATRICES(half)
#undef MSL_MATRICES

}  // namespace metal

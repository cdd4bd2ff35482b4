// Vectors of two, three and four components. rewrite.py turns `v.xyz` into `v.template sw<0,1,2>()`, and where it is
// assigned to into `v.template lv<0,1,2>()`; single components are members.
#pragma once

#include "types.h"

namespace metal {

template <typename T, int N> struct vec;
template <typename T, int N> struct packed_vec;
template <typename T> struct msl_is_vec : false_type {};
template <typename T, int N> struct msl_is_vec<vec<T, N>> : true_type {};
template <typename T> constexpr bool is_scalar_v = is_arithmetic_v<T>;

// The components of a vector that an assignment names: v.zx = ….
template <typename V, int... I> struct msl_components {
  V& v;
  using T = typename V::element_type;
  using value = vec<T, (int)sizeof...(I)>;
  MSL_INLINE operator value() const { return value(v.at(I)...); }
  MSL_INLINE const msl_components& operator=(const value& b) const {
    const value copy = b;
    int k = 0;
    ((v.at(I) = copy.at(k++)), ...);
    return *this;
  }
  MSL_INLINE const msl_components& operator=(const msl_components& b) const { return *this = value(b); }
#define MSL_COMPONENTS(op) \
  template <typename B> MSL_INLINE const msl_components& operator op##=(const B& b) const { return *this = value(*this) op b; }
  MSL_COMPONENTS(+) MSL_COMPONENTS(-) MSL_COMPONENTS(*) MSL_COMPONENTS(/) MSL_COMPONENTS(%)
  MSL_COMPONENTS(&) MSL_COMPONENTS(|) MSL_COMPONENTS(^) MSL_COMPONENTS(<<) MSL_COMPONENTS(>>)
#undef MSL_COMPONENTS
};

#define MSL_VEC_COMMON(V, N)                                                                                   \
  using element_type = T;                                                                                      \
  static constexpr int size = N;                                                                               \
  MSL_INLINE T& at(int i) { return data_[i]; }                                                                 \
  MSL_INLINE const T& at(int i) const { return data_[i]; }                                                     \
  MSL_INLINE T& operator[](int i) { return data_[i]; }                                                         \
  MSL_INLINE const T& operator[](int i) const { return data_[i]; }                                             \
  template <int... I> MSL_INLINE auto sw() const { return vec<T, (int)sizeof...(I)>(data_[I]...); }            \
  template <int... I> MSL_INLINE auto lv() { return msl_components<V, I...>{*this}; }

#define S(X) enable_if_t<is_scalar_v<X>, int> = 0

template <typename T> struct alignas(2 * sizeof(T)) vec<T, 2> {
  union {
    struct { T x, y; };
    struct { T r, g; };
    T data_[2];
  };
  vec() = default;
  constexpr MSL_INLINE vec(T a) : x(a), y(a) {}
  template <typename A, S(A)> constexpr MSL_INLINE vec(A a) : x((T)a), y((T)a) {}
  template <typename A, typename B, S(A), S(B)> constexpr MSL_INLINE vec(A a, B b) : x((T)a), y((T)b) {}
  template <typename U> constexpr explicit MSL_INLINE vec(const vec<U, 2>& v) : x((T)v.x), y((T)v.y) {}
  constexpr MSL_INLINE vec(const packed_vec<T, 2>& v);
  MSL_VEC_COMMON(vec, 2)
};

template <typename T> struct alignas(4 * sizeof(T)) vec<T, 3> {
  union {
    struct { T x, y, z; };
    struct { T r, g, b; };
    T data_[3];
  };
  vec() = default;
  constexpr MSL_INLINE vec(T a) : x(a), y(a), z(a) {}
  template <typename A, S(A)> constexpr MSL_INLINE vec(A a) : x((T)a), y((T)a), z((T)a) {}
  template <typename A, typename B, typename C, S(A), S(B), S(C)>
  constexpr MSL_INLINE vec(A a, B b, C c) : x((T)a), y((T)b), z((T)c) {}
  template <typename C, S(C)> constexpr MSL_INLINE vec(const vec<T, 2>& a, C c) : x(a.x), y(a.y), z((T)c) {}
  template <typename A, S(A)> constexpr MSL_INLINE vec(A a, const vec<T, 2>& b) : x((T)a), y(b.x), z(b.y) {}
  template <typename U> constexpr explicit MSL_INLINE vec(const vec<U, 3>& v) : x((T)v.x), y((T)v.y), z((T)v.z) {}
  constexpr MSL_INLINE vec(const packed_vec<T, 3>& v);
  MSL_VEC_COMMON(vec, 3)
};

template <typename T> struct alignas(4 * sizeof(T)) vec<T, 4> {
  union {
    struct { T x, y, z, w; };
    struct { T r, g, b, a; };
    T data_[4];
  };
  vec() = default;
  constexpr MSL_INLINE vec(T s) : x(s), y(s), z(s), w(s) {}
  template <typename A, S(A)> constexpr MSL_INLINE vec(A s) : x((T)s), y((T)s), z((T)s), w((T)s) {}
  template <typename A, typename B, typename C, typename D, S(A), S(B), S(C), S(D)>
  constexpr MSL_INLINE vec(A p, B q, C s, D t) : x((T)p), y((T)q), z((T)s), w((T)t) {}
  template <typename C, typename D, S(C), S(D)>
  constexpr MSL_INLINE vec(const vec<T, 2>& p, C s, D t) : x(p.x), y(p.y), z((T)s), w((T)t) {}
  template <typename A, typename D, S(A), S(D)>
  constexpr MSL_INLINE vec(A p, const vec<T, 2>& q, D t) : x((T)p), y(q.x), z(q.y), w((T)t) {}
  template <typename A, typename B, S(A), S(B)>
  constexpr MSL_INLINE vec(A p, B q, const vec<T, 2>& s) : x((T)p), y((T)q), z(s.x), w(s.y) {}
  constexpr MSL_INLINE vec(const vec<T, 2>& p, const vec<T, 2>& q) : x(p.x), y(p.y), z(q.x), w(q.y) {}
  template <typename D, S(D)> constexpr MSL_INLINE vec(const vec<T, 3>& p, D t) : x(p.x), y(p.y), z(p.z), w((T)t) {}
  template <typename A, S(A)> constexpr MSL_INLINE vec(A p, const vec<T, 3>& q) : x((T)p), y(q.x), z(q.y), w(q.z) {}
  template <typename U>
  constexpr explicit MSL_INLINE vec(const vec<U, 4>& v) : x((T)v.x), y((T)v.y), z((T)v.z), w((T)v.w) {}
  constexpr MSL_INLINE vec(const packed_vec<T, 4>& v);
  MSL_VEC_COMMON(vec, 4)
};

// Packed vectors have the alignment of their component.
template <typename T, int N> struct packed_vec {
  T data_[N];
  using element_type = T;
  packed_vec() = default;
  MSL_INLINE packed_vec(const vec<T, N>& v) { for (int i = 0; i < N; ++i) data_[i] = v.at(i); }
  template <typename A, S(A)> MSL_INLINE packed_vec(A a) : packed_vec(vec<T, N>(a)) {}
  template <typename A, typename B, typename... R>
  MSL_INLINE packed_vec(A a, B b, R... rest) : packed_vec(vec<T, N>(a, b, rest...)) {}
  MSL_INLINE T& at(int i) { return data_[i]; }
  MSL_INLINE const T& at(int i) const { return data_[i]; }
  MSL_INLINE T& operator[](int i) { return data_[i]; }
  MSL_INLINE const T& operator[](int i) const { return data_[i]; }
  template <int... I> MSL_INLINE auto sw() const { return vec<T, (int)sizeof...(I)>(data_[I]...); }
  template <int... I> MSL_INLINE auto lv() { return msl_components<packed_vec, I...>{*this}; }
};
template <typename T> struct packed_vec<T, 3> {
  union {
    struct { T x, y, z; };
    struct { T r, g, b; };
    T data_[3];
  };
  packed_vec() = default;
  MSL_INLINE packed_vec(const vec<T, 3>& v) : x(v.x), y(v.y), z(v.z) {}
  template <typename A, S(A)> MSL_INLINE packed_vec(A a) : x((T)a), y((T)a), z((T)a) {}
  template <typename A, typename B, typename C> MSL_INLINE packed_vec(A a, B b, C c) : x((T)a), y((T)b), z((T)c) {}
  MSL_VEC_COMMON(packed_vec, 3)
};
template <typename T> struct packed_vec<T, 2> {
  union {
    struct { T x, y; };
    struct { T r, g; };
    T data_[2];
  };
  packed_vec() = default;
  MSL_INLINE packed_vec(const vec<T, 2>& v) : x(v.x), y(v.y) {}
  template <typename A, S(A)> MSL_INLINE packed_vec(A a) : x((T)a), y((T)a) {}
  template <typename A, typename B> MSL_INLINE packed_vec(A a, B b) : x((T)a), y((T)b) {}
  MSL_VEC_COMMON(packed_vec, 2)
};
template <typename T> struct packed_vec<T, 4> {
  union {
    struct { T x, y, z, w; };
    struct { T r, g, b, a; };
    T data_[4];
  };
  packed_vec() = default;
  MSL_INLINE packed_vec(const vec<T, 4>& v) : x(v.x), y(v.y), z(v.z), w(v.w) {}
  template <typename A, S(A)> MSL_INLINE packed_vec(A s) : x((T)s), y((T)s), z((T)s), w((T)s) {}
  template <typename A, typename B, typename C, typename D>
  MSL_INLINE packed_vec(A p, B q, C s, D t) : x((T)p), y((T)q), z((T)s), w((T)t) {}
  MSL_VEC_COMMON(packed_vec, 4)
};
template <typename T> constexpr MSL_INLINE vec<T, 2>::vec(const packed_vec<T, 2>& v) : x(v.x), y(v.y) {}
template <typename T> constexpr MSL_INLINE vec<T, 3>::vec(const packed_vec<T, 3>& v) : x(v.x), y(v.y), z(v.z) {}
template <typename T>
constexpr MSL_INLINE vec<T, 4>::vec(const packed_vec<T, 4>& v) : x(v.x), y(v.y), z(v.z), w(v.w) {}

#undef S
#undef MSL_VEC_COMMON

// f of every component, with those of further vectors beside it.
template <typename F, typename A, typename... V> MSL_INLINE auto msl_each(F f, const vec<A, 2>& a, const V&... v) {
  return vec<decltype(f(a.x, v.x...)), 2>(f(a.x, v.x...), f(a.y, v.y...));
}
template <typename F, typename A, typename... V> MSL_INLINE auto msl_each(F f, const vec<A, 3>& a, const V&... v) {
  return vec<decltype(f(a.x, v.x...)), 3>(f(a.x, v.x...), f(a.y, v.y...), f(a.z, v.z...));
}
template <typename F, typename A, typename... V> MSL_INLINE auto msl_each(F f, const vec<A, 4>& a, const V&... v) {
  return vec<decltype(f(a.x, v.x...)), 4>(f(a.x, v.x...), f(a.y, v.y...), f(a.z, v.z...), f(a.w, v.w...));
}

}  // namespace metal

// Vectors, of two, three and four components above all. rewrite.py turns `v.xyz` into `v.template sw<0,1,2>()`, and where it is
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

#if defined(__clang__) && !defined(MSL_UNIONS)  // a union of what copies itself is not copied
// A copy of a vector is one access. Before it instruments a copy, clang takes the class apart into the components that
// are used later. A load or a store of one of its own vectors no pass takes apart, and they are instrumented if they are
// of 16 bytes at most and a power of two; of the others the runtime is told here, unless the compiler knows the object,
// which is a thread's own then, and their components are moved in an address space that is not instrumented.
extern "C" void __tsan_read_range(void* p, size_t n);
extern "C" void __tsan_write_range(void* p, size_t n);

template <int... I> struct msl_places {};
template <int N> struct msl_all_places;
template <> struct msl_all_places<2> { using type = msl_places<0, 1>; };
template <> struct msl_all_places<3> { using type = msl_places<0, 1, 2>; };
template <> struct msl_all_places<4> { using type = msl_places<0, 1, 2, 3>; };
template <typename T, int N> struct msl_parts { T at[N]; };
template <typename T> struct msl_lane_of { using type = T; };
template <> struct msl_lane_of<bool> { using type = unsigned char; };
template <> struct msl_lane_of<bfloat> { using type = unsigned short; };

template <typename V> struct msl_whole {
  using T = typename V::element_type;
  using Lane = typename msl_lane_of<T>::type;
  using Parts = msl_parts<T, V::size>;
  static constexpr bool single = V::size != 3 && sizeof(V) <= 16;
  // Aligned as a component is, so that the processor takes it anywhere: V's alignment is checked where V is used.
  typedef Lane Single __attribute__((vector_size((single ? V::size : 2) * sizeof(T)), aligned(alignof(T))));
  typedef __attribute__((address_space(1))) Lane Hidden;

  static MSL_INLINE bool unknown(const V* p) { return __builtin_object_size(p, 0) == ~(size_t)0; }
  template <int... I> static MSL_INLINE Parts load(const V* p, msl_places<I...>) {
    if constexpr (single) {
      const Single s = *(const Single*)p;
      return {{__builtin_bit_cast(T, (Lane)s[I])...}};
    } else {
      if (!unknown(p)) return {{p->data_[I]...}};
      __tsan_read_range((void*)p, V::size * sizeof(T));
      const Hidden* h = (const Hidden*)p;
      asm("" : "+r"(h));  // or a compiler sees through to the address that it would instrument
      return {{__builtin_bit_cast(T, (Lane)h[I])...}};
    }
  }
  template <int... I> static MSL_INLINE void store(V* p, const Parts& parts, msl_places<I...>) {
    if constexpr (single) {
      *(Single*)p = Single{__builtin_bit_cast(Lane, parts.at[I])...};
    } else {
      if (!unknown(p)) {
        ((p->data_[I] = parts.at[I]), ...);
      } else {
        __tsan_write_range(p, V::size * sizeof(T));
        Hidden* h = (Hidden*)p;
        asm("" : "+r"(h));
        ((h[I] = __builtin_bit_cast(Lane, parts.at[I])), ...);
      }
    }
  }
};
template <typename P, typename... R> constexpr MSL_INLINE void msl_set(const P& parts, R&... r) {
  int i = 0;
  ((r = parts.at[i++]), ...);
}

// What a function takes of a vector: itself, in one access where it lies in memory.
template <typename T, int N> using msl_arg = vec<T, N>;
template <typename T, int N> using msl_packed_arg = packed_vec<T, N>;

#define MSL_VEC_STRUCT struct [[clang::trivial_abi]]
#define MSL_VEC_COPY(V, N, ...)                                                                                \
  constexpr MSL_INLINE V(const V& v) : V(v.parts_(), typename msl_all_places<N>::type()) {}                    \
  constexpr MSL_INLINE V& operator=(const V& v) {                                                              \
    if (__builtin_is_constant_evaluated()) msl_set(v.parts_(), __VA_ARGS__);                                   \
    else msl_whole<V>::store(this, v.parts_(), typename msl_all_places<N>::type());                            \
    return *this;                                                                                              \
  }                                                                                                            \
  template <int... I> constexpr MSL_INLINE V(const msl_parts<T, N>& p, msl_places<I...>) : V(p.at[I]...) {}    \
  constexpr MSL_INLINE msl_parts<T, N> parts_() const {                                                        \
    if (__builtin_is_constant_evaluated()) return {{__VA_ARGS__}};                                             \
    return msl_whole<V>::load(this, typename msl_all_places<N>::type());                                       \
  }
#else
template <typename T, int N> using msl_arg = const vec<T, N>&;
template <typename T, int N> using msl_packed_arg = const packed_vec<T, N>&;

#define MSL_VEC_STRUCT struct
#define MSL_VEC_COPY(V, N, ...)
#endif

#define MSL_VEC_COMMON(V, N, ...)                                                                              \
  MSL_VEC_COPY(V, N, __VA_ARGS__)                                                                              \
  using element_type = T;                                                                                      \
  static constexpr int size = N;                                                                               \
  MSL_INLINE T& at(int i) { return data_[i]; }                                                                 \
  MSL_INLINE const T& at(int i) const { return data_[i]; }                                                     \
  MSL_INLINE T& operator[](int i) { return data_[i]; }                                                         \
  MSL_INLINE const T& operator[](int i) const { return data_[i]; }                                             \
  template <int... I> MSL_INLINE auto sw() const { return vec<T, (int)sizeof...(I)>(data_[I]...); }            \
  template <int... I> MSL_INLINE auto lv() { return msl_components<V, I...>{*this}; }

#define S(X) enable_if_t<is_scalar_v<X>, int> = 0

// Apple's compiler takes 8 and 16 components too, though the language does not name them: MLX keeps fragments in them.
template <typename T, int N> struct alignas(N * sizeof(T)) vec {
  static_assert(N == 8 || N == 16, "a vector has 2, 3, 4, 8 or 16 components");
  T data_[N];
  using element_type = T;
  static constexpr int size = N;
  vec() = default;
  template <typename A, S(A)> constexpr MSL_INLINE vec(A a) {
    for (int i = 0; i < N; ++i) data_[i] = (T)a;
  }
  template <typename... A, enable_if_t<sizeof...(A) == N && (is_scalar_v<A> && ...), int> = 0>
  constexpr MSL_INLINE vec(A... a) : data_{(T)a...} {}
  template <typename U> constexpr explicit MSL_INLINE vec(const vec<U, N>& v) {
    for (int i = 0; i < N; ++i) data_[i] = (T)v.data_[i];
  }
  MSL_INLINE T& at(int i) { return data_[i]; }
  MSL_INLINE const T& at(int i) const { return data_[i]; }
  MSL_INLINE T& operator[](int i) { return data_[i]; }
  MSL_INLINE const T& operator[](int i) const { return data_[i]; }
};

template <typename T> MSL_VEC_STRUCT alignas(2 * sizeof(T)) vec<T, 2> {
  union {
    struct { T x, y; };
    struct { T r, g; };
    T data_[2];
  };
  vec() = default;
  constexpr MSL_INLINE vec(T a) : x(a), y(a) {}
  template <typename A, S(A)> constexpr MSL_INLINE vec(A a) : x((T)a), y((T)a) {}
  template <typename A, typename B, S(A), S(B)> constexpr MSL_INLINE vec(A a, B b) : x((T)a), y((T)b) {}
  template <typename U> constexpr explicit MSL_INLINE vec(msl_arg<U, 2> v) : x((T)v.x), y((T)v.y) {}
  constexpr MSL_INLINE vec(msl_packed_arg<T, 2> v);
  MSL_VEC_COMMON(vec, 2, x, y)
};

template <typename T> MSL_VEC_STRUCT alignas(4 * sizeof(T)) vec<T, 3> {
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
  template <typename C, S(C)> constexpr MSL_INLINE vec(msl_arg<T, 2> a, C c) : x(a.x), y(a.y), z((T)c) {}
  template <typename A, S(A)> constexpr MSL_INLINE vec(A a, msl_arg<T, 2> b) : x((T)a), y(b.x), z(b.y) {}
  template <typename U> constexpr explicit MSL_INLINE vec(msl_arg<U, 3> v) : x((T)v.x), y((T)v.y), z((T)v.z) {}
  constexpr MSL_INLINE vec(msl_packed_arg<T, 3> v);
  MSL_VEC_COMMON(vec, 3, x, y, z)
};

template <typename T> MSL_VEC_STRUCT alignas(4 * sizeof(T)) vec<T, 4> {
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
  constexpr MSL_INLINE vec(msl_arg<T, 2> p, C s, D t) : x(p.x), y(p.y), z((T)s), w((T)t) {}
  template <typename A, typename D, S(A), S(D)>
  constexpr MSL_INLINE vec(A p, msl_arg<T, 2> q, D t) : x((T)p), y(q.x), z(q.y), w((T)t) {}
  template <typename A, typename B, S(A), S(B)>
  constexpr MSL_INLINE vec(A p, B q, msl_arg<T, 2> s) : x((T)p), y((T)q), z(s.x), w(s.y) {}
  constexpr MSL_INLINE vec(msl_arg<T, 2> p, msl_arg<T, 2> q) : x(p.x), y(p.y), z(q.x), w(q.y) {}
  template <typename D, S(D)> constexpr MSL_INLINE vec(msl_arg<T, 3> p, D t) : x(p.x), y(p.y), z(p.z), w((T)t) {}
  template <typename A, S(A)> constexpr MSL_INLINE vec(A p, msl_arg<T, 3> q) : x((T)p), y(q.x), z(q.y), w(q.z) {}
  template <typename U>
  constexpr explicit MSL_INLINE vec(msl_arg<U, 4> v) : x((T)v.x), y((T)v.y), z((T)v.z), w((T)v.w) {}
  constexpr MSL_INLINE vec(msl_packed_arg<T, 4> v);
  MSL_VEC_COMMON(vec, 4, x, y, z, w)
};

// Packed vectors have the alignment of their component.
template <typename T> MSL_VEC_STRUCT packed_vec<T, 3> {
  union {
    struct { T x, y, z; };
    struct { T r, g, b; };
    T data_[3];
  };
  packed_vec() = default;
  constexpr MSL_INLINE packed_vec(msl_arg<T, 3> v) : x(v.x), y(v.y), z(v.z) {}
  template <typename A, S(A)> constexpr MSL_INLINE packed_vec(A a) : x((T)a), y((T)a), z((T)a) {}
  template <typename A, typename B, typename C, S(A), S(B), S(C)>
  constexpr MSL_INLINE packed_vec(A a, B b, C c) : x((T)a), y((T)b), z((T)c) {}
  MSL_VEC_COMMON(packed_vec, 3, x, y, z)
};
template <typename T> MSL_VEC_STRUCT packed_vec<T, 2> {
  union {
    struct { T x, y; };
    struct { T r, g; };
    T data_[2];
  };
  packed_vec() = default;
  constexpr MSL_INLINE packed_vec(msl_arg<T, 2> v) : x(v.x), y(v.y) {}
  template <typename A, S(A)> constexpr MSL_INLINE packed_vec(A a) : x((T)a), y((T)a) {}
  template <typename A, typename B, S(A), S(B)> constexpr MSL_INLINE packed_vec(A a, B b) : x((T)a), y((T)b) {}
  MSL_VEC_COMMON(packed_vec, 2, x, y)
};
template <typename T> MSL_VEC_STRUCT packed_vec<T, 4> {
  union {
    struct { T x, y, z, w; };
    struct { T r, g, b, a; };
    T data_[4];
  };
  packed_vec() = default;
  constexpr MSL_INLINE packed_vec(msl_arg<T, 4> v) : x(v.x), y(v.y), z(v.z), w(v.w) {}
  template <typename A, S(A)> constexpr MSL_INLINE packed_vec(A s) : x((T)s), y((T)s), z((T)s), w((T)s) {}
  template <typename A, typename B, typename C, typename D, S(A), S(B), S(C), S(D)>
  constexpr MSL_INLINE packed_vec(A p, B q, C s, D t) : x((T)p), y((T)q), z((T)s), w((T)t) {}
  MSL_VEC_COMMON(packed_vec, 4, x, y, z, w)
};
template <typename T> constexpr MSL_INLINE vec<T, 2>::vec(msl_packed_arg<T, 2> v) : x(v.x), y(v.y) {}
template <typename T> constexpr MSL_INLINE vec<T, 3>::vec(msl_packed_arg<T, 3> v) : x(v.x), y(v.y), z(v.z) {}
template <typename T>
constexpr MSL_INLINE vec<T, 4>::vec(msl_packed_arg<T, 4> v) : x(v.x), y(v.y), z(v.z), w(v.w) {}

#undef S
#undef MSL_VEC_COMMON
#undef MSL_VEC_COPY
#undef MSL_VEC_STRUCT

// f of every component, with those of further vectors beside it.
template <typename F, typename A, int N, typename... V, enable_if_t<(N > 4), int> = 0>
MSL_INLINE auto msl_each(F f, const vec<A, N>& a, const V&... v) {
  vec<decltype(f(a.at(0), v.at(0)...)), N> made;
  for (int i = 0; i < N; ++i) made.at(i) = f(a.at(i), v.at(i)...);
  return made;
}
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

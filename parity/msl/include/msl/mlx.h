// The names that MLX puts before every kernel: limits, the way from an element to its place, shuffles of 64-bit types.
#pragma once

#include "atomic.h"
#include "complex.h"
#include "matrices.h"
#include "matrix.h"
#include "pack.h"

using namespace metal;

#define METAL_FUNC inline __attribute__((always_inline))
#define MTL_CONST
#define MLX_MTL_CONST static constexpr const
#define MLX_MTL_PRAGMA_UNROLL
#define MLX_MTL_LOOP_UNROLL

constexpr int MAX_REDUCE_SPECIALIZED_DIMS = 4, REDUCE_N_READS = 4, REDUCE_N_WRITES = 4, SOFTMAX_N_READS = 4;
constexpr int RMS_N_READS = 4, RMS_LOOPED_LIMIT = 4096, CROSS_ENTROPY_N_READS = 4;

template <typename U> struct WorkPerThread { static constexpr int n = 8 / sizeof(U); };

// `max` and `min` are infinite where the type has infinities; the finite ones are not.
template <typename U> struct Limits {
  using L = metal::numeric_limits<U>;
  static constexpr bool infinite = metal::is_floating_point_v<U>;
  static constexpr U max = infinite ? L::infinity() : L::max();
  static constexpr U min = infinite ? -L::infinity() : L::lowest();
  static constexpr U finite_max = L::max();
  static constexpr U finite_min = L::lowest();
};
template <> struct Limits<bool> {
  static constexpr bool max = true, min = false;
};
template <typename T> struct Limits<complex_t<T>> {
  static constexpr complex_t<T> max = {Limits<T>::max, Limits<T>::max};
  static constexpr complex_t<T> min = {Limits<T>::min, Limits<T>::min};
};

template <bool B, typename T, typename U> struct ConditionalType { using type = metal::conditional_t<B, T, U>; };

template <typename T, typename U> inline T ceildiv(T n, U m) { return (n + m - 1) / m; }

template <typename IdxT = int64_t>
inline IdxT elem_to_loc(IdxT elem, const int* shape, const int64_t* strides, int ndim) {
  IdxT place = 0;
  for (int axis = ndim - 1; axis >= 0; --axis) {
    place += (elem % shape[axis]) * (IdxT)strides[axis];
    elem /= shape[axis];
  }
  return place;
}
// `elem` is (last axis, axis before, the other axes as one number).
template <typename IdxT = int64_t>
inline IdxT elem_to_loc(uint3 elem, const int* shape, const int64_t* strides, int ndim) {
  IdxT place = elem.x * (IdxT)strides[ndim - 1] + elem.y * (IdxT)strides[ndim - 2];
  uint rest = elem.z;
  for (int axis = ndim - 3; axis >= 0; --axis) {
    place += (rest % shape[axis]) * (IdxT)strides[axis];
    rest /= shape[axis];
  }
  return place;
}
template <typename IdxT = int64_t> inline IdxT elem_to_loc_1(uint elem, const int64_t& stride) { return elem * (IdxT)stride; }
template <typename IdxT = int64_t> inline IdxT elem_to_loc_2(uint2 elem, const int64_t* strides) {
  return elem.x * (IdxT)strides[1] + elem.y * (IdxT)strides[0];
}
template <typename IdxT = int64_t> inline IdxT elem_to_loc_3(uint3 elem, const int64_t* strides) {
  return elem.x * (IdxT)strides[2] + elem.y * (IdxT)strides[1] + elem.z * (IdxT)strides[0];
}
template <typename IdxT = int64_t>
inline vec<IdxT, 2> elem_to_loc_2_nd(uint3 elem, const int* shape, const int64_t* a, const int64_t* b, int ndim) {
  return vec<IdxT, 2>(elem_to_loc<IdxT>(elem, shape, a, ndim), elem_to_loc<IdxT>(elem, shape, b, ndim));
}
template <typename IdxT = int64_t>
inline vec<IdxT, 3> elem_to_loc_3_nd(uint3 elem, const int* shape, const int64_t* a, const int64_t* b, const int64_t* c,
                                     int ndim) {
  return vec<IdxT, 3>(elem_to_loc<IdxT>(elem, shape, a, ndim), elem_to_loc<IdxT>(elem, shape, b, ndim),
                      elem_to_loc<IdxT>(elem, shape, c, ndim));
}

// The place of the current element, moved on one or more elements at a time.
template <int DIM, typename OffsetT = size_t, bool General = true> struct LoopedElemToLoc {
  int dim;
  OffsetT index = 0, offset = 0;
  LoopedElemToLoc(int ndim) : dim(ndim) {}
  void next(const int* shape, const int64_t* strides) { next(1, shape, strides); }
  void next(int n, const int* shape, const int64_t* strides) {
    index += n;
    offset = (OffsetT)elem_to_loc<int64_t>((int64_t)index, shape, strides, dim);
  }
  OffsetT location() const { return offset; }
};

inline float log1p(float x) {
  const float u = 1.0f + x;
  return u == INFINITY ? u : u == 1.0f ? x : x * (metal::log(u) / (u - 1.0f));
}
inline bfloat16_t log1p(bfloat16_t x) { return bfloat16_t(log1p((float)x)); }
inline complex64_t log1p(complex64_t z) {
  const float u = z.real + 1.0f;
  const float size = z.real * (2.0f + z.real) + z.imag * z.imag;  // |1 + z|² - 1
  return {0.5f * log1p(size), metal::atan2(z.imag, u)};
}
inline float hypot(float x, float y) {
  if (metal::isinf(x) || metal::isinf(y)) return INFINITY;
  const float big = metal::fmax(metal::fabs(x), metal::fabs(y)), small = metal::fmin(metal::fabs(x), metal::fabs(y));
  if (big == 0.0f) return 0.0f;
  const float r = small / big;
  return big * metal::precise::sqrt(1.0f + r * r);
}

inline uint16_t bfloat16_to_uint16(const bfloat16_t x) { return as_type<uint16_t>(x); }
inline bfloat16_t uint16_to_bfloat16(const uint16_t x) { return as_type<bfloat16_t>(x); }
template <typename U, typename T> inline U cast_to(T value) { return static_cast<U>(value); }

// Logging is silent.
namespace mlx {
struct os_log {
  constexpr os_log(const char*, const char*) {}
  template <typename... A> void log(const char*, A...) const {}
  template <typename... A> void log_debug(const char*, A...) const {}
  template <typename... A> void log_info(const char*, A...) const {}
  template <typename... A> void log_error(const char*, A...) const {}
};
}  // namespace mlx
namespace metal { using mlx::os_log; }
constexpr mlx::os_log os_log_default("", "");

#define instantiate_kernel(...)

// simdgroup_matrix: 8×8, two neighbouring elements of a row in each lane, in the lanes where Apple's GPUs have them.
#pragma once

#include "simd.h"

namespace metal {

template <typename T, int R, int C> struct simdgroup_matrix {
  static_assert(R == 8 && C == 8, "Metal's simdgroup_matrix is 8 by 8");
  using storage_type = vec<T, 2>;
  vec<T, 2> elements_;
  simdgroup_matrix() = default;
  explicit MSL_INLINE simdgroup_matrix(T diagonal);
  MSL_INLINE vec<T, 2>& thread_elements() { return elements_; }
  MSL_INLINE const vec<T, 2>& thread_elements() const { return elements_; }
};
typedef simdgroup_matrix<float, 8, 8> simdgroup_float8x8;
typedef simdgroup_matrix<half, 8, 8> simdgroup_half8x8;
typedef simdgroup_matrix<bfloat, 8, 8> simdgroup_bfloat8x8;

// The row, and the first of the two columns, that a lane holds.
MSL_INLINE uint msl_matrix_row(uint lane) { return (lane / 16) * 4 + (lane % 8) / 2; }
MSL_INLINE uint msl_matrix_column(uint lane) { return (lane / 8 % 2) * 4 + (lane % 2) * 2; }
MSL_INLINE uint msl_matrix_lane(uint row, uint column) {
  return row / 4 * 16 + column / 4 * 8 + row % 4 * 2 + column % 4 / 2;
}

template <typename T, int R, int C> MSL_INLINE simdgroup_matrix<T, R, C>::simdgroup_matrix(T d) {
  const uint lane = msl_lane(), r = msl_matrix_row(lane), c = msl_matrix_column(lane);
  elements_ = vec<T, 2>(r == c ? d : (T)0, r == c + 1 ? d : (T)0);
}
template <typename T, int R = 8, int C = 8>
MSL_INLINE simdgroup_matrix<T, R, C> make_filled_simdgroup_matrix(T value) {
  simdgroup_matrix<T, R, C> m;
  m.elements_ = vec<T, 2>(value);
  return m;
}

// The two neighbours of a lane, in one access where they are aligned as a pair.
template <typename P> MSL_INLINE bool msl_is_pair(const P* p) { return (unsigned long)p % sizeof(vec<P, 2>) == 0; }

template <typename T, int R, int C, typename P>
MSL_INLINE void simdgroup_load(simdgroup_matrix<T, R, C>& m, const P* source, ulong elements_per_row = C,
                               vec<ulong, 2> origin = vec<ulong, 2>(0ul), bool transpose = false) {
  const uint lane = msl_lane(), r = msl_matrix_row(lane), c = msl_matrix_column(lane);
  const P* p = source + origin.y * elements_per_row + origin.x;
  if (transpose) {
    m.elements_.x = (T)p[c * elements_per_row + r];
    m.elements_.y = (T)p[(c + 1) * elements_per_row + r];
  } else if (const P* own = p + r * elements_per_row + c; msl_is_pair(own)) {
    m.elements_ = (vec<T, 2>)*(const vec<P, 2>*)own;
  } else {
    m.elements_.x = (T)p[r * elements_per_row + c];
    m.elements_.y = (T)p[r * elements_per_row + c + 1];
  }
}
template <typename T, int R, int C, typename P>
MSL_INLINE void simdgroup_store(const simdgroup_matrix<T, R, C>& m, P* target, ulong elements_per_row = C,
                                vec<ulong, 2> origin = vec<ulong, 2>(0ul), bool transpose = false) {
  const uint lane = msl_lane(), r = msl_matrix_row(lane), c = msl_matrix_column(lane);
  P* p = target + origin.y * elements_per_row + origin.x;
  if (transpose) {
    p[c * elements_per_row + r] = (P)m.elements_.x;
    p[(c + 1) * elements_per_row + r] = (P)m.elements_.y;
  } else if (P* own = p + r * elements_per_row + c; msl_is_pair(own)) {
    *(vec<P, 2>*)own = (vec<P, 2>)m.elements_;
  } else {
    p[r * elements_per_row + c] = (P)m.elements_.x;
    p[r * elements_per_row + c + 1] = (P)m.elements_.y;
  }
}

template <typename A, typename B> struct msl_operands { vec<A, 2> a; vec<B, 2> b; };

// d = a·b + c, accumulated in the type of d (in float for the 16-bit types) in the order of the inner index.
template <typename D, typename A, typename B, typename E>
MSL_UNCHECKED void simdgroup_multiply_accumulate(simdgroup_matrix<D, 8, 8>& d, const simdgroup_matrix<A, 8, 8>& a,
                                                 const simdgroup_matrix<B, 8, 8>& b, const simdgroup_matrix<E, 8, 8>& c,
                                                 MSL_SITE) {
  using Both = msl_operands<A, B>;
  const Both mine{a.elements_, b.elements_};
  const unsigned long pc = MSL_PC;
  const MslExchange* e = msl_exchange(MSL_SIMD_MATRIX, &mine, sizeof mine, site, pc);
  const uint lane = msl_lane(), row = msl_matrix_row(lane), column = msl_matrix_column(lane);
  if (e->active != ~0u) msl_inactive(MSL_SIMD_MATRIX, (uint)__builtin_ctz(~e->active), site, pc);
  float x = (float)c.elements_.x, y = (float)c.elements_.y;
  for (uint k = 0; k < 8; ++k) {
    const float p = (float)msl_slot<Both>(e, msl_matrix_lane(row, k)).a.at(k % 2);
    const vec<B, 2>& q = msl_slot<Both>(e, msl_matrix_lane(k, column)).b;
    x += p * (float)q.x;
    y += p * (float)q.y;
  }
  d.elements_ = vec<D, 2>((D)x, (D)y);
}
template <typename D, typename A, typename B>
MSL_INLINE void simdgroup_multiply(simdgroup_matrix<D, 8, 8>& d, const simdgroup_matrix<A, 8, 8>& a,
                                   const simdgroup_matrix<B, 8, 8>& b, MSL_SITE) {
  simdgroup_multiply_accumulate(d, a, b, make_filled_simdgroup_matrix<D>((D)0), site);
}
template <typename T>
MSL_INLINE simdgroup_matrix<T, 8, 8> operator*(const simdgroup_matrix<T, 8, 8>& a, const simdgroup_matrix<T, 8, 8>& b) {
  simdgroup_matrix<T, 8, 8> d;
  simdgroup_multiply(d, a, b);
  return d;
}

}  // namespace metal

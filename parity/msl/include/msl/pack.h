// Packing of vectors into integers, component x in the lowest bits: `pack_float_to_unorm4x8` and its kin.
#pragma once

#include "common.h"

namespace metal {

// A number from 0 to 1 (or -1 to 1) as an integer of some bits, rounded to the nearest even; NaN is 0.
MSL_INLINE uint msl_norm(float x, int bits, bool with_sign) {
  const float top = (float)((1u << (bits - with_sign)) - 1);
  const float kept = x != x ? 0.0f : clamp(x, with_sign ? -1.0f : 0.0f, 1.0f);
  return (uint)(int)rint(kept * top) & ((1u << bits) - 1);
}
MSL_INLINE float msl_of_norm(uint u, int bits, bool with_sign) {
  const float top = (float)((1u << (bits - with_sign)) - 1);
  if (!with_sign) return (float)u / top;
  return max((float)((int)(u << (32 - bits)) >> (32 - bits)) / top, -1.0f);  // two integers stand for -1
}
MSL_INLINE float msl_to_srgb(float x) {
  return x <= 0.0031308f ? x * 12.92f : 1.055f * pow(x, 1.0f / 2.4f) - 0.055f;
}
MSL_INLINE float msl_of_srgb(float x) { return x <= 0.04045f ? x / 12.92f : pow((x + 0.055f) / 1.055f, 2.4f); }

#define MSL_PACK_4X8(T, name, with_sign)                                                                       \
  MSL_INLINE uint pack_##T##_to_##name##4x8(vec<T, 4> v) {                                                     \
    uint u = 0;                                                                                                \
    for (int i = 0; i < 4; ++i) u |= msl_norm((float)v.at(i), 8, with_sign) << (8 * i);                        \
    return u;                                                                                                  \
  }                                                                                                            \
  MSL_INLINE vec<T, 4> unpack_##name##4x8_to_##T(uint u) {                                                     \
    vec<T, 4> v;                                                                                               \
    for (int i = 0; i < 4; ++i) v.at(i) = (T)msl_of_norm(u >> (8 * i) & 0xff, 8, with_sign);                   \
    return v;                                                                                                  \
  }                                                                                                            \
  MSL_INLINE uint pack_##T##_to_##name##2x16(vec<T, 2> v) {                                                    \
    return msl_norm((float)v.x, 16, with_sign) | msl_norm((float)v.y, 16, with_sign) << 16;                    \
  }                                                                                                            \
  MSL_INLINE vec<T, 2> unpack_##name##2x16_to_##T(uint u) {                                                    \
    return vec<T, 2>((T)msl_of_norm(u & 0xffff, 16, with_sign), (T)msl_of_norm(u >> 16, 16, with_sign));       \
  }
#define MSL_PACK(T)                                                                                            \
  MSL_PACK_4X8(T, unorm, false) MSL_PACK_4X8(T, snorm, true)                                                   \
  MSL_INLINE uint pack_##T##_to_srgb_unorm4x8(vec<T, 4> v) { /* the fourth component is linear */              \
    uint u = msl_norm((float)v.w, 8, false) << 24;                                                             \
    for (int i = 0; i < 3; ++i) u |= msl_norm(msl_to_srgb(saturate((float)v.at(i))), 8, false) << (8 * i);     \
    return u;                                                                                                  \
  }                                                                                                            \
  MSL_INLINE vec<T, 4> unpack_unorm4x8_srgb_to_##T(uint u) {                                                   \
    vec<T, 4> v = unpack_unorm4x8_to_##T(u);                                                                   \
    for (int i = 0; i < 3; ++i) v.at(i) = (T)msl_of_srgb(msl_of_norm(u >> (8 * i) & 0xff, 8, false));          \
    return v;                                                                                                  \
  }                                                                                                            \
  MSL_INLINE uint pack_##T##_to_unorm10a2(vec<T, 4> v) {                                                       \
    return msl_norm((float)v.x, 10, false) | msl_norm((float)v.y, 10, false) << 10 |                           \
           msl_norm((float)v.z, 10, false) << 20 | msl_norm((float)v.w, 2, false) << 30;                       \
  }                                                                                                            \
  MSL_INLINE vec<T, 4> unpack_unorm10a2_to_##T(uint u) {                                                       \
    return vec<T, 4>((T)msl_of_norm(u & 1023, 10, false), (T)msl_of_norm(u >> 10 & 1023, 10, false),           \
                     (T)msl_of_norm(u >> 20 & 1023, 10, false), (T)msl_of_norm(u >> 30, 2, false));            \
  }
MSL_PACK(float) MSL_PACK(half)
#undef MSL_PACK
#undef MSL_PACK_4X8

}  // namespace metal

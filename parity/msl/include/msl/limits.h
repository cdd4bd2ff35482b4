// numeric_limits, and the constants that stand at global scope in Metal.
#pragma once

#include "vec_operators.h"

namespace metal {

template <typename T> struct numeric_limits {
  static constexpr bool is_specialized = is_integral_v<T>, is_integer = true, is_signed = metal::is_signed_v<T>;
  static constexpr bool has_infinity = false, has_quiet_NaN = false, is_exact = true, is_iec559 = false;
  static constexpr int digits = (int)sizeof(T) * 8 - is_signed, digits10 = digits * 3 / 10, radix = 2;
  static constexpr T lowest() { return min(); }
  static constexpr T min() { return is_signed ? (T)((make_unsigned_t<T>)1 << (sizeof(T) * 8 - 1)) : (T)0; }
  static constexpr T max() { return is_signed ? (T)((((make_unsigned_t<T>)1 << (sizeof(T) * 8 - 1)) - 1)) : (T)~(T)0; }
  static constexpr T epsilon() { return 0; }
  static constexpr T infinity() { return 0; }
  static constexpr T quiet_NaN() { return 0; }
};
template <> struct numeric_limits<bool> {
  static constexpr bool min() { return false; }
  static constexpr bool lowest() { return false; }
  static constexpr bool max() { return true; }
};

#define MSL_FLOAT_LIMITS(T, U, DIGITS, DIGITS10, LOWEST_BITS, MIN, MAX, EPSILON, DENORM, INF, QUIET)            \
  template <> struct numeric_limits<T> {                                                                       \
    static constexpr bool is_specialized = true, is_integer = false, is_signed = true, has_infinity = true;    \
    static constexpr bool has_quiet_NaN = true, is_exact = false, is_iec559 = true;                            \
    static constexpr int digits = DIGITS, digits10 = DIGITS10, radix = 2;                                      \
    static constexpr T bits(U b) { return __builtin_bit_cast(T, b); }                                          \
    static constexpr T lowest() { return bits(LOWEST_BITS); }                                                  \
    static constexpr T min() { return bits(MIN); }                                                             \
    static constexpr T max() { return bits(MAX); }                                                             \
    static constexpr T epsilon() { return bits(EPSILON); }                                                     \
    static constexpr T denorm_min() { return bits(DENORM); }                                                   \
    static constexpr T infinity() { return bits(INF); }                                                        \
    static constexpr T quiet_NaN() { return bits(QUIET); }                                                     \
    static constexpr T signaling_NaN() { return bits(QUIET); }                                                 \
  };
MSL_FLOAT_LIMITS(float, uint, 24, 6, 0xff7fffffu, 0x00800000u, 0x7f7fffffu, 0x34000000u, 1u, 0x7f800000u, 0x7fc00000u)
MSL_FLOAT_LIMITS(half, ushort, 11, 3, 0xfbff, 0x0400, 0x7bff, 0x1400, 1, 0x7c00, 0x7e00)
MSL_FLOAT_LIMITS(bfloat, ushort, 8, 2, 0xff7f, 0x0080, 0x7f7f, 0x3c00, 1, 0x7f80, 0x7fc0)
#undef MSL_FLOAT_LIMITS
template <typename T> struct numeric_limits<const T> : numeric_limits<T> {};

}  // namespace metal

#define INFINITY (__builtin_inff())
#define NAN (__builtin_nanf(""))
#define HUGE_VALF (__builtin_inff())
#define HUGE_VALH ((half)__builtin_inff())
#define MAXFLOAT 3.40282347e+38f
#define FLT_MAX 3.40282347e+38f
#define FLT_MIN 1.17549435e-38f
#define FLT_EPSILON 1.19209290e-07f
#define FLT_DIG 6
#define FLT_MANT_DIG 24
#define HALF_MAX ((half)65504.0f)
#define MAXHALF ((half)65504.0f)
#define HALF_MIN ((half)6.103515625e-05f)
#define HALF_EPSILON ((half)0.0009765625f)
#define CHAR_BIT 8
#define CHAR_MAX 127
#define CHAR_MIN (-128)
#define SCHAR_MAX 127
#define SCHAR_MIN (-128)
#define UCHAR_MAX 255
#define SHRT_MAX 32767
#define SHRT_MIN (-32768)
#define USHRT_MAX 65535
#define INT_MAX 2147483647
#define INT_MIN (-2147483647 - 1)
#define UINT_MAX 4294967295u
#define LONG_MAX 9223372036854775807l
#define LONG_MIN (-9223372036854775807l - 1)
#define ULONG_MAX 18446744073709551615ul
#define M_E_F 2.71828182845904523536f
#define M_LOG2E_F 1.44269504088896340736f
#define M_LOG10E_F 0.434294481903251827651f
#define M_LN2_F 0.693147180559945309417f
#define M_LN10_F 2.30258509299404568402f
#define M_PI_F 3.14159265358979323846f
#define M_PI_2_F 1.57079632679489661923f
#define M_PI_4_F 0.785398163397448309616f
#define M_1_PI_F 0.318309886183790671538f
#define M_2_PI_F 0.636619772367581343076f
#define M_2_SQRTPI_F 1.12837916709551257390f
#define M_SQRT2_F 1.41421356237309504880f
#define M_SQRT1_2_F 0.707106781186547524401f
#define M_PI_H ((half)M_PI_F)
#define M_E_H ((half)M_E_F)
#define M_SQRT2_H ((half)M_SQRT2_F)

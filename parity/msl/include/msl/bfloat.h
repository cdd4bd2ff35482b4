// bfloat: the upper half of a float32. As in Metal it widens to float by itself, and narrows only when told to;
// integers convert by themselves. An operation on two bfloats is rounded to bfloat.
#pragma once

namespace metal {

struct bfloat {
  uint16_t bits;

  bfloat() = default;
  template <typename I, typename = enable_if_t<is_integral_v<I>>>
  constexpr bfloat(I x) : bits(round((float)x)) {}
  constexpr explicit bfloat(float x) : bits(round(x)) {}
  constexpr explicit bfloat(double x) : bits(round((float)x)) {}
  constexpr explicit bfloat(half x) : bits(round((float)x)) {}

  constexpr float wide() const { return __builtin_bit_cast(float, (uint32_t)bits << 16); }
  // To float by itself, to others when told to: with more, `c ? x : 0` would have two meanings.
  template <typename F, enable_if_t<is_same_v<F, float>, int> = 0>
  constexpr operator F() const { return wide(); }
  template <typename F, enable_if_t<is_integral_v<F> || is_same_v<F, half> || is_same_v<F, double>, int> = 0>
  constexpr explicit operator F() const { return (F)wide(); }

  static constexpr uint16_t round(float x) {
    uint32_t u = __builtin_bit_cast(uint32_t, x);
    if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
  }

  template <typename T> bfloat& operator+=(T b) { return *this = bfloat((float)*this + (float)b); }
  template <typename T> bfloat& operator-=(T b) { return *this = bfloat((float)*this - (float)b); }
  template <typename T> bfloat& operator*=(T b) { return *this = bfloat((float)*this * (float)b); }
  template <typename T> bfloat& operator/=(T b) { return *this = bfloat((float)*this / (float)b); }
  bfloat& operator++() { return *this += 1.0f; }
  bfloat& operator--() { return *this -= 1.0f; }
  bfloat operator++(int) { bfloat old = *this; *this += 1.0f; return old; }
  bfloat operator--(int) { bfloat old = *this; *this -= 1.0f; return old; }
};

#define MSL_BFLOAT_OPERATOR(op)                                                                              \
  constexpr MSL_INLINE bfloat operator op(bfloat a, bfloat b) { return bfloat((float)a op (float)b); }       \
  constexpr MSL_INLINE float operator op(bfloat a, float b) { return (float)a op b; }                        \
  constexpr MSL_INLINE float operator op(float a, bfloat b) { return a op (float)b; }                        \
  constexpr MSL_INLINE float operator op(bfloat a, half b) { return (float)a op (float)b; }                  \
  constexpr MSL_INLINE float operator op(half a, bfloat b) { return (float)a op (float)b; }                  \
  template <typename A, typename = enable_if_t<is_integral_v<A> || is_same_v<A, float> || is_same_v<A, half>>> \
  MSL_INLINE A& operator op##=(A& a, bfloat b) { return a = (A)(a op (float)b); }                            \
  template <typename I, typename = enable_if_t<is_integral_v<I>>>                                            \
  constexpr MSL_INLINE bfloat operator op(bfloat a, I b) { return bfloat((float)a op (float)bfloat(b)); }    \
  template <typename I, typename = enable_if_t<is_integral_v<I>>>                                            \
  constexpr MSL_INLINE bfloat operator op(I a, bfloat b) { return bfloat((float)bfloat(a) op (float)b); }
MSL_BFLOAT_OPERATOR(+) MSL_BFLOAT_OPERATOR(-) MSL_BFLOAT_OPERATOR(*) MSL_BFLOAT_OPERATOR(/)
#undef MSL_BFLOAT_OPERATOR
constexpr MSL_INLINE bfloat operator-(bfloat a) { return __builtin_bit_cast(bfloat, (uint16_t)(a.bits ^ 0x8000)); }
constexpr MSL_INLINE bfloat operator+(bfloat a) { return a; }

#define MSL_BFLOAT_COMPARE(op)                                                                               \
  constexpr MSL_INLINE bool operator op(bfloat a, bfloat b) { return (float)a op (float)b; }                 \
  template <typename S, typename = enable_if_t<is_integral_v<S> || is_same_v<S, float> || is_same_v<S, half>>> \
  constexpr MSL_INLINE bool operator op(bfloat a, S b) { return (float)a op (float)b; }                      \
  template <typename S, typename = enable_if_t<is_integral_v<S> || is_same_v<S, float> || is_same_v<S, half>>> \
  constexpr MSL_INLINE bool operator op(S a, bfloat b) { return (float)a op (float)b; }
MSL_BFLOAT_COMPARE(==) MSL_BFLOAT_COMPARE(!=) MSL_BFLOAT_COMPARE(<) MSL_BFLOAT_COMPARE(<=) MSL_BFLOAT_COMPARE(>)
MSL_BFLOAT_COMPARE(>=)
#undef MSL_BFLOAT_COMPARE

}  // namespace metal

using metal::bfloat;
typedef bfloat bfloat16_t;
constexpr bfloat operator""bf(long double x) { return bfloat((float)x); }
constexpr bfloat operator""bf(unsigned long long x) { return bfloat((float)x); }

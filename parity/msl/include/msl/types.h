// Scalar types and the few traits that the Metal standard library offers. No header of the host is included, so
// that no name of C's library stands where Metal has another meaning for it.
#pragma once

#define MSL_INLINE inline __attribute__((always_inline))
#define MSL_UNCHECKED __attribute__((noinline, no_sanitize("thread"), no_sanitize("alignment"), no_sanitize("bounds")))

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef __INT8_TYPE__ int8_t;
typedef __INT16_TYPE__ int16_t;
typedef __INT32_TYPE__ int32_t;
typedef __INT64_TYPE__ int64_t;
typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __SIZE_TYPE__ size_t;
typedef __PTRDIFF_TYPE__ ptrdiff_t;
typedef __UINTPTR_TYPE__ uintptr_t;
typedef __INTPTR_TYPE__ intptr_t;
typedef _Float16 half;
typedef half float16_t;

namespace metal {

using ::half;

template <typename T, T V> struct integral_constant {
  static constexpr T value = V;
  using value_type = T;
  using type = integral_constant;
  constexpr operator T() const { return V; }
  constexpr T operator()() const { return V; }
};
template <bool B> using bool_constant = integral_constant<bool, B>;
using true_type = bool_constant<true>;
using false_type = bool_constant<false>;

template <bool B, typename T = void> struct enable_if {};
template <typename T> struct enable_if<true, T> { using type = T; };
template <bool B, typename T = void> using enable_if_t = typename enable_if<B, T>::type;
template <bool B, typename T, typename U> struct conditional { using type = T; };
template <typename T, typename U> struct conditional<false, T, U> { using type = U; };
template <bool B, typename T, typename U> using conditional_t = typename conditional<B, T, U>::type;

template <typename T, typename U> struct is_same : false_type {};
template <typename T> struct is_same<T, T> : true_type {};
template <typename T, typename U> constexpr bool is_same_v = is_same<T, U>::value;

template <typename T> struct remove_const { using type = T; };
template <typename T> struct remove_const<const T> { using type = T; };
template <typename T> struct remove_volatile { using type = T; };
template <typename T> struct remove_volatile<volatile T> { using type = T; };
template <typename T> struct remove_cv { using type = typename remove_const<typename remove_volatile<T>::type>::type; };
template <typename T> using remove_cv_t = typename remove_cv<T>::type;
template <typename T> struct remove_reference { using type = T; };
template <typename T> struct remove_reference<T&> { using type = T; };
template <typename T> struct remove_reference<T&&> { using type = T; };
template <typename T> using remove_reference_t = typename remove_reference<T>::type;
template <typename T> struct remove_pointer { using type = T; };
template <typename T> struct remove_pointer<T*> { using type = T; };
template <typename T> using remove_pointer_t = typename remove_pointer<T>::type;
template <typename T> using remove_addrspace_t = remove_cv_t<T>;
template <typename... B> struct _disjunction : bool_constant<(B::value || ...)> {};
template <typename... B> struct _conjunction : bool_constant<(B::value && ...)> {};
template <typename T> using decay_t = remove_cv_t<remove_reference_t<T>>;
template <typename T> struct is_pointer : false_type {};
template <typename T> struct is_pointer<T*> : true_type {};
template <typename T> constexpr bool is_pointer_v = is_pointer<T>::value;
template <typename T> struct is_array : false_type {};
template <typename T, size_t N> struct is_array<T[N]> : true_type {};
template <typename... T> using msl_void = void;
template <typename T> T&& declval() noexcept;
template <typename T> constexpr remove_reference_t<T>&& move(T&& t) { return static_cast<remove_reference_t<T>&&>(t); }
template <typename T> constexpr T&& forward(remove_reference_t<T>& t) { return static_cast<T&&>(t); }
template <typename F, typename T, typename = void> struct is_convertible : false_type {};
template <typename T> void msl_takes(T);
template <typename F, typename T>
struct is_convertible<F, T, msl_void<decltype(msl_takes<T>(declval<F>()))>> : true_type {};
template <typename F, typename T> constexpr bool is_convertible_v = is_convertible<F, T>::value;
template <typename T> struct is_class : bool_constant<__is_class(T)> {};
template <typename T> struct is_enum : bool_constant<__is_enum(T)> {};
template <typename T> struct is_union : bool_constant<__is_union(T)> {};
template <typename T> struct is_trivially_copyable : bool_constant<__is_trivially_copyable(T)> {};
template <typename B, typename D> struct is_base_of : bool_constant<__is_base_of(B, D)> {};

template <typename T> struct is_integral : false_type {};
#define MSL_INTEGRAL(T) template <> struct is_integral<T> : true_type {};
MSL_INTEGRAL(bool) MSL_INTEGRAL(char) MSL_INTEGRAL(signed char) MSL_INTEGRAL(unsigned char) MSL_INTEGRAL(short)
MSL_INTEGRAL(unsigned short) MSL_INTEGRAL(int) MSL_INTEGRAL(unsigned int) MSL_INTEGRAL(long) MSL_INTEGRAL(unsigned long)
MSL_INTEGRAL(long long) MSL_INTEGRAL(unsigned long long)
#undef MSL_INTEGRAL
template <typename T> constexpr bool is_integral_v = is_integral<T>::value;
template <typename T> struct is_integral<const T> : is_integral<T> {};

}  // namespace metal

#include "bfloat.h"

namespace metal {

template <typename T> struct is_floating_point : false_type {};
template <> struct is_floating_point<float> : true_type {};
template <> struct is_floating_point<double> : true_type {};
template <> struct is_floating_point<half> : true_type {};
template <> struct is_floating_point<bfloat> : true_type {};
template <typename T> struct is_floating_point<const T> : is_floating_point<T> {};
template <typename T> constexpr bool is_floating_point_v = is_floating_point<T>::value;
template <typename T> struct is_arithmetic : bool_constant<is_integral_v<T> || is_floating_point_v<T>> {};
template <typename T> constexpr bool is_arithmetic_v = is_arithmetic<T>::value;
template <typename T> struct is_scalar : is_arithmetic<T> {};
template <typename T, bool = is_arithmetic_v<T>> struct is_signed : bool_constant<(T(-1) < T(0))> {};
template <typename T> struct is_signed<T, false> : false_type {};
template <> struct is_signed<bfloat, true> : true_type {};
template <> struct is_signed<half, true> : true_type {};
template <typename T> constexpr bool is_signed_v = is_signed<T>::value;
template <typename T> struct is_unsigned : bool_constant<is_integral_v<T> && !is_signed_v<T>> {};
template <typename T> constexpr bool is_unsigned_v = is_unsigned<T>::value;

template <typename T> struct make_unsigned { using type = T; };
template <typename T> struct make_signed { using type = T; };
#define MSL_SIGNS(S, U)                                     \
  template <> struct make_unsigned<S> { using type = U; };  \
  template <> struct make_signed<U> { using type = S; };
MSL_SIGNS(char, unsigned char) MSL_SIGNS(short, unsigned short) MSL_SIGNS(int, unsigned int)
MSL_SIGNS(long, unsigned long) MSL_SIGNS(long long, unsigned long long)
template <> struct make_unsigned<signed char> { using type = unsigned char; };
#undef MSL_SIGNS
template <typename T> using make_unsigned_t = typename make_unsigned<T>::type;
template <typename T> using make_signed_t = typename make_signed<T>::type;

template <typename T, size_t N> struct array {
  T elements_[N ? N : 1];
  constexpr MSL_INLINE T& operator[](size_t i) { return elements_[i]; }
  constexpr MSL_INLINE const T& operator[](size_t i) const { return elements_[i]; }
  constexpr size_t size() const { return N; }
  T* data() { return elements_; }
  const T* data() const { return elements_; }
  T* begin() { return elements_; }
  T* end() { return elements_ + N; }
};

// A value that all threads share.
template <typename T> using uniform = T;
template <typename T> constexpr T make_uniform(T value) { return value; }

// The wider of two scalar types, as arithmetic on them gives.
template <typename A, typename B> using msl_common = decltype(declval<A>() + declval<B>());

}  // namespace metal

constexpr half operator""h(long double x) { return (half)x; }
constexpr half operator""h(unsigned long long x) { return (half)x; }
constexpr half operator""H(long double x) { return (half)x; }

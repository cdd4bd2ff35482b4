// What rewrite.py makes of `threadgroup T a[N], b;`: references into memory that the runtime hands out.
#pragma once

#include "types.h"

extern "C" void* msl_threadgroup(unsigned site, unsigned long size, unsigned long align, unsigned long granule, const char* name);

template <typename T> struct msl_element { static constexpr unsigned long size = alignof(T); };
template <typename T, size_t N> struct msl_element<T[N]> : msl_element<T> {};

template <typename T> MSL_INLINE T& msl_declare(unsigned site, const char* name) {
  return *(T*)msl_threadgroup(site, sizeof(T), alignof(T), msl_element<T>::size, name);
}

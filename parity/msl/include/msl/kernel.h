// The whole library, with MLX's names before it, as a kernel sees it.
#pragma once

#define __METAL__ 1
#define __METAL_VERSION__ 400
#define MLX_METAL_JIT 1
#define __HAVE_BFLOAT__ 1

#include "mlx.h"
#ifdef MSL_TENSORS
#define __HAVE_TENSOR__ 1
#include "tensor_ops.h"
#endif
#include "threadgroup.h"
#include "unset.h"

struct MslAttributes {
  uint thread_position_in_grid[3], thread_position_in_threadgroup[3], threadgroup_position_in_grid[3];
  uint threads_per_grid[3], threads_per_threadgroup[3], threadgroups_per_grid[3], dispatch_threads_per_threadgroup[3];
  uint grid_origin[3], grid_size[3];
  uint thread_index_in_threadgroup, thread_index_in_simdgroup, simdgroup_index_in_threadgroup;
  uint simdgroups_per_threadgroup, dispatch_simdgroups_per_threadgroup, threads_per_simdgroup, thread_execution_width;
  uint quadgroup_index_in_threadgroup, quadgroups_per_threadgroup, dispatch_quadgroups_per_threadgroup;
  uint thread_index_in_quadgroup;
};

extern "C" const MslAttributes* msl_attributes();

// Apple's own spelling of an attribute inside a function, as MLX's headers use it: the argument says the type alone.
template <typename T> MSL_INLINE T msl_attribute(const uint* v) {
  if constexpr (msl_is_vec<T>::value) return T(uint3(v[0], v[1], v[2]));
  else return (T)v[0];
}
#define MSL_GET(name, place)                                                                                   \
  template <typename T> MSL_INLINE T __metal_get_##name(T) { return msl_attribute<T>(place msl_attributes()->name); }
MSL_GET(thread_position_in_grid, ) MSL_GET(thread_position_in_threadgroup, ) MSL_GET(threadgroup_position_in_grid, )
MSL_GET(threads_per_grid, ) MSL_GET(threads_per_threadgroup, ) MSL_GET(threadgroups_per_grid, )
MSL_GET(thread_index_in_threadgroup, &) MSL_GET(thread_index_in_simdgroup, &) MSL_GET(simdgroup_index_in_threadgroup, &)
MSL_GET(simdgroups_per_threadgroup, &) MSL_GET(threads_per_simdgroup, &) MSL_GET(thread_index_in_quadgroup, &)
MSL_GET(quadgroup_index_in_threadgroup, &) MSL_GET(quadgroups_per_threadgroup, &)
#undef MSL_GET

MSL_INLINE uint3 msl_uint3(const uint* v) { return uint3(v[0], v[1], v[2]); }

// Address spaces that are left in macros, and the words that have no meaning on a CPU.
#define device
#define thread
#define threadgroup
#define constant const
#define kernel

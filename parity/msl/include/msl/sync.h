// Barriers and fences. The source line is a default argument: it tells the runtime which barrier a thread waits at,
// also where the compiler has made two copies of one call.
#pragma once

#include "types.h"

extern "C" void msl_group_barrier(unsigned flags, unsigned site);
extern "C" void msl_simd_barrier(unsigned flags, unsigned site);
extern "C" void msl_fence(unsigned flags, unsigned scope);

namespace metal {

enum class mem_flags : uint {
  mem_none = 0, mem_device = 1, mem_threadgroup = 2, mem_texture = 4, mem_threadgroup_imageblock = 8,
  mem_object_data = 16,
};
constexpr mem_flags operator|(mem_flags a, mem_flags b) { return (mem_flags)((uint)a | (uint)b); }
constexpr mem_flags operator&(mem_flags a, mem_flags b) { return (mem_flags)((uint)a & (uint)b); }

enum memory_order {
  memory_order_relaxed, memory_order_acquire, memory_order_release, memory_order_acq_rel, memory_order_seq_cst,
};
enum thread_scope { thread_scope_thread, thread_scope_simdgroup, thread_scope_threadgroup, thread_scope_device, thread_scope_system };

MSL_INLINE void threadgroup_barrier(mem_flags flags, uint site = __builtin_LINE()) { msl_group_barrier((uint)flags, site); }
MSL_INLINE void simdgroup_barrier(mem_flags flags, uint site = __builtin_LINE()) { msl_simd_barrier((uint)flags, site); }
MSL_INLINE void threadgroup_barrier(mem_flags flags, thread_scope, uint site = __builtin_LINE()) {
  msl_group_barrier((uint)flags, site);
}
MSL_INLINE void simdgroup_barrier(mem_flags flags, thread_scope, uint site = __builtin_LINE()) {
  msl_simd_barrier((uint)flags, site);
}
MSL_INLINE void atomic_thread_fence(mem_flags flags, memory_order, thread_scope scope = thread_scope_device) {
  msl_fence((uint)flags, (uint)scope);
}

}  // namespace metal

// Atomic operations. Threads share one core, so an operation is atomic as it is; what is left is to check it.
#pragma once

#include "sync.h"

enum AtomicFlags : u32 { ATOMIC_READS = 1, ATOMIC_WRITES = 2, ATOMIC_ORDERED = 4 };

extern "C" __attribute__((noinline)) void msl_atomic(const volatile void* p, u32 size, u32 flags, u64 pc) {
  if (flags & ATOMIC_READS) yield_if_polling();  // before all else: others may write what is read
  launch.atomics++;
  check_atomic((u64)p, size, flags & ATOMIC_READS, flags & ATOMIC_WRITES, pc);
  if (flags & ATOMIC_ORDERED) msl_fence(3, SCOPE_DEVICE);
  if (region_of((u64)p).kind == DEVICE) {
    GroupRun& group = runs[run_count - 1];
    if (flags & ATOMIC_READS) group.read = true;
    if (flags & ATOMIC_WRITES) group.released = group.fence;
  }
  if (UNLIKELY(sync_state != nullptr)) sync_by((u64)p, flags & ATOMIC_READS, flags & ATOMIC_WRITES);
  if (flags & ATOMIC_ORDERED) msl_fence(3, SCOPE_DEVICE);
}

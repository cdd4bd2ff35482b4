// Atomic operations. Threads share one core, so an operation is atomic as it is; what is left is to check it.
#pragma once

#include "sync.h"

enum AtomicFlags : u32 { ATOMIC_READS = 1, ATOMIC_WRITES = 2, ATOMIC_ORDERED = 4 };

extern "C" __attribute__((noinline)) void msl_atomic(const volatile void* p, u32 size, u32 flags, u64 pc) {
  launch.atomics++;
  check_atomic((u64)p, size, flags & ATOMIC_READS, flags & ATOMIC_WRITES, pc);
  if (flags & ATOMIC_ORDERED) msl_fence(3, 1);
  if (flags & ATOMIC_READS) yield_if_polling();
}

// What the parts of the runtime share: plain types, the request as it lies in the file, and one launch's state.
//
// The runtime is linked into every compiled kernel. It runs each thread of a threadgroup on a light stack of its
// own, is called by the compiler's instrumentation on every load and store, and prints what it found as JSON.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t i64;

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define HOT static inline __attribute__((always_inline))
#define COLD __attribute__((noinline, cold))

// ---- the request, written by launch.py ------------------------------------------------------------------------

const u64 MAGIC = 0x314c534d59544950;  // "PITYMSL1"

enum RequestFlags : u64 {
  FLAG_CHECK = 1,     // shadow memory: races, uninitialised reads
  FLAG_FLUSH = 2,     // subnormal float32 and bfloat16 are zero
  FLAG_PROFILE = 4,   // log every access for coalescing and bank conflicts
};

struct Request {
  u64 magic, buffers;
  u64 grid[3], group[3];
  u64 seed, schedules, flags, math, math_seed;
  u64 time_limit_ms, max_findings, profile_groups, address_space;
};

enum BufferKind : u64 { INPUT = 0, OUTPUT = 1, CONSTANT = 2 };

struct Buffer {
  u64 kind, size, offset, origin, granule, initialised, element, floating, lead;
  char name[64];
};

// What a kernel's parameters with attributes receive.
struct Attributes {
  u32 thread_position_in_grid[3], thread_position_in_threadgroup[3], threadgroup_position_in_grid[3];
  u32 threads_per_grid[3], threads_per_threadgroup[3], threadgroups_per_grid[3], dispatch_threads_per_threadgroup[3];
  u32 grid_origin[3], grid_size[3];
  u32 thread_index_in_threadgroup, thread_index_in_simdgroup, simdgroup_index_in_threadgroup;
  u32 simdgroups_per_threadgroup, dispatch_simdgroups_per_threadgroup, threads_per_simdgroup, thread_execution_width;
  u32 quadgroup_index_in_threadgroup, quadgroups_per_threadgroup, dispatch_quadgroups_per_threadgroup;
  u32 thread_index_in_quadgroup;
};

// The trampoline that unit.py writes after the kernel's text.
extern "C" const u32 msl_loops[][2];  // first and last line of each loop of the kernel, outer before inner
extern "C" const u32 msl_loop_count;
extern "C" void msl_entry(void** buffers, const Attributes* attributes);

const u32 LANES = 32;
const u32 MAX_THREADS = 1024;

// ---- a thread of the threadgroup that runs now ------------------------------------------------------------------

enum State : u8 { READY, WAIT_SIMD, WAIT_GROUP, DONE };

struct alignas(64) Thread {
  void* sp;
  State state;
  u8 simd, lane;
  u16 id;
  u32 site, kind, flags;  // of the synchronisation it waits at: source line, which function, mem_flags
  u64 pc;
  u32 parity;             // which of the two exchange areas its next SIMD operation uses
  u32 last;               // where its last SIMD operation was
  u32 spins;              // atomic operations since it last yielded
  u32 met;                // SIMD operations so far
};

struct Launch {
  const Request* request;
  const Buffer* buffers;
  u8* file;
  void* pointers[64];
  u32 threads, simds;       // of the threadgroup that runs now
  u32 group_index;
  u32 group_position[3];
  u64 random;
  u32 schedule;
  u64 barriers_group, barriers_simd, simd_operations, atomics;
};

extern Launch launch;
extern Thread threads[MAX_THREADS];
extern Attributes attributes[MAX_THREADS];
extern Thread* current;

HOT u64 draw() {  // splitmix64
  u64 z = (launch.random += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

#define RETURN_PC ((u64)__builtin_return_address(0) - 1)

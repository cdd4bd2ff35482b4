// The threadgroup variables: laid out as the kernel declares them, with a gap after each.
#pragma once

#include "findings.h"

struct Variable {
  u32 site;          // which declaration
  u64 offset, size;
  const char* name;
  u32 element;
};

const u32 MAX_VARIABLES = 128;
const u64 GAP = 64;
const u64 THREADGROUP_ARENA = 4 << 20;
extern Variable variables[MAX_VARIABLES];
extern u32 variable_count;
extern u64 variable_end, variable_bytes;

static const Variable* variable_at(u64 offset) {
  for (u32 i = 0; i < variable_count; ++i)
    if (offset >= variables[i].offset && offset < variables[i].offset + variables[i].size + GAP) return &variables[i];
  return variable_count ? &variables[variable_count - 1] : nullptr;
}

// No one may touch the cells between two variables: they look like an unordered write by nobody.
const u64 FORBIDDEN = ~0ull << 22;

static void forbid(Region& r, u64 from, u64 to) {
  for (u64 i = from >> r.shift; i < to >> r.shift; ++i) r.cells[i].w = FORBIDDEN;
}

// The address of a threadgroup variable. Its first caller decides where it lies, for the whole launch.
extern "C" __attribute__((noinline)) void* msl_threadgroup(u32 site, u64 size, u64 align, u64 granule,
                                                            const char* name) {
  Region& r = regions[0];
  for (u32 i = 0; i < variable_count; ++i)
    if (variables[i].site == site && variables[i].size == size) return (void*)(r.base + variables[i].offset);
  u32 shift = log2_of(granule < 4 ? granule : 4);
  if (shift < r.shift) refine(r, shift);
  if (align < 16) align = 16;
  u64 offset = (variable_end + align - 1) / align * align;
  if (variable_count == MAX_VARIABLES || offset + size + GAP > THREADGROUP_ARENA) {
    printf("{\"failed\": \"threadgroup memory: %s needs %llu bytes more than the executor has room for\"}\n", name,
           (unsigned long long)size);
    fflush(stdout);
    _exit(3);
  }
  variables[variable_count++] = {site, offset, size, name, (u32)granule};
  memset((void*)(r.base + offset), 0xff, size);
  variable_end = offset + size + GAP;
  variable_bytes = (variable_bytes + align - 1) / align * align + size;
  forbid(r, (offset + size + 3) & ~3ull, (offset + size + GAP) & ~3ull);
  return (void*)(r.base + offset);
}

static void clear_threadgroup() {
  if (variable_end) memset((void*)regions[0].base, 0xff, variable_end);
}

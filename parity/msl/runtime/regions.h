// Where things lie. Each buffer has 64 GiB of address space to itself, so that one shift finds what an address
// belongs to, and an index that is out of range by any 32-bit amount does not land in a neighbour.
#pragma once

#include "base.h"

const u32 SLOT_SHIFT = 36, SLOTS = 2048;
const u32 SLOT_THREADGROUP = 0x80, SLOT_STACKS = 0x81, SLOT_BUFFERS = 0x100;
const u64 PAGE = 16384;  // a multiple of every system's page
const u64 MARGIN = 1 << 20;  // readable bytes on both sides, so that a small overrun can be reported and survived
const u64 STACK_SIZE = 256 * 1024;

enum RegionKind : u32 { WILD, PLAIN, READ_ONLY, DEVICE, THREADGROUP };

struct Cell { u64 w, r; };  // the last write and the last reads of a granule; see shadow.h

struct Order;

struct Region {
  u64 base;
  u64 end[5];       // for accesses of 1, 2, 4, 8 and 16 bytes: the first offset that is too far
  Cell* cells;
  const Order* order;
  u32 fast;         // the granule in bytes if checks may take the short way, FAST_READ for inputs, 0 otherwise
  u32 shift;        // log2 of the granule that a cell stands for
  u64 count[2];     // accesses: reads, writes
  RegionKind kind;
  u64 size;
  bool initialised, constant, floating;
  u32 element, lead;  // bytes between a multiple of 16 and its start
  u64 origin, mapped, cells_mapped;
  const char* name;
};

const u32 FAST_READ = 1000;

extern Region regions[80];
extern Region* slots[SLOTS];
extern bool checking, profiling;

HOT Region& region_of(u64 address) { return *slots[(address >> SLOT_SHIFT) & (SLOTS - 1)]; }

static void* map_at(u64 address, u64 size) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
  void* p = mmap((void*)address, size, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (p == MAP_FAILED) {
    printf("{\"failed\": \"memory: %llu bytes could not be mapped\"}\n", (unsigned long long)size);
    fflush(stdout);
    _exit(3);
  }
  return p;
}

static void* map_anywhere(u64 size) {
  void* p = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) {
    printf("{\"failed\": \"memory: %llu bytes of shadow could not be mapped\"}\n", (unsigned long long)size);
    fflush(stdout);
    _exit(3);
  }
  return p;
}

static u64 pages(u64 size) { return (size + PAGE - 1) / PAGE * PAGE; }

static void make_cells(Region& r, u64 bytes) {
  r.cells_mapped = pages(((bytes >> r.shift) + 1) * sizeof(Cell));
  r.cells = (Cell*)map_anywhere(r.cells_mapped);
}

static void set_fast(Region& r) {
  r.fast = 0;
  if (profiling) return;
  if (r.kind == READ_ONLY || (r.kind >= DEVICE && !checking)) r.fast = FAST_READ;
  else if (r.kind >= DEVICE) r.fast = 1u << r.shift;
}

static void set_size(Region& r, u64 size) {
  r.size = size;
  for (u32 k = 0; k < 5; ++k) r.end[k] = size < (1ull << k) ? 0 : size - (1ull << k) + 1;
}

static u32 log2_of(u64 n) { return n <= 1 ? 0 : 63 - __builtin_clzll(n); }

// A buffer of the launch, its memory in slot SLOT_BUFFERS + index.
static void map_buffer(u32 index, const Buffer& b) {
  Region& r = regions[2 + index];
  u64 slot = SLOT_BUFFERS + index;
  r.base = (slot << SLOT_SHIFT) + (1ull << (SLOT_SHIFT - 1));
  set_size(r, b.size);
  r.origin = b.origin;
  r.element = b.element;
  r.shift = log2_of(b.granule < 4 ? b.granule : 4);
  r.kind = b.kind == OUTPUT ? DEVICE : READ_ONLY;
  r.constant = b.kind == CONSTANT;
  r.floating = b.floating;
  r.initialised = b.kind != OUTPUT || b.initialised;
  r.name = b.name;
  r.mapped = pages(b.size + 16) + 2 * MARGIN;
  map_at(r.base - MARGIN, r.mapped);
  r.lead = (u32)b.lead;
  r.base += b.lead;
  if (b.kind == OUTPUT) make_cells(r, b.size);
  set_fast(r);
  slots[slot] = &r;
  launch.pointers[index] = (void*)(r.base + b.origin);
}

// Where the program lies, and what its first address is called by tools that know only the file.
#if defined(__APPLE__)
extern "C" const char _mh_execute_header;
#define PROGRAM_START ((u64)&_mh_execute_header)
#define PROGRAM_END (PROGRAM_START + (64ull << 20))
const u64 LINKED_AT = 0x100000000ull;
#else
extern "C" char __executable_start, _end;
#define PROGRAM_START ((u64)&__executable_start)
#define PROGRAM_END ((u64)&_end)
#if defined(MSL_PIE)
const u64 LINKED_AT = 0;
#endif
#endif

static void map_stacks() {
  u64 base = (u64)SLOT_STACKS << SLOT_SHIFT;
  map_at(base, STACK_SIZE * (MAX_THREADS + 1));
  u64 n = 1;
  for (u32 d = 0; d < 3; ++d) n *= launch.request->group[d] < launch.request->grid[d] ? launch.request->group[d] : launch.request->grid[d];
  // The lowest page of each stack may not be touched: a kernel that recurses too deep is stopped there.
  for (u64 i = 0; i < n && i < MAX_THREADS; ++i) mprotect((void*)(base + STACK_SIZE * (i + 1)), PAGE, PROT_NONE);
}

static void map_fixed(u64 threadgroup_bytes) {
  Region& wild = regions[78];
  wild.kind = WILD;
  Region& plain = regions[79];
  plain.kind = PLAIN;
  set_size(plain, ~0ull);
  for (u32 i = 0; i < SLOTS; ++i) slots[i] = &wild;
  slots[SLOT_STACKS] = &plain;
  Region& program = regions[77];  // its constants; an address near null is not among them
  program.base = PROGRAM_START;
  set_size(program, PROGRAM_END - program.base);
  program.kind = PLAIN;
  slots[(program.base >> SLOT_SHIFT) & (SLOTS - 1)] = &program;
  Region& tg = regions[0];
  tg.base = (u64)SLOT_THREADGROUP << SLOT_SHIFT;
  tg.base += 1ull << (SLOT_SHIFT - 1);
  set_size(tg, threadgroup_bytes);
  tg.shift = 2;
  tg.kind = THREADGROUP;
  tg.name = "threadgroup memory";
  map_at(tg.base - MARGIN, pages(tg.size) + 2 * MARGIN);
  make_cells(tg, tg.size);
  set_fast(tg);
  slots[SLOT_THREADGROUP] = &tg;
  map_stacks();
}

// A smaller granule for a region, once an access smaller than its granule has been seen: what a cell knew holds
// for each of its parts.
COLD static void refine(Region& r, u32 shift) {
  Cell* old = r.cells;
  u64 old_mapped = r.cells_mapped;
  u32 parts = 1u << (r.shift - shift);
  u64 n = (r.size >> r.shift) + 1;
  r.shift = shift;
  make_cells(r, r.size + (1u << 3));
  for (u64 i = 0; i < n; ++i)
    if (old[i].w | old[i].r)
      for (u32 k = 0; k < parts; ++k) r.cells[i * parts + k] = old[i];
  munmap(old, old_mapped);
  set_fast(r);
}

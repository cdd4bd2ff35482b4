// Who wrote and who read each granule of memory, and whether the kernel's barriers order them.
//
// A stamp is 64 bits: time (29) | atomic (1) | who (12) | program counter (22). Time is one counter for the whole
// launch that moves at every completed barrier and at every start of a threadgroup, so that "before the barrier"
// is one comparison. `who` is a thread, or all readers of one SIMD group, or several readers of several.
// Two accesses of one threadgroup are ordered if a threadgroup barrier whose flags name their memory lies between,
// or a SIMD group barrier does and both threads are of that SIMD group. A SIMD operation makes no write visible, but
// what its lanes read before it they have read. Fences with atomic operations order threads one by one (fences.h).
// Threadgroups are never ordered.
#pragma once

#include "threadgroup.h"

const u32 TIME = 35, WHO = 22;
const u64 PC_MASK = (1ull << WHO) - 1, WHO_MASK = 0xfff, ATOMIC = 1ull << 34;
const u64 SIMD_READERS = 0x800, SEVERAL = 0xfff;
const u64 OTHER_GROUPS = ~0ull << WHO;  // readers in more than one threadgroup; where one of them did is kept

HOT u64 who_of(u64 stamp) { return (stamp >> WHO) & WHO_MASK; }

struct Order {
  u64 all;    // stamps below are ordered before the current thread for every thread of the threadgroup
  u64 own;    // and these for threads of its own SIMD group
  u64 reads;  // reads below by threads of its own SIMD group are over: a SIMD operation waited for what they gave
  u64 floor;  // stamps from 1 to below this are of other threadgroups, and matter; 1 for threadgroup memory
};

struct Clock {
  u64 now;            // time
  u64 stamp;          // time and the current thread, ready to be combined with a program counter
  u64 simd_stamp;     // time and the readers of the current thread's SIMD group
  u64 group;          // stamps below are of earlier threadgroups
  Order order[2];     // by space: threadgroup memory, device memory
  u64 start[2];       // time of the last threadgroup barrier by space
  u64 simd_start[2][LANES];
  u64 barrier_time, simd_barrier_time[LANES];   // of the last barrier whatever its flags
  u32 barrier_flags, simd_barrier_flags[LANES];
  u64 simd_operation[LANES];                    // of the last SIMD operation in which all lanes took part
  u64 base_pc;
};

extern Clock clock_;

HOT bool is_simd_readers(u64 who) { return who >= SIMD_READERS && who < SIMD_READERS + LANES; }

void profile_access(u64 address, u32 size, bool write, u64 pc, u32 kind);
COLD void conflict(Region& r, u64 offset, u32 size, bool write, bool atomic, u64 pc, u64 stamp, bool before_write);
COLD bool fenced(u64 stamp, bool device);
COLD void uninitialised(Region& r, u64 offset, u32 size, u64 pc);
COLD void outside(u64 address, u32 size, bool write, u64 pc);
COLD void misaligned(Region& r, u64 address, u32 size, bool write, u64 pc);
COLD void read_only_write(Region& r, u64 address, u32 size, u64 pc);

// Is the access that left `stamp` (by one thread, or by readers of one SIMD group) ordered before the current thread?
HOT bool ordered(u64 stamp, const Order& order) {
  if (stamp < order.all) return true;
  u64 who = who_of(stamp);
  if (who == current->id) return true;
  if (who == SEVERAL) return false;
  u64 simd = is_simd_readers(who) ? who - SIMD_READERS : who / LANES;
  return simd == current->simd && stamp < order.own;
}

HOT bool read_ordered(u64 stamp, const Order& order) {
  if (stamp < order.all) return true;
  u64 who = who_of(stamp);
  if (who == current->id) return true;
  if (who == SEVERAL) return false;
  u64 simd = is_simd_readers(who) ? who - SIMD_READERS : who / LANES;
  return simd == current->simd && stamp < order.reads;
}

HOT void check_read(Region& r, Cell& c, const Order& order, u64 offset, u32 size, u64 pc) {
  u64 w = c.w;
  if (UNLIKELY(w >= order.all)) {
    if (who_of(w) != current->id && UNLIKELY(!ordered(w, order)) && !fenced(w, r.kind == DEVICE))
      conflict(r, offset, size, false, false, pc, w, true);
  } else if (UNLIKELY(w < clock_.group)) {
    if (r.kind == DEVICE) {
      if (w) conflict(r, offset, size, false, false, pc, w, true);
      else if (!r.initialised) uninitialised(r, offset, size, pc);
    } else {
      uninitialised(r, offset, size, pc);
    }
  }
  u64 last = c.r, mine = clock_.stamp;
  if ((last ^ mine) < (1ull << WHO)) return;  // the same thread, no barrier since
  if (last < clock_.group) {
    c.r = (last && r.kind == DEVICE) ? (OTHER_GROUPS | pc) : (mine | pc);
    return;
  }
  u64 who = who_of(last);
  if (last < order.all && last < OTHER_GROUPS) {
    c.r = mine | pc;
  } else if (who == SEVERAL) {
    return;
  } else if (who == current->id) {
    c.r = mine | pc;
  } else if ((is_simd_readers(who) ? who - SIMD_READERS : who / LANES) == current->simd) {
    // Readers that are ordered before this thread need not be remembered. Of several the first one's place is kept:
    // the last is often the thread itself that goes on to write.
    c.r = last < order.reads ? (mine | pc)
        : (clock_.now << TIME) | ((SIMD_READERS + current->simd) << WHO) | (last & PC_MASK);
  } else {
    c.r = (clock_.now << TIME) | (SEVERAL << WHO) | (last & PC_MASK);
  }
}

HOT void check_write(Region& r, Cell& c, const Order& order, u64 offset, u32 size, u64 pc) {
  u64 w = c.w, last = c.r;
  const bool device = r.kind == DEVICE;
  if (UNLIKELY(w >= order.all) && who_of(w) != current->id && !ordered(w, order) && !fenced(w, device))
    conflict(r, offset, size, true, false, pc, w, true);
  else if (UNLIKELY(last >= order.all) && who_of(last) != current->id && !read_ordered(last, order) &&
           !fenced(last, device))
    conflict(r, offset, size, true, false, pc, last, false);
  else if (r.kind == DEVICE) {
    if (UNLIKELY(w && w < clock_.group)) conflict(r, offset, size, true, false, pc, w, true);
    else if (UNLIKELY(last && last < clock_.group)) conflict(r, offset, size, true, false, pc, last, false);
  }
  c.w = clock_.stamp | pc;
}

// The stamp of an atomic access by the current thread together with those that `last` names and that are not ordered
// before it.
static u64 joined(u64 last, const Order& order, u64 pc) {
  u64 who = who_of(last), simd = is_simd_readers(who) ? who - SIMD_READERS : who / LANES;
  const u64 own = clock_.stamp | ATOMIC | pc, first = ATOMIC | (last & PC_MASK);
  if (last < order.all || who == current->id) return own;
  if (who != SEVERAL && simd == current->simd) return last < order.own ? own : clock_.simd_stamp | first;
  return (clock_.now << TIME) | (SEVERAL << WHO) | first;
}

// An atomic operation is unordered with others without harm; with a plain access it is a race.
static void check_atomic(u64 address, u32 size, bool reads, bool writes, u64 full_pc) {
  Region& r = region_of(address);
  u64 offset = address - r.base, pc = (full_pc - clock_.base_pc) & PC_MASK;
  if (UNLIKELY(offset + size > r.size || r.kind == WILD)) return outside(address, size, writes, full_pc);
  r.count[writes]++;
  if (profiling) profile_access(address, size, writes, full_pc, r.kind);
  if (r.kind == READ_ONLY && writes) return read_only_write(r, address, size, full_pc);
  if (r.kind < DEVICE || !checking) return;
  if (UNLIKELY(address & (size - 1))) misaligned(r, address, size, writes, full_pc);
  u32 n = size >> r.shift;
  if (n == 0) { refine(r, log2_of(size)); n = 1; }
  const Order& order = *r.order;
  for (Cell* c = r.cells + (offset >> r.shift); n; ++c, --n) {
    u64 w = c->w, last = c->r;
    bool foreign = r.kind == DEVICE && w && w < clock_.group;
    if (w == FORBIDDEN) { outside(address, size, writes, full_pc); return; }
    if (!(w & ATOMIC) && (foreign || (w >= order.all && !ordered(w, order) && !fenced(w, r.kind == DEVICE))))
      conflict(r, offset, size, writes, true, pc, w, true);
    else if (writes && (!(last & ATOMIC) || last >= OTHER_GROUPS) &&
             ((last >= order.all && !read_ordered(last, order) && !fenced(last, r.kind == DEVICE)) ||
              (r.kind == DEVICE && last && last < clock_.group)))
      conflict(r, offset, size, true, true, pc, last, false);
    if (reads && w < clock_.group && !(r.kind == DEVICE && (w || r.initialised))) uninitialised(r, offset, size, pc);
    if (writes) {
      // A plain write that not everybody is ordered after stays what others have to be ordered after; that this
      // atomic operation was there is then kept as a read.
      if (!(w & ATOMIC) && w >= order.all) c->r = joined(c->r, order, pc);
      else c->w = joined((w & ATOMIC) ? w : 0, order, pc);
    }
  }
}

// The program counter as it is kept in a stamp. A program that is not moved when it is loaded starts at a multiple of
// the range that a stamp has room for.
#if defined(MSL_PIE)
HOT u64 short_of(u64 pc) { return (pc - clock_.base_pc) & PC_MASK; }
#else
HOT u64 short_of(u64 pc) { return pc & PC_MASK; }
#endif

// A load or store that the short way below does not settle.
template <u32 N, bool WRITE>
__attribute__((noinline)) void check_slowly(u64 address, u64 pc) {
  Region& r = region_of(address);
  u64 offset = address - r.base;
  if (UNLIKELY(offset + N > r.size || offset > r.size)) return outside(address, N, WRITE, pc);
  if (r.kind == PLAIN) return;
  r.count[WRITE]++;
  if (UNLIKELY(profiling)) profile_access(address, N, WRITE, pc, r.kind);
  // Two 8-byte values may be stored as one of 16 bytes; what a type wants is checked where it is used.
  if (UNLIKELY(checking && (address & ((N < 8 ? N : 8) - 1)))) misaligned(r, address, N, WRITE, pc);
  if (r.kind == READ_ONLY) {
    if (WRITE) read_only_write(r, address, N, pc);
    return;
  }
  if (UNLIKELY(!checking)) return;
  const u64 short_pc = short_of(pc);
  const Order& order = *r.order;
  u32 n = N >> r.shift;
  if (UNLIKELY(n == 0)) { refine(r, log2_of(N)); n = 1; }
  Cell* c = r.cells + (offset >> r.shift);
  u64 part = n == 1 ? N : 1ull << r.shift;
  for (u32 i = 0; i < n; ++i) {
    // The last part of a 16-byte value is the padding of a three-component vector if nobody wrote it.
    if (!WRITE && N == 16 && i >= n - (4u >> r.shift ? 4u >> r.shift : 1) && c[i].w < clock_.group && i) break;
    if (WRITE) check_write(r, c[i], order, offset + i * part, part, short_pc);
    else check_read(r, c[i], order, offset + i * part, part, short_pc);
  }
}

// Every load and store of the kernel comes here. The short way is for an access of the size of a granule, to memory
// whose last write is ordered before it.
template <u32 N, bool WRITE>
HOT void check(u64 address, u64 pc) {
  Region& r = region_of(address);
  const u64 offset = address - r.base;
  constexpr u32 LOG = N == 1 ? 0 : N == 2 ? 1 : N == 4 ? 2 : N == 8 ? 3 : 4;
  if (UNLIKELY(offset >= r.end[LOG])) return check_slowly<N, WRITE>(address, pc);
  if (!WRITE && r.fast == FAST_READ && LIKELY(!(address & ((N < 8 ? N : 8) - 1)))) {
    r.count[0]++;
    return;
  }
  if (N > 4 || UNLIKELY(r.fast != N || (offset & (N - 1)))) return check_slowly<N, WRITE>(address, pc);
  Cell& c = r.cells[offset >> LOG];
  const Order& order = *r.order;
  const u64 w = c.w, last = c.r, mine = clock_.stamp;
  if (WRITE) {
    if (UNLIKELY(w >= order.all && ((w ^ mine) >> WHO & WHO_MASK))) return check_slowly<N, WRITE>(address, pc);
    if (UNLIKELY(last >= order.all && ((last ^ mine) >> WHO & WHO_MASK))) return check_slowly<N, WRITE>(address, pc);
    if (UNLIKELY(w - 1 < order.floor - 1 || last - 1 < order.floor - 1)) return check_slowly<N, WRITE>(address, pc);
    c.w = mine | short_of(pc);
  } else {
    if (UNLIKELY(w >= order.all && ((w ^ mine) >> WHO & WHO_MASK))) return check_slowly<N, WRITE>(address, pc);
    if (UNLIKELY(w < clock_.group)) return check_slowly<N, WRITE>(address, pc);
    if ((last ^ clock_.simd_stamp) > PC_MASK && (last ^ mine) > PC_MASK) {
      if (LIKELY(last < order.all)) {
        if (UNLIKELY(last - 1 < order.floor - 1)) return check_slowly<N, WRITE>(address, pc);
        c.r = mine | short_of(pc);
      } else if ((last >> WHO & WHO_MASK) != SEVERAL) {
        return check_slowly<N, WRITE>(address, pc);
      }
    }
  }
  r.count[WRITE]++;
}

// Loads and stores of other sizes, or of types with no alignment.
template <bool WRITE>
static void check_range(u64 address, u64 size, u64 pc) {
  Region& r = region_of(address);
  u64 offset = address - r.base;
  if (size == 0) return;
  if (offset + size > r.size || offset > r.size) return outside(address, (u32)size, WRITE, pc);
  if (r.kind == PLAIN) return;
  r.count[WRITE]++;
  if (!WRITE && r.fast == FAST_READ) return;
  if (profiling) profile_access(address, (u32)size, WRITE, pc, r.kind);
  if (r.kind == READ_ONLY) {
    if (WRITE) read_only_write(r, address, (u32)size, pc);
    return;
  }
  if (!checking) return;
  u64 part = 1ull << r.shift;
  if ((offset | size) & (part - 1)) {
    refine(r, (u32)__builtin_ctzll(offset | size));
    part = 1ull << r.shift;
  }
  const u64 short_pc = short_of(pc);
  const Order& order = *r.order;
  bool any = false;  // padding inside a structure is not written by anybody
  for (u64 o = offset; o < offset + size; o += part) any |= r.cells[o >> r.shift].w >= clock_.group;
  for (u64 o = offset; o < offset + size; o += part) {
    Cell& c = r.cells[o >> r.shift];
    if (WRITE) check_write(r, c, order, o, (u32)part, short_pc);
    else if (!any || c.w >= clock_.group || (r.kind == DEVICE && c.w)) check_read(r, c, order, o, (u32)part, short_pc);
  }
}

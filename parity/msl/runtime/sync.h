// Barriers and the scheduler.
//
// A threadgroup runs on one core: each thread runs until it waits or ends. The threads of a SIMD group run until
// all of them wait; then its SIMD operation is carried out among those that wait at the same place. Where they
// wait at different places, the earliest in the source goes first: in structured code the others wait after it.
// The order of SIMD groups and of lanes is drawn anew each time.
#pragma once

#include "fences.h"
#include "fiber.h"

enum Function : u32 { GROUP_BARRIER = 1, SIMD_BARRIER = 2, EXCHANGE = 16 };
enum MemFlags : u32 { MEM_NONE = 0, MEM_DEVICE = 1, MEM_THREADGROUP = 2 };

struct Exchange {
  u32 active;                 // lanes that take part
  u32 exists;                 // lanes that the SIMD group has
  u32 computed;               // whether `result` holds what the function gives every lane
  u32 reported;
  alignas(16) u8 result[64];
  alignas(16) u8 slot[LANES][64];
};

extern Exchange exchanges[LANES][2];
extern void* scheduler_sp;

// What is ordered before the threads of a SIMD group from now on.
static void set_order(u32 simd) {
  clock_.simd_stamp = (clock_.now << TIME) | ((SIMD_READERS + simd) << WHO);
  for (u32 s = 0; s < 2; ++s) {
    u64 own = clock_.simd_start[s][simd], over = clock_.simd_operation[simd];
    if (own < clock_.start[s]) own = clock_.start[s];
    clock_.order[s].all = clock_.start[s] << TIME;
    clock_.order[s].own = own << TIME;
    clock_.order[s].reads = (own > over ? own : over) << TIME;
    clock_.order[s].floor = s ? clock_.group : 1;
  }
}

HOT void resume(Thread& t) {
  current = &t;
  clock_.stamp = (clock_.now << TIME) | ((u64)t.id << WHO);
  msl_switch(&scheduler_sp, t.sp);
  if (UNLIKELY(pending_count)) settle_pending();
  current = nullptr;
}

static void pause_as(State state, u32 kind, u32 site, u32 flags, u64 pc) {
  Thread* t = current;
  t->state = state;
  t->kind = kind;
  t->site = site;
  t->flags = flags;
  t->pc = pc;
  if (state == WAIT_SIMD) t->met++;
  msl_switch(&t->sp, scheduler_sp);
}

extern "C" __attribute__((noinline)) void msl_group_barrier(u32 flags, u32 site) {
  pause_as(WAIT_GROUP, GROUP_BARRIER, site, flags, RETURN_PC);
}

extern "C" __attribute__((noinline)) void msl_simd_barrier(u32 flags, u32 site) {
  pause_as(WAIT_SIMD, SIMD_BARRIER, site, flags, RETURN_PC);
}

// All lanes put in a value; each comes back once all have. `pc` is the kernel's call.
extern "C" __attribute__((noinline)) Exchange* msl_exchange(u32 function, const void* mine, u32 size, u32 site, u64 pc) {
  Thread* t = current;
  memcpy(exchanges[t->simd][t->parity].slot[t->lane], mine, size);
  pause_as(WAIT_SIMD, EXCHANGE + function, site, t->parity, pc);
  return &exchanges[t->simd][t->parity ^ 1];  // the one it has just left
}

enum Scope : u32 { SCOPE_THREADGROUP = 2, SCOPE_DEVICE = 3 };

extern "C" __attribute__((noinline)) void msl_fence(u32 flags, u32 scope) {
  if (scope >= SCOPE_THREADGROUP && checking) fence_of_thread(flags);
  if (scope < SCOPE_DEVICE || !(flags & MEM_DEVICE)) return;
  GroupRun& group = runs[run_count - 1];
  group.fence = clock_.now;
  if (group.read) group.acquired = clock_.now;
}

// Lets others run: a thread that polls an atomic variable gets nowhere alone.
static void yield_if_polling() {
  if (++current->spins % 4096 == 0) pause_as(READY, 0, 0, 0, 0);
}

static void thread_main() {
  msl_entry(launch.pointers, &attributes[current->id]);
  Thread* t = current;
  t->state = DONE;
  msl_switch(&t->sp, scheduler_sp);
  __builtin_unreachable();
}

static u32 lanes_of(u32 simd) {
  u32 left = launch.threads - simd * LANES;
  return left < LANES ? left : LANES;
}

COLD static void divergent(Thread& waiting, Thread* other, u32 missing, u32 present) {
  current = &waiting;
  Finding* f = note(DIVERGENT_BARRIER, (waiting.pc - clock_.base_pc) & PC_MASK, 0, nullptr);
  if (f) {
    f->sites[0] = waiting.site;
    f->sites[1] = other && other->state != DONE ? other->site : 0;
    f->before.thread = other ? other->id : -1;
    f->has_before = other != nullptr;
    f->before.group = launch.group_index;
    f->before.pc = other && other->state != DONE ? (other->pc - clock_.base_pc) & PC_MASK : 0;
    f->function = waiting.kind;
    f->numbers[0] = present;
    f->numbers[1] = missing;
    f->numbers[2] = other ? other->state == DONE : 0;
  }
  current = nullptr;
}

// Which of the places that lanes wait at comes first: the earliest in the source, in general. But lanes that have come
// round a loop to it wait for those that are still in the last turn of the same loop.
static u32 first_site(const Thread* base, u32 n) {
  u32 site = ~0u;
  bool round = true;
  for (u32 i = 0; i < n; ++i)
    if (base[i].state == WAIT_SIMD && base[i].site < site) site = base[i].site;
  if (site == ~0u) return site;
  for (u32 i = 0; i < n; ++i)
    if (base[i].state == WAIT_SIMD && base[i].site == site) round &= base[i].last >= site;
  if (!round) return site;
  u32 end = 0;
  for (u32 i = 0; i < msl_loop_count; ++i)
    if (msl_loops[i][0] <= site && site <= msl_loops[i][1]) end = msl_loops[i][1];  // the innermost is the last
  u32 later = ~0u;
  for (u32 i = 0; i < n; ++i) {
    const Thread& t = base[i];
    if (t.state == WAIT_SIMD && t.site > site && t.site <= end && t.last < t.site && t.site < later) later = t.site;
  }
  return later == ~0u ? site : later;
}

// All lanes of the SIMD group wait or are done: carry out the SIMD operation that comes first. False if there is none.
static bool simd_step(u32 simd) {
  Thread* base = threads + simd * LANES;
  u32 n = lanes_of(simd), site = first_site(base, n), kind = ~0u;
  if (site == ~0u) return false;
  for (u32 i = 0; i < n; ++i)
    if (base[i].state == WAIT_SIMD && base[i].site == site && base[i].kind < kind) kind = base[i].kind;
  u32 active = 0, done = 0;
  Thread *first = nullptr, *elsewhere = nullptr;
  for (u32 i = 0; i < n; ++i) {
    if (base[i].state == WAIT_SIMD && base[i].site == site && base[i].kind == kind) {
      active |= 1u << i;
      if (!first) first = &base[i];
    } else {
      elsewhere = &base[i];
      done += base[i].state == DONE;
    }
  }
  clock_.now++;
  if ((u32)__builtin_popcount(active) + done == n) clock_.simd_operation[simd] = clock_.now;
  if (kind == SIMD_BARRIER) {
    launch.barriers_simd++;
    u32 flags = first->flags;
    if (flags & MEM_THREADGROUP) clock_.simd_start[0][simd] = clock_.now;
    if (flags & MEM_DEVICE) clock_.simd_start[1][simd] = clock_.now;
    clock_.simd_barrier_time[simd] = clock_.now;
    clock_.simd_barrier_flags[simd] = flags;
    if (UNLIKELY(sync_state != nullptr)) barrier_of_knowing(flags, simd * LANES, n);
    if (elsewhere && elsewhere->state != DONE)
      divergent(*first, elsewhere, n - __builtin_popcount(active), __builtin_popcount(active));
  } else {
    launch.simd_operations++;
    Exchange& e = exchanges[simd][first->parity];
    // Lanes that came along different ways may use different halves of the exchange area.
    for (u32 i = 0; i < n; ++i)
      if ((active >> i & 1) && base[i].parity != first->parity) {
        memcpy(e.slot[i], exchanges[simd][base[i].parity].slot[i], sizeof e.slot[i]);
        base[i].parity = first->parity;
      }
    e.active = active;
    e.exists = n == LANES ? ~0u : (1u << n) - 1;
    e.computed = e.reported = 0;
    if (elsewhere) {
      current = first;
      Finding* f = note(PARTIAL_SIMD, (first->pc - clock_.base_pc) & PC_MASK, 0, nullptr);
      if (f) {
        f->function = kind - EXCHANGE;
        f->sites[0] = site;
        f->sites[1] = elsewhere->state == DONE ? 0 : elsewhere->site;
        f->numbers[0] = __builtin_popcount(active);
        f->numbers[1] = n;
        f->numbers[2] = done;
      }
      current = nullptr;
    }
  }
  for (u32 i = 0; i < n; ++i)
    if (active >> i & 1) {
      base[i].state = READY;
      base[i].last = site;
      base[i].parity ^= 1;
    }
  return true;
}

// A permutation of 0 … n-1 without a table: i ↦ (a·i + b) mod n with a prime to n.
struct Shuffle {
  u32 a, b, n;
  explicit Shuffle(u32 count) : a(1), b(0), n(count) {
    if (launch.schedule == 0 || n < 2) return;  // the first schedule is the plain order,
    if (launch.schedule == 1) {                 // the second is the reverse
      a = b = n - 1;
      return;
    }
    u64 r = draw();
    b = (u32)(r >> 32) % n;
    a = (u32)r % n;
    while (true) {
      u32 x = a, y = n;
      while (y) { u32 t = x % y; x = y; y = t; }
      if (x == 1) break;
      a = (a + 1) % n;
    }
  }
  u32 operator()(u32 i) const { return (u32)(((u64)a * i + b) % n); }
};

static void run_simd(u32 simd) {
  Thread* base = threads + simd * LANES;
  u32 n = lanes_of(simd);
  do {
    Shuffle order(n);
    set_order(simd);
    bool polls = false, operation = false;
    for (u32 i = 0; i < n; ++i) {
      Thread& t = base[order(i)];
      if (t.state == READY) resume(t);
      polls |= t.state == READY;
      operation |= t.state == WAIT_SIMD;
    }
    if (polls || !operation) return;  // if somebody polls, the other SIMD groups must run
  } while (simd_step(simd));
}

// Nobody can go on without the barrier: complete it, and say who did not come.
static bool group_step() {
  u32 waiting = 0, ready = 0;
  Thread *first = nullptr, *other = nullptr;
  for (u32 i = 0; i < launch.threads; ++i) {
    Thread& t = threads[i];
    if (t.state == READY) ready++;
    if (t.state == WAIT_GROUP) {
      waiting++;
      if (!first) first = &t;
    }
  }
  if (ready) return true;
  if (!waiting) return false;
  u32 missing = 0, flags = first->flags;
  bool apart = false;
  for (u32 i = 0; i < launch.threads; ++i) apart |= threads[i].site != first->site;
  if (apart || waiting < launch.threads)
    for (u32 i = 0; i < launch.threads; ++i) {
      Thread& t = threads[i];
      if (t.state != WAIT_GROUP || t.site != first->site) {
        missing++;
        if (!other) other = &t;
      }
    }
  if (missing) divergent(*first, other, missing, launch.threads - missing);
  clock_.now++;
  launch.barriers_group++;
  if (flags & MEM_THREADGROUP) clock_.start[0] = clock_.now;
  if (flags & MEM_DEVICE) clock_.start[1] = clock_.now;
  clock_.barrier_time = clock_.now;
  clock_.barrier_flags = flags;
  if (UNLIKELY(sync_state != nullptr)) barrier_of_knowing(flags, 0, launch.threads);
  for (u32 i = 0; i < launch.threads; ++i)
    if (threads[i].state == WAIT_GROUP) threads[i].state = READY;
  return true;
}

void profile_phase();

static void run_threads() {
  do {
    Shuffle order(launch.simds);
    for (u32 i = 0; i < launch.simds; ++i) run_simd(order(i));
    if (profiling) profile_phase();
  } while (group_step());
}

extern "C" u32 msl_lane() { return current->lane; }
extern "C" u32 msl_simdgroup() { return current->simd; }
extern "C" u32 msl_profiling() { return profiling; }
extern "C" const Attributes* msl_attributes() { return &attributes[current->id]; }

// A lane that reads from one which does not take part.
extern "C" COLD void msl_inactive(u32 function, u32 lane, u32 site, u64 pc) {
  Finding* f = note(INACTIVE_LANE, (pc - clock_.base_pc) & PC_MASK, 0, nullptr);
  if (!f) return;
  f->function = function;
  f->sites[0] = site;
  f->numbers[0] = lane;
  f->numbers[1] = lanes_of(current->simd);
  f->numbers[2] = lane < lanes_of(current->simd) && threads[current->simd * LANES + lane].state == DONE;
}

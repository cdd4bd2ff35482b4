// Order by fences and atomic operations within a threadgroup: who writes, passes a fence and then writes an atomic
// variable is ordered before who reads that value and then passes a fence, and so is all that came before either.
//
// Each thread knows, of each other thread, up to which time its accesses are over. Time moves at every fence. What a
// thread knows at a fence goes with its next atomic writes, and is taken by others at the first fence after they read.
#pragma once

#include "report.h"

const u32 VARIABLES_OF_FENCES = 1024;  // atomic variables that are written after a fence; further ones order nothing

typedef u64 Known[MAX_THREADS];  // of each thread the time below which its accesses are over
struct Sync {
  Known known[2][MAX_THREADS], read[2][MAX_THREADS], sent[2][MAX_THREADS];  // by space; `sent` is zero before a fence
  Known variables[2][VARIABLES_OF_FENCES];
  u64 addresses[VARIABLES_OF_FENCES];
  bool news[2];  // has a thread learnt what a barrier of all has not told everybody yet?
};
extern Sync* sync_state;  // null until the first fence

static void join(Known& to, const Known& from) {
  for (u32 i = 0; i < launch.threads; ++i)
    if (from[i] > to[i]) to[i] = from[i];
}

static u32 variable_of(u64 address, bool make) {
  u32 h = (u32)((address >> 2) * 2654435761u) % VARIABLES_OF_FENCES;
  for (u32 i = 0; i < VARIABLES_OF_FENCES; ++i, h = (h + 1) % VARIABLES_OF_FENCES) {
    if (sync_state->addresses[h] == address) return h;
    if (sync_state->addresses[h]) continue;
    if (make) sync_state->addresses[h] = address;
    return make ? h : VARIABLES_OF_FENCES;
  }
  return VARIABLES_OF_FENCES;
}

// A fence of threadgroup scope or wider, for the spaces that its flags name.
COLD static void fence_of_thread(u32 flags) {
  if (!sync_state) sync_state = (Sync*)map_anywhere(sizeof(Sync));
  clock_.now++;
  clock_.stamp = (clock_.now << TIME) | ((u64)current->id << WHO);
  const u32 bits[2] = {2, 1};  // mem_threadgroup, mem_device
  for (u32 s = 0; s < 2; ++s) {
    if (!(flags & bits[s])) continue;
    Known& known = sync_state->known[s][current->id];
    join(known, sync_state->read[s][current->id]);
    for (u32 i = 0; i < launch.threads; ++i) {  // what barriers have ordered before this thread
      const u64 over = i / LANES == current->simd && clock_.simd_start[s][current->simd] > clock_.start[s]
                           ? clock_.simd_start[s][current->simd] : clock_.start[s];
      if (known[i] < over) known[i] = over;
    }
    known[current->id] = clock_.now;
    sync_state->news[s] = true;
    memcpy(sync_state->sent[s][current->id], known, sizeof(u64) * launch.threads);
  }
}

// After a barrier each of `count` threads from `first` on knows what any of them knew.
COLD static void barrier_of_knowing(u32 flags, u32 first, u32 count) {
  const u32 bits[2] = {2, 1};
  for (u32 s = 0; s < 2; ++s) {
    if (!(flags & bits[s]) || !sync_state->news[s]) continue;
    if (count == launch.threads) sync_state->news[s] = false;
    Known& all = sync_state->known[s][first];
    for (u32 i = 1; i < count; ++i) join(all, sync_state->known[s][first + i]);
    for (u32 i = 1; i < count; ++i) memcpy(sync_state->known[s][first + i], all, sizeof(u64) * launch.threads);
  }
}

// What an atomic operation passes on. One that reads and writes leaves what others have sent through the variable.
COLD static void sync_by(u64 address, bool reads, bool writes) {
  const u32 thread = current->id;
  const u64 started = clock_.group >> TIME;
  const bool sends = sync_state->sent[0][thread][thread] >= started || sync_state->sent[1][thread][thread] >= started;
  const u32 v = variable_of(address, writes && sends);
  if (v == VARIABLES_OF_FENCES) return;
  for (u32 s = 0; s < 2; ++s) {
    Known& variable = sync_state->variables[s][v];
    if (reads) join(sync_state->read[s][thread], variable);
    if (!writes) continue;
    if (reads) join(variable, sync_state->sent[s][thread]);
    else memcpy(variable, sync_state->sent[s][thread], sizeof(u64) * launch.threads);
  }
}

// Is what left the stamp, in this threadgroup, ordered before the current thread by fences?
COLD bool fenced(u64 stamp, bool device) {
  if (!sync_state) return false;
  const Known& known = sync_state->known[device][current->id];
  const u64 who = who_of(stamp), time = stamp >> TIME;
  if (who < MAX_THREADS) return known[who] > time;
  u32 first = 0, last = launch.threads;
  if (who != SEVERAL) {
    first = (u32)(who - SIMD_READERS) * LANES;
    last = first + LANES < last ? first + LANES : last;
  }
  for (u32 i = first; i < last; ++i)
    if (i != current->id && known[i] <= time) return false;
  return true;
}

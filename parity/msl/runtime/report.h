// The slow side of shadow.h: from a conflict to a finding.
#pragma once

#include "shadow.h"

// Which threadgroup ran at a time, and when it passed fences of device scope and device memory: the last one, the last
// one that an atomic write in device memory followed, and the last one that followed an atomic read there.
struct GroupRun { u64 start, fence, released, acquired; u32 index; bool read; };
extern GroupRun* runs;
extern u64 run_count;

static GroupRun* run_at(u64 time) {
  u64 lo = 0, hi = run_count;
  while (hi - lo > 1) {
    u64 mid = (lo + hi) / 2;
    if (runs[mid].start <= time) lo = mid;
    else hi = mid;
  }
  return &runs[lo];
}

static void fill(Finding& f, Region& r, u64 offset, u32 size) {
  f.address = r.base + offset;
  f.size = size;
  f.space = r.kind;
  f.element = r.element;
  f.extent = (i64)(r.size - r.origin);
  f.offset = (i64)offset - (i64)r.origin;
  f.memory = r.name;
  if (r.kind == THREADGROUP) {
    const Variable* v = variable_at(offset);
    if (v) {
      f.memory = v->name;
      f.offset = (i64)offset - (i64)v->offset;
      f.element = v->element;
      f.extent = (i64)v->size;
    }
  }
}

static const char* memory_name(Region& r, u64 offset) {
  if (r.kind != THREADGROUP) return r.name;
  const Variable* v = variable_at(offset);
  return v ? v->name : r.name;
}

// A write that races with another write: whether it matters is known once it has been made.
struct Pending { u64 address; u32 size; u8 before[16]; Region* region; u64 pc, stamp; };
const u32 MAX_PENDING = 64;
extern Pending pending[MAX_PENDING];
extern u32 pending_count;

COLD static void record_conflict(FindingKind kind, Region& r, u64 offset, u32 size, bool write, bool atomic, u64 pc,
                                 u64 stamp, bool before_write) {
  Finding* f = note(kind, pc, stamp & PC_MASK, memory_name(r, offset));
  if (!f) return;
  fill(*f, r, offset, size);
  f->now.write = write;
  f->now.atomic = atomic;
  f->has_before = true;
  f->before.write = before_write;
  f->before.atomic = stamp < OTHER_GROUPS && (stamp & ATOMIC);
  u64 who = who_of(stamp), time = stamp >> TIME;
  f->before.thread = who < MAX_THREADS ? (i64)who : -1;
  if (stamp >= OTHER_GROUPS) return;
  GroupRun* run = run_at(time);
  f->before.group = run->index;
  if (run->index != launch.group_index) return;
  u64 simd = who < MAX_THREADS ? who / LANES : is_simd_readers(who) ? who - SIMD_READERS : ~0ull;
  f->same_simd = simd == current->simd;
  if (stamp < clock_.barrier_time << TIME) f->barrier = clock_.barrier_flags;
  else if (f->same_simd && stamp < clock_.simd_barrier_time[simd] << TIME)
    f->barrier = 0x100 | clock_.simd_barrier_flags[simd];
}

COLD void conflict(Region& r, u64 offset, u32 size, bool write, bool atomic, u64 pc, u64 stamp, bool before_write) {
  if (stamp == FORBIDDEN && r.kind == THREADGROUP) return outside(r.base + offset, size, write, pc + clock_.base_pc);
  bool other_group = r.kind == DEVICE && (stamp < clock_.group || stamp >= OTHER_GROUPS);
  if (other_group && stamp < OTHER_GROUPS) {
    GroupRun* then = run_at(stamp >> TIME);
    if (then->released > (stamp >> TIME) && runs[run_count - 1].acquired) return;
  }
  if (write && before_write && !atomic && !(stamp & ATOMIC) && size <= 16 && pending_count < MAX_PENDING) {
    Pending& p = pending[pending_count++];
    p = {r.base + offset, size, {}, &r, pc, stamp};
    memcpy(p.before, (void*)p.address, size);
    return;
  }
  record_conflict(other_group ? GROUP_RACE : RACE, r, offset, size, write, atomic, pc, stamp, before_write);
}

// Called when the current thread is about to stop running: its writes are made.
COLD static void settle_pending() {
  for (u32 i = 0; i < pending_count; ++i) {
    Pending& p = pending[i];
    bool other_group = p.region->kind == DEVICE && p.stamp < clock_.group;
    bool same = memcmp(p.before, (void*)p.address, p.size) == 0;
    record_conflict(same ? SAME_VALUE : other_group ? GROUP_RACE : RACE, *p.region, p.address - p.region->base, p.size,
                    true, false, p.pc, p.stamp, true);
  }
  pending_count = 0;
}

COLD void uninitialised(Region& r, u64 offset, u32 size, u64 pc) {
  Finding* f = note(UNINITIALISED, pc & PC_MASK, 0, memory_name(r, offset));
  if (f) fill(*f, r, offset, size);
}

COLD void misaligned(Region& r, u64 address, u32 size, bool write, u64 pc) {
  Finding* f = note(MISALIGNED, (pc - clock_.base_pc) & PC_MASK, 0, memory_name(r, address - r.base));
  if (!f) return;
  fill(*f, r, address - r.base, size);
  f->now.write = write;
  f->numbers[0] = r.lead;
}

COLD void read_only_write(Region& r, u64 address, u32 size, u64 pc) {
  Finding* f = note(READ_ONLY_WRITE, (pc - clock_.base_pc) & PC_MASK, 0, r.name);
  if (!f) return;
  fill(*f, r, address - r.base, size);
  f->now.write = 1;
}

void finish_now(const char* why);

COLD void outside(u64 address, u32 size, bool write, u64 pc) {
  Region& r = region_of(address);
  u64 offset = address - r.base;
  Finding* f = note(OUT_OF_BOUNDS, (pc - clock_.base_pc) & PC_MASK, 0, r.kind < READ_ONLY ? "" : memory_name(r, offset));
  if (f) {
    f->address = address;
    f->size = size;
    f->space = r.kind;
    f->now.write = write;
    if (r.kind >= READ_ONLY) fill(*f, r, offset, size);
  }
  i64 signed_offset = (i64)offset;
  bool survives = r.kind >= READ_ONLY && signed_offset >= -(i64)MARGIN && signed_offset + size < (i64)(r.size + MARGIN);
  if (!survives) finish_now("out-of-bounds");
}

// What was found, kept without repetition, and printed as JSON. findings.py turns it into words.
#pragma once

#include "regions.h"

enum FindingKind : u32 {
  RACE, GROUP_RACE, SAME_VALUE, UNINITIALISED, OUT_OF_BOUNDS, INDEX, MISALIGNED, READ_ONLY_WRITE,
  DIVERGENT_BARRIER, INACTIVE_LANE, PARTIAL_SIMD, RUNAWAY, SCHEDULE, FLOAT_ORDER, CRASH, UNWRITTEN,
  THREADGROUP_MEMORY, STACK, FINDING_KINDS
};

static const char* const FINDING_NAMES[] = {
  "race", "group-race", "same-value", "uninitialised", "out-of-bounds", "index", "misaligned", "read-only",
  "divergent-barrier", "inactive-lane", "partial-simd", "runaway", "schedule", "float-order", "crash", "unwritten",
  "threadgroup-memory", "stack"
};

struct Access {
  u64 pc;
  i64 thread;      // -1: several, or not known
  i64 group;       // -1: not known
  u32 write, atomic;
};

struct Finding {
  FindingKind kind;
  u64 count, address, size;
  i64 offset;                 // in bytes from the start of the array
  const char* memory;         // the array's name
  u32 space, element;         // RegionKind
  i64 extent;
  Access now, before;
  bool has_before;
  i64 barrier;                // mem_flags of a barrier that lies between but does not order this memory, or -1
  bool same_simd;
  u32 sites[2];               // source lines of synchronisations
  u32 function;               // of a SIMD operation
  u64 numbers[4];
  u32 schedule;
  char text[160];
};

const u32 MAX_FINDINGS = 256;
extern Finding findings[MAX_FINDINGS];
extern u32 finding_count;
extern u64 findings_dropped;

// A place for a finding, or null if the same one (same kind, same lines) is known already.
COLD static Finding* note(FindingKind kind, u64 pc, u64 before_pc, const char* memory) {
  for (u32 i = 0; i < finding_count; ++i) {
    Finding& f = findings[i];
    if (f.kind == kind && f.now.pc == pc && f.before.pc == before_pc && f.memory == memory) {
      f.count++;
      return nullptr;
    }
  }
  u64 limit = launch.request->max_findings < MAX_FINDINGS ? launch.request->max_findings : MAX_FINDINGS;
  if (finding_count >= limit) {
    findings_dropped++;
    return nullptr;
  }
  Finding& f = findings[finding_count++];
  memset(&f, 0, sizeof f);
  f.kind = kind;
  f.count = 1;
  f.memory = memory;
  f.now.pc = pc;
  f.before.pc = before_pc;
  f.now.thread = current ? current->id : -1;
  f.now.group = launch.group_index;
  f.before.thread = f.before.group = -1;
  f.barrier = -1;
  f.schedule = launch.schedule;
  return &f;
}

static void print_string(const char* key, const char* s) {
  printf("\"%s\": \"", key);
  for (; s && *s; ++s) {
    if (*s == '"' || *s == '\\') putchar('\\');
    if ((u8)*s >= 32) putchar(*s);
  }
  printf("\", ");
}

static void print_access(const char* key, const Access& a) {
  printf("\"%s\": {\"pc\": %llu, \"thread\": %lld, \"group\": %lld, \"write\": %s, \"atomic\": %s}, ", key,
         (unsigned long long)a.pc, (long long)a.thread, (long long)a.group, a.write ? "true" : "false",
         a.atomic ? "true" : "false");
}

static void print_findings() {
  printf("\"findings\": [");
  for (u32 i = 0; i < finding_count; ++i) {
    const Finding& f = findings[i];
    printf("%s{", i ? ",\n" : "");
    print_string("kind", FINDING_NAMES[f.kind]);
    print_string("memory", f.memory ? f.memory : "");
    print_string("text", f.text);
    print_access("now", f.now);
    if (f.has_before) print_access("before", f.before);
    printf("\"space\": %u, \"element\": %u, \"offset\": %lld, \"extent\": %lld, \"size\": %llu, ", f.space, f.element,
           (long long)f.offset, (long long)f.extent, (unsigned long long)f.size);
    printf("\"barrier\": %lld, \"same_simd\": %s, \"sites\": [%u, %u], \"function\": %u, ", (long long)f.barrier,
           f.same_simd ? "true" : "false", f.sites[0], f.sites[1], f.function);
    printf("\"numbers\": [%llu, %llu, %llu, %llu], ", (unsigned long long)f.numbers[0],
           (unsigned long long)f.numbers[1], (unsigned long long)f.numbers[2], (unsigned long long)f.numbers[3]);
    printf("\"schedule\": %u, \"count\": %llu}", f.schedule, (unsigned long long)f.count);
  }
  printf("], \"dropped\": %llu", (unsigned long long)findings_dropped);
}

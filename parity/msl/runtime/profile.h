// What a kernel asks of memory, counted for each SIMD group and instruction: how many transactions its lanes'
// addresses make, how often they meet in a bank, and which bytes are touched at all.
#pragma once

#include "sync.h"

const u32 SEGMENT = 64;     // bytes of a transaction
const u32 BANKS = 32;       // of threadgroup memory, four bytes wide
const u64 LOG_LIMIT = 4 << 20;

struct LogEntry { u64 address; u32 pc, k; u16 simd; u8 lane, size, write, kind; };

struct Tally {
  u64 instructions, bytes_lanes, bytes_simd, transactions, ideal, conflicts;
};

struct PcTally { u32 pc; u8 kind, write; u64 instructions, transactions, ideal, conflicts; };

static LogEntry* log_entries;
static u64 log_count, log_lost, groups_logged;
static Tally tallies[5][2];                 // by RegionKind, write
static u8* touched[80][2];                  // a bit for every four bytes of each region
static const u32 PC_TALLIES = 512;
static PcTally pc_tallies[PC_TALLIES];
static u32 pc_tally_count;
static u32 occurrence_pc[1 << 12], occurrence_count[1 << 12];  // of the thread that runs
static const Thread* occurrence_thread;
static u32* block_counts;                   // how often each basic block was entered, by program counter

void profile_access(u64 address, u32 size, bool write, u64 pc, u32 kind) {
  if (pc > clock_.base_pc) pc -= clock_.base_pc;
  Region& r = region_of(address);
  u32 index = (u32)(&r - regions);
  if (!touched[index][write]) touched[index][write] = (u8*)map_anywhere(pages(r.size / 32 + 8));
  for (u64 o = (address - r.base) / 4; o <= (address - r.base + size - 1) / 4; ++o) touched[index][write][o / 8] |= 1 << o % 8;
  if (groups_logged > launch.request->profile_groups) return;
  if (log_count == LOG_LIMIT) { log_lost++; return; }
  if (occurrence_thread != current) {
    memset(occurrence_pc, 0, sizeof occurrence_pc);
    occurrence_thread = current;
  }
  u32 h = (u32)(pc * 2654435761u) >> 20;
  while (occurrence_pc[h] && occurrence_pc[h] != (u32)pc) h = (h + 1) & 4095;
  if (!occurrence_pc[h]) { occurrence_pc[h] = (u32)pc; occurrence_count[h] = 0; }
  // An instruction is the same one in two lanes if they have met as often before it and made it as often since.
  u32 k = (current->met << 12) + occurrence_count[h]++;
  log_entries[log_count++] = {address, (u32)pc, k, current->simd, current->lane,
                              (u8)size, write, (u8)kind};
}

static int by_instruction(const void* a, const void* b) {
  const LogEntry &x = *(const LogEntry*)a, &y = *(const LogEntry*)b;
  if (x.simd != y.simd) return x.simd < y.simd ? -1 : 1;
  if (x.pc != y.pc) return x.pc < y.pc ? -1 : 1;
  if (x.k != y.k) return x.k < y.k ? -1 : 1;
  return (int)x.lane - (int)y.lane;
}

static PcTally& pc_tally(const LogEntry& e) {
  for (u32 i = 0; i < pc_tally_count; ++i)
    if (pc_tallies[i].pc == e.pc && pc_tallies[i].kind == e.kind && pc_tallies[i].write == e.write) return pc_tallies[i];
  if (pc_tally_count == PC_TALLIES) return pc_tallies[PC_TALLIES - 1];
  PcTally& t = pc_tallies[pc_tally_count++];
  t = {e.pc, e.kind, e.write, 0, 0, 0, 0};
  return t;
}

static u32 distinct(u64* values, u32 n) {  // sorts in place
  for (u32 i = 1; i < n; ++i) {
    u64 v = values[i];
    u32 j = i;
    for (; j && values[j - 1] > v; --j) values[j] = values[j - 1];
    values[j] = v;
  }
  u32 unique = 0;
  for (u32 i = 0; i < n; ++i)
    if (!unique || values[unique - 1] != values[i]) values[unique++] = values[i];
  return unique;
}

static void count_instruction(const LogEntry* e, u32 lanes) {
  u64 segments[LANES * 8], words[LANES * 8];
  u32 n_segments = 0, n_words = 0;
  u64 bytes = 0;
  for (u32 i = 0; i < lanes; ++i) {
    bytes += e[i].size;
    for (u64 s = e[i].address / SEGMENT; s <= (e[i].address + e[i].size - 1) / SEGMENT && n_segments < LANES * 8; ++s)
      segments[n_segments++] = s;
    for (u64 w = e[i].address / 4; w <= (e[i].address + e[i].size - 1) / 4 && n_words < LANES * 8; ++w) words[n_words++] = w;
  }
  n_segments = distinct(segments, n_segments);
  n_words = distinct(words, n_words);
  u64 simd_bytes = n_words * 4 < bytes ? n_words * 4 : bytes;
  u64 ideal = (simd_bytes + SEGMENT - 1) / SEGMENT, conflicts = 0;
  if (e->kind == THREADGROUP) {
    u32 in_bank[BANKS] = {}, most = 0;
    for (u32 i = 0; i < n_words; ++i) {
      u32& b = in_bank[words[i] % BANKS];
      if (++b > most) most = b;
    }
    u32 least = (n_words + BANKS - 1) / BANKS;
    conflicts = most - least;
  }
  Tally& t = tallies[e->kind][e->write];
  t.instructions++;
  t.bytes_lanes += bytes;
  t.bytes_simd += simd_bytes;
  t.transactions += n_segments;
  t.ideal += ideal;
  t.conflicts += conflicts;
  PcTally& p = pc_tally(*e);
  p.instructions++;
  p.transactions += n_segments;
  p.ideal += ideal;
  p.conflicts += conflicts;
}

void profile_phase() {
  qsort(log_entries, log_count, sizeof(LogEntry), by_instruction);
  for (u64 i = 0; i < log_count;) {
    u64 j = i + 1;
    while (j < log_count && j - i < LANES && log_entries[j].simd == log_entries[i].simd &&
           log_entries[j].pc == log_entries[i].pc && log_entries[j].k == log_entries[i].k) j++;
    count_instruction(log_entries + i, (u32)(j - i));
    i = j;
  }
  log_count = 0;
  occurrence_thread = nullptr;
}

extern "C" void __sanitizer_cov_trace_pc() {
  if (block_counts) block_counts[(RETURN_PC - clock_.base_pc) & PC_MASK]++;
}

static u64 touched_bytes(u32 region, int write) {
  u8* bits = touched[region][write];
  if (!bits) return 0;
  u64 n = 0;
  for (u64 i = 0; i < regions[region].size / 32 + 1; ++i) n += __builtin_popcount(bits[i]);
  return n * 4;
}

static void print_profile() {
  printf(", \"profile\": {\"segment\": %u, \"banks\": %u, \"groups\": %llu, \"groups_logged\": %llu, \"lost\": %llu,\n",
         SEGMENT, BANKS, (unsigned long long)run_count,
         (unsigned long long)(groups_logged < launch.request->profile_groups ? groups_logged : launch.request->profile_groups),
         (unsigned long long)log_lost);
  printf("\"tallies\": [");
  for (u32 k = READ_ONLY; k <= THREADGROUP; ++k)
    for (u32 w = 0; w < 2; ++w) {
      const Tally& t = tallies[k][w];
      printf("%s{\"kind\": %u, \"write\": %u, \"instructions\": %llu, \"bytes_lanes\": %llu, \"bytes_simd\": %llu, "
             "\"transactions\": %llu, \"ideal\": %llu, \"conflicts\": %llu}", k == READ_ONLY && !w ? "" : ",\n", k, w,
             (unsigned long long)t.instructions, (unsigned long long)t.bytes_lanes, (unsigned long long)t.bytes_simd,
             (unsigned long long)t.transactions, (unsigned long long)t.ideal, (unsigned long long)t.conflicts);
    }
  printf("],\n\"buffers\": [");
  for (u64 i = 0; i < launch.request->buffers; ++i)
    printf("%s{\"read\": %llu, \"written\": %llu}", i ? ", " : "", (unsigned long long)touched_bytes(2 + i, 0),
           (unsigned long long)touched_bytes(2 + i, 1));
  printf("],\n\"lines\": [");
  for (u32 i = 0; i < pc_tally_count; ++i)
    printf("%s{\"pc\": %u, \"kind\": %u, \"write\": %u, \"instructions\": %llu, \"transactions\": %llu, \"ideal\": %llu, "
           "\"conflicts\": %llu}", i ? ",\n" : "", pc_tallies[i].pc, pc_tallies[i].kind, pc_tallies[i].write,
           (unsigned long long)pc_tallies[i].instructions, (unsigned long long)pc_tallies[i].transactions,
           (unsigned long long)pc_tallies[i].ideal, (unsigned long long)pc_tallies[i].conflicts);
  printf("],\n\"blocks\": [");
  bool first = true;
  for (u64 i = 0; block_counts && i <= PC_MASK; ++i)
    if (block_counts[i]) {
      printf("%s[%llu, %u]", first ? "" : ", ", (unsigned long long)i, block_counts[i]);
      first = false;
    }
  printf("]}");
}

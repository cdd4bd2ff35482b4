// One launch of one kernel: read the request, run the schedules, write the outputs back, print what was found.
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <sys/stat.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "atomics.h"
#include "instrument.h"
#include "mathlib.h"
#include "profile.h"
#include "signals.h"

Launch launch;
Thread threads[MAX_THREADS];
Attributes attributes[MAX_THREADS];
Thread* current;
Region regions[80];
Region* slots[SLOTS];
Finding findings[MAX_FINDINGS];
u32 finding_count;
u64 findings_dropped;
Variable variables[MAX_VARIABLES];
u32 variable_count;
u64 variable_end, variable_bytes;
Clock clock_;
bool checking, profiling;
GroupRun* runs;
u64 run_count;
Pending pending[MAX_PENDING];
u32 pending_count;
Exchange exchanges[LANES][2];
void* scheduler_sp;
Sync* sync_state;
bool msl_flush_subnormals;

static u8* first_outputs[64];
static double started;

static double now_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// What to add to a program counter that was found to get the address that tools know.
static u64 link_base() {
#if defined(MSL_PIE)
  return LINKED_AT;
#else
  return clock_.base_pc;
#endif
}

static void print_report(const char* ended) {
  u64 reads = 0, writes = 0;
  for (u32 i = 0; i < 78; ++i) {
    reads += regions[i].count[0];
    writes += regions[i].count[1];
  }
  printf("{\"ended\": \"%s\", \"seconds\": %.6f, \"reads\": %llu, \"writes\": %llu, \"threadgroup_bytes\": %llu, ", ended,
         now_seconds() - started, (unsigned long long)reads, (unsigned long long)writes, (unsigned long long)variable_bytes);
  printf("\"base\": %llu, ", (unsigned long long)link_base());
  printf("\"threadgroup_reads\": %llu, \"threadgroup_writes\": %llu, ", (unsigned long long)regions[0].count[0],
         (unsigned long long)regions[0].count[1]);
  printf("\"barriers\": %llu, \"simd_barriers\": %llu, \"simd_operations\": %llu, \"atomics\": %llu, \"math\": %llu, ",
         (unsigned long long)launch.barriers_group, (unsigned long long)launch.barriers_simd,
         (unsigned long long)launch.simd_operations, (unsigned long long)launch.atomics, (unsigned long long)math_calls);
  printf("\"schedules\": %u,\n", launch.schedule + 1);
  print_findings();
  if (profiling) print_profile();
  printf("}\n");
  fflush(stdout);
}

// The outputs of the first schedule go where the values lay that outputs started with, so this comes last.
static void write_outputs() {
  for (u64 i = 0; i < launch.request->buffers; ++i)
    if (launch.buffers[i].kind == OUTPUT)
      memcpy(launch.file + launch.buffers[i].offset, first_outputs[i] ? first_outputs[i] : (u8*)regions[2 + i].base,
             launch.buffers[i].size);
}

void finish_now(const char* why) {
  if (pending_count) settle_pending();
  write_outputs();
  print_report(why);
  _exit(0);
}

static void set_flush(bool on) {
  msl_flush_subnormals = on;
#if defined(__x86_64__)
  u32 word = _mm_getcsr() & ~0x8040u;
  _mm_setcsr(on ? word | 0x8040u : word);
#elif defined(__aarch64__)
  u64 word;
  asm volatile("mrs %0, fpcr" : "=r"(word));
  word = on ? word | (1ull << 24) : word & ~(1ull << 24);
  asm volatile("msr fpcr, %0" ::"r"(word));
#endif
}

static void prepare_buffers() {
  for (u64 i = 0; i < launch.request->buffers; ++i) {
    const Buffer& b = launch.buffers[i];
    Region& r = regions[2 + i];
    if (b.kind != OUTPUT && launch.schedule) continue;
    if (b.kind == OUTPUT && launch.schedule) {
      munmap(r.cells, r.cells_mapped);
      make_cells(r, r.size);
    }
    if (r.initialised) memcpy((void*)r.base, launch.file + b.offset, b.size);
    else memset((void*)r.base, 0xff, b.size);
  }
}

static void prepare_thread(u32 i, const u32* position, const u32* size, const u32* groups) {
  const Request& q = *launch.request;
  Thread& t = threads[i];
  t.id = (u16)i;
  t.simd = (u8)(i / LANES);
  t.lane = (u8)(i % LANES);
  t.state = READY;
  t.parity = t.spins = t.last = t.met = 0;
  Attributes& a = attributes[i];
  u32 local[3] = {i % size[0], i / size[0] % size[1], i / (size[0] * size[1])};
  for (u32 d = 0; d < 3; ++d) {
    u32 full = (u32)(q.group[d] < q.grid[d] ? q.group[d] : q.grid[d]);
    a.thread_position_in_threadgroup[d] = local[d];
    a.threadgroup_position_in_grid[d] = position[d];
    a.thread_position_in_grid[d] = position[d] * full + local[d];
    a.threads_per_grid[d] = a.grid_size[d] = (u32)q.grid[d];
    a.threads_per_threadgroup[d] = size[d];
    a.dispatch_threads_per_threadgroup[d] = full;
    a.threadgroups_per_grid[d] = groups[d];
    a.grid_origin[d] = 0;
  }
  u32 dispatched = a.dispatch_threads_per_threadgroup[0] * a.dispatch_threads_per_threadgroup[1] *
                   a.dispatch_threads_per_threadgroup[2];
  a.thread_index_in_threadgroup = i;
  a.thread_index_in_simdgroup = t.lane;
  a.simdgroup_index_in_threadgroup = t.simd;
  a.simdgroups_per_threadgroup = launch.simds;
  a.dispatch_simdgroups_per_threadgroup = (dispatched + LANES - 1) / LANES;
  a.threads_per_simdgroup = a.thread_execution_width = LANES;
  a.quadgroup_index_in_threadgroup = i / 4;
  a.quadgroups_per_threadgroup = (launch.threads + 3) / 4;
  a.dispatch_quadgroups_per_threadgroup = (dispatched + 3) / 4;
  a.thread_index_in_quadgroup = i % 4;
  u8* stack = (u8*)((u64)SLOT_STACKS << SLOT_SHIFT) + STACK_SIZE * (i + 1);
  // Tops of stacks at different distances from a page, or all of them would fall into the same sets of the cache.
  t.sp = fresh_stack(stack + STACK_SIZE - 64 - i % 64 * 320, thread_main);
}

static void run_group(u64 index, const u32* groups) {
  const Request& q = *launch.request;
  u32 position[3] = {(u32)(index % groups[0]), (u32)(index / groups[0] % groups[1]),
                     (u32)(index / ((u64)groups[0] * groups[1]))};
  u32 size[3];
  launch.threads = 1;
  for (u32 d = 0; d < 3; ++d) {
    u64 full = q.group[d] < q.grid[d] ? q.group[d] : q.grid[d];
    u64 left = q.grid[d] - position[d] * full;
    size[d] = (u32)(left < full ? left : full);
    launch.threads *= size[d];
    launch.group_position[d] = position[d];
  }
  launch.simds = (launch.threads + LANES - 1) / LANES;
  launch.group_index = (u32)index;
  clock_.now++;
  clock_.group = clock_.now << TIME;
  clock_.start[0] = clock_.start[1] = clock_.now;
  clock_.barrier_time = 0;
  memset(clock_.simd_start, 0, sizeof clock_.simd_start);
  memset(clock_.simd_barrier_time, 0, sizeof clock_.simd_barrier_time);
  memset(clock_.simd_operation, 0, sizeof clock_.simd_operation);
  runs[run_count++] = {clock_.now, 0, 0, 0, (u32)index, false};
  clear_threadgroup();
  for (u32 i = 0; i < launch.threads; ++i) prepare_thread(i, position, size, groups);
  groups_logged++;
  run_threads();
}

static void compare_schedules() {
  for (u64 i = 0; i < launch.request->buffers; ++i) {
    const Buffer& b = launch.buffers[i];
    if (b.kind != OUTPUT || !first_outputs[i]) continue;
    Region& r = regions[2 + i];
    const u8* now = (const u8*)r.base;
    if (memcmp(now, first_outputs[i], b.size) == 0) continue;
    u64 different = 0, first = 0, atomic = 0, element = b.element ? b.element : 1;
    for (u64 o = 0; o < b.size; o += element)
      if (memcmp(now + o, first_outputs[i] + o, element)) {
        if (!different++) first = o;
        atomic += (r.cells[o >> r.shift].w & ATOMIC) != 0;
      }
    Finding* f = note(b.floating && atomic == different ? FLOAT_ORDER : SCHEDULE, 0, 0, b.name);
    if (!f) continue;
    f->now.thread = -1;
    fill(*f, r, first, (u32)element);
    f->numbers[0] = different;
    f->numbers[1] = b.size / element;
    memcpy(&f->numbers[2], first_outputs[i] + first, element < 8 ? element : 8);
    memcpy(&f->numbers[3], now + first, element < 8 ? element : 8);
  }
}

static void find_unwritten() {
  for (u64 i = 0; i < launch.request->buffers; ++i) {
    const Buffer& b = launch.buffers[i];
    Region& r = regions[2 + i];
    if (b.kind != OUTPUT || r.initialised || !checking) continue;
    u64 unwritten = 0, first = 0;
    for (u64 o = 0; o < b.size; o += b.element)
      if (!r.cells[o >> r.shift].w && !unwritten++) first = o;
    if (!unwritten) continue;
    Finding* f = note(UNWRITTEN, 0, 0, b.name);
    if (!f) continue;
    f->now.thread = -1;
    fill(*f, r, first, (u32)b.element);
    f->numbers[0] = unwritten;
    f->numbers[1] = b.size / b.element;
  }
}

static void run_schedule(u32 schedule) {
  const Request& q = *launch.request;
  launch.schedule = schedule;
  launch.random = q.seed * 0x9e3779b97f4a7c15ull + schedule;
  prepare_buffers();
  u32 groups[3];
  u64 total = 1;
  for (u32 d = 0; d < 3; ++d) {
    u64 full = q.group[d] < q.grid[d] ? q.group[d] : q.grid[d];
    groups[d] = full ? (u32)((q.grid[d] + full - 1) / full) : 0;
    total *= groups[d];
  }
  run_count = 0;
  runs = (GroupRun*)realloc(runs, sizeof(GroupRun) * (total + 1));
  Shuffle order((u32)total);
  for (u64 i = 0; i < total; ++i) run_group(order((u32)i), groups);
  current = nullptr;
  launch.group_index = ~0u;
  if (schedule == 0) {
    find_unwritten();
    if (q.schedules > 1)
      for (u64 i = 0; i < q.buffers; ++i)
        if (launch.buffers[i].kind == OUTPUT) {
          first_outputs[i] = (u8*)map_anywhere(pages(launch.buffers[i].size + 1));
          memcpy(first_outputs[i], (void*)regions[2 + i].base, launch.buffers[i].size);
        }
  } else {
    compare_schedules();
  }
}

int main(int, char** argv) {
  int fd = open(argv[1], O_RDWR);
  struct stat st;
  if (fd < 0 || fstat(fd, &st)) return 2;
  launch.file = (u8*)mmap(0, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (launch.file == MAP_FAILED) return 2;
  launch.request = (const Request*)launch.file;
  launch.buffers = (const Buffer*)(launch.file + sizeof(Request));
  const Request& q = *launch.request;
  if (q.magic != MAGIC) return 2;
  set_limits();
#if defined(MSL_PIE)
  clock_.base_pc = PROGRAM_START;
#else
  clock_.base_pc = PROGRAM_START & ~PC_MASK;
#endif
  checking = q.flags & FLAG_CHECK;
  profiling = q.flags & FLAG_PROFILE;
  drawing = q.math != 0;
  math_seed = q.math_seed;
  map_fixed(THREADGROUP_ARENA);
  for (u64 i = 0; i < q.buffers; ++i) map_buffer((u32)i, launch.buffers[i]);
  for (Region& r : regions) r.order = &clock_.order[r.kind == DEVICE];
  if (profiling) {
    log_entries = (LogEntry*)map_anywhere(LOG_LIMIT * sizeof(LogEntry));
    block_counts = (u32*)map_anywhere((PC_MASK + 1) * 4);
  }
  install_signals();
  set_flush(q.flags & FLAG_FLUSH);
  started = now_seconds();
  for (u64 s = 0; s < (q.schedules ? q.schedules : 1); ++s) run_schedule((u32)s);
  write_outputs();
  print_report("done");
  _exit(0);
}

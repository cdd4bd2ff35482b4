// A kernel that crashes or does not end: where it was, and then the end of the run.
#pragma once

#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <ucontext.h>

#include "report.h"

static u64 program_counter(void* context) {
#if defined(__x86_64__) && defined(__linux__)
  return (u64)((ucontext_t*)context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__x86_64__)
  return ((ucontext_t*)context)->uc_mcontext->__ss.__rip;
#elif defined(__APPLE__)
  return ((ucontext_t*)context)->uc_mcontext->__ss.__pc;
#else
  return ((ucontext_t*)context)->uc_mcontext.pc;
#endif
}

// Program counters on the interrupted thread's stack: if it was in the runtime, one of them is the kernel's.
static void find_callers(void* context, u64* found) {
  u64 sp = 0;
#if defined(__x86_64__) && defined(__linux__)
  sp = (u64)((ucontext_t*)context)->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__) && defined(__linux__)
  sp = ((ucontext_t*)context)->uc_mcontext.sp;
#endif
  if ((sp >> SLOT_SHIFT) != SLOT_STACKS || (sp & 7)) return;
  const u64 bottom = (sp & ~(STACK_SIZE - 1)) + PAGE;  // below lies the page that may not be touched
  if (sp < bottom) sp = bottom;
  u32 n = 0;
  for (u64* p = (u64*)sp; n < 3 && (u64)p < (sp | (STACK_SIZE - 1)) && p < (u64*)sp + 64; ++p)
    if (*p > PROGRAM_START && *p < PROGRAM_END) found[n++] = (*p - 1 - clock_.base_pc) & PC_MASK;
}

static void on_signal(int number, siginfo_t* info, void* context) {
  u64 pc = program_counter(context), address = (u64)info->si_addr;
  bool alarm = number == SIGALRM || number == SIGVTALRM || number == SIGXCPU;
  bool on_stacks = number != SIGFPE && !alarm && (address >> SLOT_SHIFT) == SLOT_STACKS;
  FindingKind kind = alarm ? RUNAWAY : on_stacks ? STACK : CRASH;
  Finding* f = note(kind, (pc - clock_.base_pc) & PC_MASK, 0, nullptr);
  if (f) {
    f->numbers[0] = alarm ? launch.request->time_limit_ms : (u64)number;
    f->address = address;
    find_callers(context, f->numbers + 1);
    const bool trap = number == SIGILL || number == SIGTRAP;  // put in where every way on has no meaning
    const char* what = number == SIGFPE ? "integer division by zero" : alarm ? "time limit" :
                       trap ? "an operation without a meaning: no value returned, say" :
                       "memory fault";
    snprintf(f->text, sizeof f->text, "%s", what);
  }
  finish_now(alarm ? "time" : "crash");
}

// Called before a division by zero: one processor gives zero for it, and a constant 0 leaves a compiler no division.
extern "C" void __ubsan_handle_divrem_overflow(void*, u64, u64) {
  Finding* f = note(CRASH, (RETURN_PC - clock_.base_pc) & PC_MASK, 0, nullptr);
  if (f) {
    f->numbers[0] = (u64)SIGFPE;
    snprintf(f->text, sizeof f->text, "%s", "integer division by zero");
  }
  finish_now("crash");
}

static void limit(int what, u64 soft, u64 hard) {
  rlimit r = {(rlim_t)soft, (rlim_t)hard};
  setrlimit(what, &r);
}

// What the process may use. The timer comes first and leaves time to say where the kernel was.
static void set_limits() {
  limit(RLIMIT_CORE, 0, 0);
  u64 seconds = launch.request->time_limit_ms / 1000 + 5;
  limit(RLIMIT_CPU, seconds, seconds + 5);
#if defined(__linux__)
  limit(RLIMIT_AS, launch.request->address_space, launch.request->address_space);
#endif
}

static void install_signals() {
  stack_t s = {};
  s.ss_size = 1 << 18;
  s.ss_sp = malloc(s.ss_size);
  sigaltstack(&s, 0);
  struct sigaction a = {};
  a.sa_sigaction = on_signal;
  a.sa_flags = SA_SIGINFO | SA_ONSTACK;
  const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGVTALRM, SIGALRM, SIGXCPU};
  for (int n : signals) sigaction(n, &a, 0);
  itimerval t = {};
  t.it_value.tv_sec = (time_t)(launch.request->time_limit_ms / 1000);
  t.it_value.tv_usec = (suseconds_t)(launch.request->time_limit_ms % 1000 * 1000);
  if (launch.request->time_limit_ms) setitimer(ITIMER_VIRTUAL, &t, 0);
}

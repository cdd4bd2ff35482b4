// Light stacks: one for each thread of a threadgroup, and a switch of a dozen instructions.
#pragma once

#include "base.h"

extern "C" void msl_switch(void** save, void* to);

#if defined(__x86_64__)
asm(R"(
.text
.globl msl_switch
.type msl_switch,@function
msl_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");
#elif defined(__aarch64__)
#if defined(__APPLE__)
#define SYMBOL "_msl_switch"
#else
#define SYMBOL "msl_switch"
#endif
asm(".text\n.globl " SYMBOL "\n.p2align 2\n" SYMBOL ":\n" R"(
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x2, sp
  str x2, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
)");
#else
#error "the executor knows x86-64 and arm64"
#endif

// The stack pointer of a thread that has not started: its first switch returns into `start`.
static void* fresh_stack(u8* top, void (*start)()) {
  u64* sp = (u64*)((u64)top & ~63ull);
#if defined(__x86_64__)
  *--sp = 0;              // a return address for `start`, which never returns; keeps the ABI's alignment
  *--sp = (u64)start;
  for (int i = 0; i < 6; ++i) *--sp = 0;
#else
  sp -= 20;
  for (int i = 0; i < 20; ++i) sp[i] = 0;
  sp[11] = (u64)start;    // x30
#endif
  return sp;
}

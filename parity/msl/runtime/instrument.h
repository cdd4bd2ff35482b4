// The functions that the compiler's instrumentation calls. -fsanitize=thread writes a call before each load and
// store; -fsanitize=alignment,bounds one where a pointer is not aligned or an index is beyond its array.
#pragma once

#include "report.h"

#define ACCESS(N)                                                                                            \
  extern "C" void __tsan_read##N(void* p) { check<N, false>((u64)p, RETURN_PC); }                            \
  extern "C" void __tsan_write##N(void* p) { check<N, true>((u64)p, RETURN_PC); }                            \
  extern "C" void __tsan_volatile_read##N(void* p) { check<N, false>((u64)p, RETURN_PC); }                   \
  extern "C" void __tsan_volatile_write##N(void* p) { check<N, true>((u64)p, RETURN_PC); }                   \
  extern "C" void __tsan_unaligned_read##N(void* p) { check_range<false>((u64)p, N, RETURN_PC); }            \
  extern "C" void __tsan_unaligned_write##N(void* p) { check_range<true>((u64)p, N, RETURN_PC); }            \
  extern "C" void __tsan_read##N##_pc(void* p, void* pc) { check<N, false>((u64)p, (u64)pc); }               \
  extern "C" void __tsan_write##N##_pc(void* p, void* pc) { check<N, true>((u64)p, (u64)pc); }
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)
#undef ACCESS

extern "C" void __tsan_read_range(void* p, size_t n) { check_range<false>((u64)p, n, RETURN_PC); }
extern "C" void __tsan_write_range(void* p, size_t n) { check_range<true>((u64)p, n, RETURN_PC); }
extern "C" void __tsan_init() {}
extern "C" void __tsan_func_entry(void*) {}
extern "C" void __tsan_func_exit() {}
extern "C" void __tsan_vptr_update(void*, void*) {}
extern "C" void __tsan_vptr_read(void*) {}
extern "C" void* __tsan_memcpy(void* to, const void* from, size_t n) {
  check_range<false>((u64)from, n, RETURN_PC);
  check_range<true>((u64)to, n, RETURN_PC);
  return memcpy(to, from, n);
}
extern "C" void* __tsan_memset(void* to, int value, size_t n) {
  check_range<true>((u64)to, n, RETURN_PC);
  return memset(to, value, n);
}

struct SourceLocation { const char* file; u32 line, column; };
struct TypeDescriptor { u16 kind, info; char name[1]; };
struct MismatchData { SourceLocation where; const TypeDescriptor* type; u8 log_alignment, check_kind; };
struct BoundsData { SourceLocation where; const TypeDescriptor *array, *index; };

extern "C" void __ubsan_handle_type_mismatch_v1(MismatchData* data, u64 address) {
  u64 pc = (RETURN_PC - clock_.base_pc) & PC_MASK;
  Region& r = region_of(address);
  if (r.kind == WILD || r.kind == PLAIN) return;  // a wild address is reported at the access
  Finding* f = note(MISALIGNED, pc, 0, memory_name(r, address - r.base));
  if (!f) return;
  fill(*f, r, address - r.base, 1u << data->log_alignment);
  f->numbers[0] = r.lead;
  snprintf(f->text, sizeof f->text, "%s", data->type->name);
}

extern "C" void __ubsan_handle_out_of_bounds(BoundsData* data, u64 index) {
  Finding* f = note(INDEX, (RETURN_PC - clock_.base_pc) & PC_MASK, 0, nullptr);
  if (!f) return;
  u32 bits = 1u << (data->index->info >> 1);
  i64 value = bits >= 64 ? (i64)index : (data->index->info & 1) ? (i64)(index << (64 - bits)) >> (64 - bits) : (i64)index;
  f->offset = value;
  snprintf(f->text, sizeof f->text, "%s", data->array->name);
}

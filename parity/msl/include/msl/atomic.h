// Atomic types and operations. Threads of the executor take turns on one core; what an operation has to do besides
// is to tell the runtime, which knows that two atomic operations do not race.
#pragma once

#include "common.h"
#include "sync.h"

extern "C" void msl_atomic(const volatile void* p, unsigned size, unsigned flags, unsigned long pc);

namespace metal {

template <typename T> struct atomic { T value_; };
typedef atomic<int> atomic_int;
typedef atomic<uint> atomic_uint;
typedef atomic<bool> atomic_bool;
typedef atomic<float> atomic_float;
typedef atomic<long> atomic_long;
typedef atomic<ulong> atomic_ulong;

#define MSL_HERE ((unsigned long)__builtin_return_address(0) - 1)
#define MSL_ORDERED(order) ((order) == memory_order_relaxed ? 0u : 4u)
template <typename T> struct msl_same { using type = T; };
template <typename T> using msl_not_deduced = typename msl_same<T>::type;

template <typename T>
MSL_UNCHECKED void atomic_store_explicit(volatile atomic<T>* p, msl_not_deduced<T> v, memory_order o, thread_scope = thread_scope_device) {
  msl_atomic(p, sizeof(T), 2 | MSL_ORDERED(o), MSL_HERE);
  *const_cast<T*>(&p->value_) = v;
}
template <typename T>
MSL_UNCHECKED T atomic_load_explicit(const volatile atomic<T>* p, memory_order o, thread_scope = thread_scope_device) {
  msl_atomic(p, sizeof(T), 1 | MSL_ORDERED(o), MSL_HERE);
  return *const_cast<const T*>(&p->value_);
}

#define MSL_FETCH(name, body)                                                                                  \
  template <typename T>                                                                                        \
  MSL_UNCHECKED T name(volatile atomic<T>* p, msl_not_deduced<T> v, memory_order o, thread_scope = thread_scope_device) { \
    msl_atomic(p, sizeof(T), 3 | MSL_ORDERED(o), MSL_HERE);                                                    \
    T& place = *const_cast<T*>(&p->value_);                                                                    \
    const T old = place;                                                                                       \
    place = (T)(body);                                                                                         \
    return old;                                                                                                \
  }
MSL_FETCH(atomic_exchange_explicit, v)
MSL_FETCH(atomic_fetch_add_explicit, old + v)
MSL_FETCH(atomic_fetch_sub_explicit, old - v)
MSL_FETCH(atomic_fetch_and_explicit, old & v)
MSL_FETCH(atomic_fetch_or_explicit, old | v)
MSL_FETCH(atomic_fetch_xor_explicit, old ^ v)
MSL_FETCH(atomic_fetch_min_explicit, v < old ? v : old)
MSL_FETCH(atomic_fetch_max_explicit, old < v ? v : old)
MSL_FETCH(atomic_min_explicit, v < old ? v : old)
MSL_FETCH(atomic_max_explicit, old < v ? v : old)
#undef MSL_FETCH

template <typename T>
MSL_UNCHECKED bool atomic_compare_exchange_weak_explicit(volatile atomic<T>* p, T* expected, msl_not_deduced<T> desired,
                                                         memory_order success, memory_order failure = memory_order_relaxed,
                                                         thread_scope = thread_scope_device) {
  msl_atomic(p, sizeof(T), 3 | MSL_ORDERED(success) | MSL_ORDERED(failure), MSL_HERE);
  T& place = *const_cast<T*>(&p->value_);
  if (__builtin_memcmp(&place, expected, sizeof(T)) == 0) {  // bits, not values: -0.0 and 0.0 differ
    place = desired;
    return true;
  }
  *expected = place;
  return false;
}

}  // namespace metal

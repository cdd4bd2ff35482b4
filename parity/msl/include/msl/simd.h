// SIMD group and quad group functions. Each lane puts its value into an exchange area and waits for the others;
// what it returns is then read from there. Only lanes that are active take part.
#pragma once

#include "common.h"
#include "functions.h"
#include "sync.h"

struct MslExchange {
  unsigned active, exists, computed, reported;
  alignas(16) unsigned char result[64];
  alignas(16) unsigned char slot[32][64];
};
extern "C" MslExchange* msl_exchange(unsigned function, const void* mine, unsigned size, unsigned site, unsigned long pc);
extern "C" void msl_inactive(unsigned function, unsigned lane, unsigned site, unsigned long pc);
extern "C" unsigned msl_lane();

namespace metal {

#define MSL_SITE unsigned site = __builtin_LINE()
#define MSL_PC ((unsigned long)__builtin_return_address(0) - 1)

template <typename T> MSL_UNCHECKED const T& msl_slot(const MslExchange* e, uint lane) { return *(const T*)e->slot[lane]; }

// A reduction over the lanes that take part. The language leaves its order open; this is the one of all Apple GPUs so
// far, pairs of lanes 1, 2, 4, 8, 16 apart (mlx-lm's tests hold simd_sum to it). The first lane computes it for all.
template <typename T, typename F>
MSL_UNCHECKED T msl_reduce(uint function, T x, F f, uint site, unsigned long pc, uint width = 32) {
  MslExchange* e = msl_exchange(function, &x, sizeof(T), site, pc);
  const uint lane = msl_lane(), base = lane / width * width;
  if (e->computed >> (base / 4) & 1) return *(const T*)(width == 32 ? e->result : e->slot[base]);
  T value[32];
  bool have[32];
  for (uint i = 0; i < width; ++i) {
    have[i] = e->active >> (base + i) & 1;
    if (have[i]) value[i] = msl_slot<T>(e, base + i);
  }
  for (uint d = 1; d < width; d *= 2)
    for (uint i = 0; i < width; i += 2 * d)
      if (have[i + d]) {
        value[i] = have[i] ? f(value[i], value[i + d]) : value[i + d];
        have[i] = true;
      }
  e->computed |= 1u << (base / 4);
  __builtin_memcpy(width == 32 ? e->result : e->slot[base], &value[0], sizeof(T));
  return value[0];
}

template <typename T, typename F>
MSL_UNCHECKED T msl_prefix(T x, T start, F f, bool inclusive, uint site, unsigned long pc, uint width = 32) {
  MslExchange* e = msl_exchange(MSL_SIMD_PREFIX, &x, sizeof(T), site, pc);
  const uint lane = msl_lane();
  T value = start;
  for (uint i = lane / width * width; i < lane; ++i)
    if (e->active >> i & 1) value = f(value, msl_slot<T>(e, i));
  return inclusive ? f(value, x) : value;
}

// The value of another lane. Of a lane that does not take part there is none: that is reported, and the bits are poison.
template <typename T>
MSL_UNCHECKED T msl_pick(uint function, const MslExchange* e, uint lane, uint site, unsigned long pc) {
  if (lane < 32 && (e->active >> lane & 1)) return msl_slot<T>(e, lane);
  msl_inactive(function, lane, site, pc);
  T poison;
  __builtin_memset((void*)&poison, 0xff, sizeof(T));
  return poison;
}

#define MSL_REDUCE(name, function, expression)                                                                 \
  template <typename T> MSL_UNCHECKED T simd_##name(T x, MSL_SITE) {                                           \
    return msl_reduce(function, x, [](T a, T b) { return (T)(expression); }, site, MSL_PC);                    \
  }                                                                                                            \
  template <typename T> MSL_UNCHECKED T quad_##name(T x, MSL_SITE) {                                           \
    return msl_reduce(function | MSL_QUAD, x, [](T a, T b) { return (T)(expression); }, site, MSL_PC, 4);      \
  }
MSL_REDUCE(sum, MSL_SIMD_SUM, a + b)
MSL_REDUCE(product, MSL_SIMD_PRODUCT, a * b)
MSL_REDUCE(max, MSL_SIMD_MAX, max(a, b))
MSL_REDUCE(min, MSL_SIMD_MIN, min(a, b))
MSL_REDUCE(and, MSL_SIMD_AND, a & b)
MSL_REDUCE(or, MSL_SIMD_OR, a | b)
MSL_REDUCE(xor, MSL_SIMD_XOR, a ^ b)
#undef MSL_REDUCE

#define MSL_PREFIX_FUNCTIONS(name, start, expression)                                                          \
  template <typename T> MSL_UNCHECKED T simd_prefix_inclusive_##name(T x, MSL_SITE) {                          \
    return msl_prefix(x, (T)start, [](T a, T b) { return (T)(expression); }, true, site, MSL_PC);              \
  }                                                                                                            \
  template <typename T> MSL_UNCHECKED T simd_prefix_exclusive_##name(T x, MSL_SITE) {                          \
    return msl_prefix(x, (T)start, [](T a, T b) { return (T)(expression); }, false, site, MSL_PC);             \
  }                                                                                                            \
  template <typename T> MSL_UNCHECKED T quad_prefix_inclusive_##name(T x, MSL_SITE) {                          \
    return msl_prefix(x, (T)start, [](T a, T b) { return (T)(expression); }, true, site, MSL_PC, 4);           \
  }                                                                                                            \
  template <typename T> MSL_UNCHECKED T quad_prefix_exclusive_##name(T x, MSL_SITE) {                          \
    return msl_prefix(x, (T)start, [](T a, T b) { return (T)(expression); }, false, site, MSL_PC, 4);          \
  }
MSL_PREFIX_FUNCTIONS(sum, 0, a + b)
MSL_PREFIX_FUNCTIONS(product, 1, a * b)
#undef MSL_PREFIX_FUNCTIONS

// Functions that read one other lane. `from` is that lane; beyond the group the caller's own value stays.
#define MSL_LANE(name, function, width, from, outside)                                                         \
  template <typename T> MSL_UNCHECKED T name(T x, ushort by, MSL_SITE) {                                       \
    const unsigned long pc = MSL_PC;                                                                           \
    const MslExchange* e = msl_exchange(function, &x, sizeof(T), site, pc);                                    \
    const uint lane = msl_lane(), base = lane / width * width, i = lane % width;                               \
    (void)i;                                                                                                   \
    if (outside) return x;                                                                                     \
    return msl_pick<T>(function, e, base + (uint)(from), site, pc);                                            \
  }
MSL_LANE(simd_broadcast, MSL_SIMD_BROADCAST, 32, by, false)
MSL_LANE(simd_shuffle, MSL_SIMD_SHUFFLE, 32, by, false)
MSL_LANE(simd_shuffle_up, MSL_SIMD_SHUFFLE_UP, 32, i - by, i < by)
MSL_LANE(simd_shuffle_down, MSL_SIMD_SHUFFLE_DOWN, 32, i + by, i + by > 31)
MSL_LANE(simd_shuffle_xor, MSL_SIMD_SHUFFLE_XOR, 32, i ^ by, (i ^ by) > 31)
MSL_LANE(simd_shuffle_rotate_up, MSL_SIMD_ROTATE, 32, (i + 32 - by % 32) % 32, false)
MSL_LANE(simd_shuffle_rotate_down, MSL_SIMD_ROTATE, 32, (i + by) % 32, false)
MSL_LANE(quad_broadcast, MSL_SIMD_BROADCAST | MSL_QUAD, 4, by & 3, false)
MSL_LANE(quad_shuffle, MSL_SIMD_SHUFFLE | MSL_QUAD, 4, by & 3, false)
MSL_LANE(quad_shuffle_up, MSL_SIMD_SHUFFLE_UP | MSL_QUAD, 4, i - by, i < by)
MSL_LANE(quad_shuffle_down, MSL_SIMD_SHUFFLE_DOWN | MSL_QUAD, 4, i + by, i + by > 3)
MSL_LANE(quad_shuffle_xor, MSL_SIMD_SHUFFLE_XOR | MSL_QUAD, 4, (i ^ by) & 3, false)
MSL_LANE(quad_shuffle_rotate_up, MSL_SIMD_ROTATE | MSL_QUAD, 4, (i + 4 - by % 4) % 4, false)
MSL_LANE(quad_shuffle_rotate_down, MSL_SIMD_ROTATE | MSL_QUAD, 4, (i + by) % 4, false)
#undef MSL_LANE

// Beyond the group the value comes from the other end of `filling`.
template <typename T>
MSL_UNCHECKED T simd_shuffle_and_fill_up(T x, T filling, ushort by, ushort modulo = 32, MSL_SITE) {
  T both[2] = {x, filling};
  const unsigned long pc = MSL_PC;
  const MslExchange* e = msl_exchange(MSL_SIMD_FILL, both, sizeof both, site, pc);
  const uint lane = msl_lane(), i = lane % modulo, base = lane - i;
  struct Pair { T x, filling; };
  const uint from = i >= by ? i - by : i + modulo - by;
  const Pair p = msl_pick<Pair>(MSL_SIMD_FILL, e, base + from, site, pc);
  return i >= by ? p.x : p.filling;
}
template <typename T>
MSL_UNCHECKED T simd_shuffle_and_fill_down(T x, T filling, ushort by, ushort modulo = 32, MSL_SITE) {
  T both[2] = {x, filling};
  const unsigned long pc = MSL_PC;
  const MslExchange* e = msl_exchange(MSL_SIMD_FILL, both, sizeof both, site, pc);
  const uint lane = msl_lane(), i = lane % modulo, base = lane - i;
  struct Pair { T x, filling; };
  const uint from = i + by < modulo ? i + by : i + by - modulo;
  const Pair p = msl_pick<Pair>(MSL_SIMD_FILL, e, base + from, site, pc);
  return i + by < modulo ? p.x : p.filling;
}

template <typename T> MSL_UNCHECKED T simd_broadcast_first(T x, MSL_SITE) {
  const unsigned long pc = MSL_PC;
  const MslExchange* e = msl_exchange(MSL_SIMD_BROADCAST_FIRST, &x, sizeof(T), site, pc);
  return msl_slot<T>(e, (uint)__builtin_ctz(e->active));
}
template <typename T> MSL_UNCHECKED T quad_broadcast_first(T x, MSL_SITE) {
  const unsigned long pc = MSL_PC;
  const MslExchange* e = msl_exchange(MSL_SIMD_BROADCAST_FIRST | MSL_QUAD, &x, sizeof(T), site, pc);
  const uint base = msl_lane() / 4 * 4;
  return msl_slot<T>(e, base + (uint)__builtin_ctz(e->active >> base & 15));
}

struct simd_vote {
  using vote_t = uint64_t;
  vote_t bits_, active_;
  simd_vote() = default;
  constexpr explicit simd_vote(vote_t v) : bits_(v), active_(0xffffffffull) {}
  constexpr simd_vote(vote_t v, vote_t active) : bits_(v), active_(active) {}
  constexpr explicit operator vote_t() const { return bits_; }
  constexpr bool all() const { return bits_ == active_; }
  constexpr bool any() const { return bits_ != 0; }
};
typedef simd_vote quad_vote;

MSL_UNCHECKED inline uint msl_ballot(uint function, bool b, uint site, unsigned long pc, uint* active) {
  const MslExchange* e = msl_exchange(function, &b, sizeof b, site, pc);
  uint mask = 0;
  for (uint i = 0; i < 32; ++i)
    if ((e->active >> i & 1) && e->slot[i][0]) mask |= 1u << i;
  *active = e->active;
  return mask;
}
MSL_UNCHECKED inline simd_vote simd_ballot(bool b, MSL_SITE) {
  uint active, mask = msl_ballot(MSL_SIMD_BALLOT, b, site, MSL_PC, &active);
  return simd_vote(mask, active);
}
MSL_UNCHECKED inline bool simd_all(bool b, MSL_SITE) {
  uint active, mask = msl_ballot(MSL_SIMD_VOTE, b, site, MSL_PC, &active);
  return mask == active;
}
MSL_UNCHECKED inline bool simd_any(bool b, MSL_SITE) {
  uint active;
  return msl_ballot(MSL_SIMD_VOTE, b, site, MSL_PC, &active) != 0;
}
MSL_UNCHECKED inline simd_vote simd_active_threads_mask(MSL_SITE) {
  uint active;
  msl_ballot(MSL_SIMD_ACTIVE, true, site, MSL_PC, &active);
  return simd_vote(active, active);
}
MSL_UNCHECKED inline bool simd_is_first(MSL_SITE) {
  uint active;
  msl_ballot(MSL_SIMD_ACTIVE, true, site, MSL_PC, &active);
  return (uint)__builtin_ctz(active) == msl_lane();
}
MSL_INLINE bool simd_is_helper_thread() { return false; }
MSL_UNCHECKED inline bool quad_all(bool b, MSL_SITE) {
  uint active, mask = msl_ballot(MSL_SIMD_VOTE | MSL_QUAD, b, site, MSL_PC, &active), base = msl_lane() / 4 * 4;
  return (mask >> base & 15) == (active >> base & 15);
}
MSL_UNCHECKED inline bool quad_any(bool b, MSL_SITE) {
  uint active, mask = msl_ballot(MSL_SIMD_VOTE | MSL_QUAD, b, site, MSL_PC, &active), base = msl_lane() / 4 * 4;
  return (mask >> base & 15) != 0;
}
MSL_UNCHECKED inline quad_vote quad_ballot(bool b, MSL_SITE) {
  uint active, mask = msl_ballot(MSL_SIMD_BALLOT | MSL_QUAD, b, site, MSL_PC, &active), base = msl_lane() / 4 * 4;
  return quad_vote(mask >> base & 15, active >> base & 15);
}

}  // namespace metal

// Both halves of the features of a block-diagonal product at once, tile by tile, for the gate between them.
//
// Feature f of the first half belongs to feature f + m of the second, m = k·q/2. Over a segment, a block (or half of one
// where the number of blocks is odd), both come from one block each, and these two are not the same unless there is one.
#include "gemm.h"
#include "gelu.h"

struct Segment {
  int first, features;          // of the first half
  int block_a, row_a, block_b, row_b;  // where the features of the two halves begin
};

inline Segment segment(int index, int blocks, int q) {
  const int features = blocks % 2 ? q / 2 : q;
  const int a = index * features, b = a + blocks * q / 2;
  return {a, features, a / q, a % q, b / q, b % q};
}

// A SIMD group's 16×32 of both halves of x·Wᵀ.
template <typename T, int BM, int BN, int BK, bool MATRIX, typename P, typename Q>
void multiply_halves(
    thread Block<2, 4, MATRIX>& first, thread Block<2, 4, MATRIX>& second, threadgroup T* tiles, P x, Q weight,
    Segment s, int rows, int blocks, int q, int p, int first_row, int first_column, int simd, int lane) {
  constexpr int THREADS = BM * BN / 16;
  using Tiles = Pair<T, BM, BN, BK, false, true, THREADS>;
  const int t = 32 * simd + lane;
  const int row = simd / (BN / 32) * 16, column = simd % (BN / 32) * 32;
  const bool same = s.block_a == s.block_b;  // then x is read once
  const P x_a = x + s.block_a * p, x_b = x + s.block_b * p;
  const Q w_a = weight + (s.block_a * q + s.row_a) * p, w_b = weight + (s.block_b * q + s.row_b) * p;
  Tiles a, b;
  first.clear();
  second.clear();
  for (int inner = -BK, now = 1; inner < p; inner += BK) {
    const int ahead = inner + BK;
    if (ahead < p) {
      a.fetch_left(x_a, blocks * p, rows, p, first_row, ahead, t);
      a.fetch_right(w_a, p, s.features, p, first_column, ahead, t);
      if (!same) b.fetch_left(x_b, blocks * p, rows, p, first_row, ahead, t);
      b.fetch_right(w_b, p, s.features, p, first_column, ahead, t);
    }
    if (inner >= 0) {
      const threadgroup T* of_a = tiles + now * 2 * Tiles::size();
      const threadgroup T* of_b = of_a + Tiles::size();
      first.template add<T, BM, BN, BK, false, true>(of_a, of_a + Tiles::left_size(), row, column, lane);
      second.template add<T, BM, BN, BK, false, true>(
          same ? of_a : of_b, of_b + Tiles::left_size(), row, column, lane);
    }
    now = 1 - now;
    if (ahead < p) {
      threadgroup T* into = tiles + now * 2 * Tiles::size();
      a.put(into, t);
      if (!same) b.left.put(into + Tiles::size(), t);
      b.right.put(into + Tiles::size() + Tiles::left_size(), t);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
}

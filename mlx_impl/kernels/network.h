// A tile of 32 positions on its way through a network of sines. A lane is a position; each of eight SIMD groups has
// every eighth feature of the tile, so that a threadgroup reads each weight once.
enum { POSITIONS = 32, SIMDS = 8, THREADS = 256 };

// Where a thread is, and where its tile.
struct Place {
  int index, simd, lane;  // in the threadgroup
  int first, length;      // of the tile's positions, of all
};

// acc[r] += Σ_k W[row, k]·x[k·step] for the SIMD group's rows, every eighth below `rows`. W[row, k] is at w[row·columns + k],
// or transposed at w[k·columns + row].
//
// All threads bring squares of 32×32 weights into `square`, each weight read once and beside its neighbour, whatever its
// size: one that a lane reads alone costs a whole word.
template <int R, bool TRANSPOSED, typename P>
void product(thread float* acc, P w, int columns, int rows, threadgroup float* square, const threadgroup float* x, int step,
             int count, Place at) {
  for (int k = 0; k < count; k += 32) {
    const int deep = min(32, count - k);
#pragma unroll
    for (int block = 0; block < R; block += 4) {
      const int row = SIMDS * block, high = min(32, rows - row);
      if (high <= 0) break;  // the same for all threads
      const int width = TRANSPOSED ? high : deep;
      for (int i = at.index; i < high * deep; i += THREADS)
        square[i] = float(w[TRANSPOSED ? (k + i / width) * columns + row + i % width : (row + i / width) * columns + k + i % width]);
      threadgroup_barrier(mem_flags::mem_threadgroup);
      for (int d = 0; d < deep; ++d) {
        const float value = x[(k + d) * step];
#pragma unroll
        for (int r = 0; r < 4; ++r) {
          const int of = at.simd + SIMDS * r;
          if (of < high) acc[block + r] += square[TRANSPOSED ? d * width + of : of * width + d] * value;
        }
      }
      threadgroup_barrier(mem_flags::mem_threadgroup);
    }
  }
}

// Elements between rows of a tile: an odd number, so that neither rows nor columns of 32 meet in a bank.
inline int pitch(int width) { return width | 1; }

// Columns [column, column + width) of the tile's rows of a matrix; zeros beyond its end.
template <typename P>
void load_tile(threadgroup float* tile, P from, int columns, int column, int width, Place at) {
  for (int i = at.index; i < POSITIONS * width; i += THREADS) {
    const int p = i / width, k = i % width;
    tile[p * pitch(width) + k] = at.first + p < at.length ? float(from[(at.first + p) * columns + column + k]) : 0.0f;
  }
}

template <typename T>
void store_tile(device T* to, const threadgroup float* tile, int columns, int column, int width, Place at) {
  for (int i = at.index; i < POSITIONS * width; i += THREADS) {
    const int p = i / width, k = i % width;
    if (at.first + p < at.length) to[(at.first + p) * columns + column + k] = T(tile[p * pitch(width) + k]);
  }
}

// The frequencies of the SIMD group's rows.
template <int R, typename P>
void frequencies(thread float* f, P freq, float w_mod, int order, int simd) {
  for (int r = 0; r < R; ++r) f[r] = simd + SIMDS * r < order ? w_mod * float(freq[simd + SIMDS * r]) : 0.0f;
}

template <int R, typename P>
void start_from(thread float* acc, P bias, int order, int simd) {
  for (int r = 0; r < R; ++r) acc[r] = simd + SIMDS * r < order ? float(bias[simd + SIMDS * r]) : 0.0f;
}

// What to do with the sum before, and the value after, each sine: nothing, or keep both.
struct Forget {
  void layer(int, int, float, float) {}
};

// The last hidden features of the tile into hidden[feature·32 + lane], a barrier after them.
//
// precise::sin, which is off by at most 4 ulp whatever the argument: with w = 10 arguments reach hundreds. What a plain
// sin is depends on how the text is compiled, and the fast one is off by 2^-13 even between -π and π.
template <int R, int INNER, typename Z, typename W0, typename B0, typename W, typename B, typename K>
void network(threadgroup float* hidden, threadgroup float* tile, threadgroup float* square, Z z, W0 w_in, B0 b_in, W w_inner, B b_inner,
             const thread float* f, int features, int order, Place at, K keep) {
  float acc[R];
  start_from<R>(acc, b_in, order, at.simd);
  for (int column = 0; column < features; column += 32) {
    const int width = min(32, features - column);
    load_tile(tile, z, features, column, width, at);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    product<R, false>(acc, w_in + column, features, order, square, tile + at.lane * pitch(width), 1, width, at);
  }
  for (int layer = 0; layer <= INNER; ++layer) {
    for (int r = 0; r < R; ++r) {
      const int row = at.simd + SIMDS * r;
      if (row < order) {
        const float value = precise::sin(f[r] * acc[r]);
        hidden[row * POSITIONS + at.lane] = value;
        keep.layer(layer, row, acc[r], value);
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (layer < INNER) {
      start_from<R>(acc, b_inner + layer * order, order, at.simd);
      product<R, false>(acc, w_inner + layer * order * order, order, order, square, hidden + at.lane, POSITIONS, order, at);
    }
  }
}

// Products of matrices in tiles: two tiles stand in threadgroup memory and are multiplied while the next two are read.
//
// A tile keeps the order of its matrix, so that a SIMD group reads runs of it. Its rows are sixteen bytes longer than
// they need be: rows then begin in eight different places among the 32 banks, and no access below meets another in one.

template <typename T>
constexpr int pitch(int columns) {
  return columns + 16 / int(sizeof(T));
}

// A tile on its way from device to threadgroup memory.
template <typename T, int ROWS, int COLUMNS, int THREADS>
struct Tile {
  static_assert(ROWS * COLUMNS % THREADS == 0, "every thread holds as much of a tile");
  T held[ROWS * COLUMNS / THREADS];

  // Where an element of a walk stands. Two rows that one SIMD group takes together are four apart, half the banks.
  static int row(int i) {
    const int r = i / COLUMNS;
    return COLUMNS < 32 ? (r & ~7) | (r & 1) << 2 | (r & 7) >> 1 : r;
  }

  // Reads the tile at (first_row, first_column) of a matrix, with zeros beyond its edges.
  template <typename P>
  void fetch(P from, int stride, int rows, int columns, int first_row, int first_column, int thread_index) {
    for (int i = 0; i < ROWS * COLUMNS / THREADS; ++i) {
      const int at = i * THREADS + thread_index;
      const int r = first_row + row(at), c = first_column + at % COLUMNS;
      held[i] = r < rows && c < columns ? T(from[r * stride + c]) : T(0);
    }
  }

  void put(threadgroup T* tile, int thread_index) {
    for (int i = 0; i < ROWS * COLUMNS / THREADS; ++i) {
      const int at = i * THREADS + thread_index;
      tile[row(at) * pitch<T>(COLUMNS) + at % COLUMNS] = held[i];
    }
  }
};

// The two tiles of one step of C = A·B: BM×BK of A and BK×BN of B, each transposed where its matrix is.
template <typename T, int BM, int BN, int BK, bool TA, bool TB, int THREADS>
struct Pair {
  Tile<T, TA ? BK : BM, TA ? BM : BK, THREADS> left;
  Tile<T, TB ? BN : BK, TB ? BK : BN, THREADS> right;

  static constexpr int left_size() { return TA ? BK * pitch<T>(BM) : BM * pitch<T>(BK); }
  static constexpr int size() { return left_size() + (TB ? BN * pitch<T>(BK) : BK * pitch<T>(BN)); }

  template <typename P>
  void fetch_left(P a, int stride, int m, int k, int row, int inner, int thread_index) {
    left.fetch(a, stride, TA ? k : m, TA ? m : k, TA ? inner : row, TA ? row : inner, thread_index);
  }
  template <typename P>
  void fetch_right(P b, int stride, int n, int k, int column, int inner, int thread_index) {
    right.fetch(b, stride, TB ? n : k, TB ? k : n, TB ? column : inner, TB ? inner : column, thread_index);
  }
  void put(threadgroup T* tiles, int thread_index) {
    left.put(tiles, thread_index);
    right.put(tiles + left_size(), thread_index);
  }
};

// Eight rows of 32 results of a SIMD group, in floats, on their way to device memory.
constexpr int STAGE_PITCH() { return 40; }
constexpr int STAGE() { return 8 * STAGE_PITCH(); }

// Threadgroup memory for two buffers of so many elements, and after them for so many stages, in float4.
template <typename T>
constexpr int room(int buffer, int stages) {
  return (2 * buffer * int(sizeof(T)) > stages * STAGE() * 4 ? 2 * buffer * int(sizeof(T)) : stages * STAGE() * 4) / 16;
}

// What one SIMD group computes of C: 8·ROWS × 8·COLUMNS sums. Each step of BK products is summed by itself and then
// added to the total, so that k products cost the rounding errors of about BK + k/BK additions, not of k.
template <int ROWS, int COLUMNS, bool MATRIX>
struct Block;

// By simdgroup_matrix: sixteen products of 8×8 matrices for eight loads.
template <int ROWS, int COLUMNS>
struct Block<ROWS, COLUMNS, true> {
  simdgroup_matrix<float, 8, 8> part[ROWS][COLUMNS];
  simdgroup_matrix<float, 8, 8> total[ROWS][COLUMNS];

  void clear() {
    for (int i = 0; i < ROWS; ++i)
      for (int j = 0; j < COLUMNS; ++j) total[i][j] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
  }

  template <typename T, int BM, int BN, int BK, bool TA, bool TB>
  void add(const threadgroup T* a, const threadgroup T* b, int row, int column, int) {
    const int step_a = pitch<T>(TA ? BM : BK), step_b = pitch<T>(TB ? BK : BN);
    for (int i = 0; i < ROWS; ++i)
      for (int j = 0; j < COLUMNS; ++j) part[i][j] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
    for (int k = 0; k < BK; k += 8) {
      simdgroup_matrix<T, 8, 8> left[ROWS], right[COLUMNS];
      for (int i = 0; i < ROWS; ++i) {
        const int r = row + 8 * i;
        simdgroup_load(left[i], a + (TA ? k * step_a + r : r * step_a + k), step_a, ulong2(0, 0), TA);
      }
      for (int j = 0; j < COLUMNS; ++j) {
        const int c = column + 8 * j;
        simdgroup_load(right[j], b + (TB ? c * step_b + k : k * step_b + c), step_b, ulong2(0, 0), TB);
      }
      for (int i = 0; i < ROWS; ++i)
        for (int j = 0; j < COLUMNS; ++j) simdgroup_multiply_accumulate(part[i][j], left[i], right[j], part[i][j]);
    }
    for (int i = 0; i < ROWS; ++i)
      for (int j = 0; j < COLUMNS; ++j)
        for (int e = 0; e < 2; ++e) total[i][j].thread_elements()[e] += part[i][j].thread_elements()[e];
  }

  // Eight rows of the block, for whoever wants them by rows.
  void spill(threadgroup float* stage, int i, int) {
    for (int j = 0; j < COLUMNS; ++j) simdgroup_store(total[i][j], stage + 8 * j, STAGE_PITCH());
  }
};

// By scalar products: a lane has every fourth row and every eighth column of the block.
template <int ROWS, int COLUMNS>
struct Block<ROWS, COLUMNS, false> {
  float part[2 * ROWS][COLUMNS], total[2 * ROWS][COLUMNS];

  void clear() {
    for (int i = 0; i < 2 * ROWS; ++i)
      for (int j = 0; j < COLUMNS; ++j) total[i][j] = 0.0f;
  }

  template <typename T, int BM, int BN, int BK, bool TA, bool TB>
  void add(const threadgroup T* a, const threadgroup T* b, int row, int column, int lane) {
    const int step_a = pitch<T>(TA ? BM : BK), step_b = pitch<T>(TB ? BK : BN);
    const int first_row = row + lane / 8, first_column = column + lane % 8;
    for (int i = 0; i < 2 * ROWS; ++i)
      for (int j = 0; j < COLUMNS; ++j) part[i][j] = 0.0f;
    for (int k = 0; k < BK; ++k) {
      float left[2 * ROWS], right[COLUMNS];
      for (int i = 0; i < 2 * ROWS; ++i) {
        const int r = first_row + 4 * i;
        left[i] = float(a[TA ? k * step_a + r : r * step_a + k]);
      }
      for (int j = 0; j < COLUMNS; ++j) {
        const int c = first_column + 8 * j;
        right[j] = float(b[TB ? c * step_b + k : k * step_b + c]);
      }
      for (int i = 0; i < 2 * ROWS; ++i)
        for (int j = 0; j < COLUMNS; ++j) part[i][j] += left[i] * right[j];
    }
    for (int i = 0; i < 2 * ROWS; ++i)
      for (int j = 0; j < COLUMNS; ++j) total[i][j] += part[i][j];
  }

  void spill(threadgroup float* stage, int i, int lane) {
    for (int h = 0; h < 2; ++h)
      for (int j = 0; j < COLUMNS; ++j)
        stage[(lane / 8 + 4 * h) * STAGE_PITCH() + lane % 8 + 8 * j] = total[2 * i + h][j];
  }
};

// The sums of A's columns beside AᵀB: those of one column in one thread, a step by itself as above.
template <typename T, int BM, int BK>
float column_sum(const threadgroup T* a, int column) {
  float sum = 0.0f;
  for (int k = 0; k < BK; ++k) sum += float(a[k * pitch<T>(BM) + column]);
  return sum;
}

// One SIMD group's 32×32 of A·B. `sum` gets that of a column of A where A is transposed and it is asked for.
template <typename T, int BM, int BN, int BK, bool TA, bool TB, bool MATRIX, typename P, typename Q>
void multiply(
    thread Block<4, 4, MATRIX>& block, threadgroup T* tiles, P a, int stride_a, Q b, int stride_b, int m, int n, int k,
    int first_row, int first_column, int simd, int lane, bool summing, thread float& sum) {
  constexpr int THREADS = BM * BN / 32;
  using Tiles = Pair<T, BM, BN, BK, TA, TB, THREADS>;
  const int t = 32 * simd + lane;
  const int row = simd / (BN / 32) * 32, column = simd % (BN / 32) * 32;
  Tiles next;
  next.fetch_left(a, stride_a, m, k, first_row, 0, t);
  next.fetch_right(b, stride_b, n, k, first_column, 0, t);
  next.put(tiles, t);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  block.clear();
  int now = 0;
  for (int inner = BK; inner < k + BK; inner += BK) {
    const bool more = inner < k;
    if (more) {
      next.fetch_left(a, stride_a, m, k, first_row, inner, t);
      next.fetch_right(b, stride_b, n, k, first_column, inner, t);
    }
    const threadgroup T* left = tiles + now * Tiles::size();
    const threadgroup T* right = left + Tiles::left_size();
    block.template add<T, BM, BN, BK, TA, TB>(left, right, row, column, lane);
    if (TA && summing && t < BM) sum += column_sum<T, BM, BK>(left, t);
    now = 1 - now;
    if (more) next.put(tiles + now * Tiles::size(), t);
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
}

// Writes a SIMD group's 32×32 by rows, each sum with the bias of its column and rounded once.
template <typename T, bool MATRIX>
void write(
    thread Block<4, 4, MATRIX>& block, threadgroup float* stage, device T* c, int stride, int m, int n, int first_row,
    int first_column, int lane, float bias) {
  const int column = first_column + lane;
  for (int i = 0; i < 4; ++i) {
    block.spill(stage, i, lane);
    simdgroup_barrier(mem_flags::mem_threadgroup);
    for (int r = 0; r < 8; ++r) {
      const int row = first_row + 8 * i + r;
      if (row < m && column < n) c[row * stride + column] = T(stage[r * STAGE_PITCH() + lane] + bias);
    }
    simdgroup_barrier(mem_flags::mem_threadgroup);
  }
}

// Products of rows, summed along them: products[s, n, i, k] = Σ a[n, i, t]·b[n, k, t] and sums[s, n, i] = Σ a[n, i, t], the
// sums over the s-th SEGMENT of t.
//
// One threadgroup for 32 rows of a, 32 of b and a segment.
template <int SEGMENT>
[[kernel]] void outer_sums(
    const device float* a [[buffer(0)]],
    const constant int* a_shape [[buffer(1)]],
    const device float* b [[buffer(2)]],
    const constant int* b_shape [[buffer(3)]],
    device float* products [[buffer(4)]],
    device float* sums [[buffer(5)]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]],
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]]) {
  threadgroup float left[32 * 33], right[32 * 33];
  const int n = a_shape[0], rows = a_shape[1], length = a_shape[2], columns = b_shape[1];
  const int simd = simdgroup_index_in_threadgroup, lane = thread_index_in_simdgroup;
  const int k0 = 32 * threadgroup_position_in_grid.x, i0 = 32 * threadgroup_position_in_grid.y;
  const int item = int(threadgroup_position_in_grid.z) % n, segment = int(threadgroup_position_in_grid.z) / n;
  const int end = min(length, (segment + 1) * SEGMENT);

  float product[4] = {0.0f, 0.0f, 0.0f, 0.0f}, sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  for (int t = segment * SEGMENT + lane; t - lane < end; t += 32) {
    for (int r = 0; r < 4; ++r) {
      const int row = simd + 8 * r, i = i0 + row, k = k0 + row;
      const float value = i < rows && t < end ? a[(item * rows + i) * length + t] : 0.0f;
      left[row * 33 + lane] = value;
      right[row * 33 + lane] = k < columns && t < end ? b[(item * columns + k) * length + t] : 0.0f;
      sum[r] += value;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (int j = 0; j < 32; ++j) {
      const float other = right[lane * 33 + j];
      for (int r = 0; r < 4; ++r) product[r] += left[(simd + 8 * r) * 33 + j] * other;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  for (int r = 0; r < 4; ++r) {
    const int i = i0 + simd + 8 * r, row = (segment * n + item) * rows + i;
    if (i < rows && k0 + lane < columns) products[row * columns + k0 + lane] = product[r];
    const float total = simd_sum(sum[r]);
    if (lane == 0 && k0 == 0 && i < rows) sums[row] = total;
  }
}

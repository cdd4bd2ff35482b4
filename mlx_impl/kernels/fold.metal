// Sums over the first axis, always in the same order: y[c] = Σ x[s, c].
//
// One threadgroup for 32 columns. A SIMD group has every eighth term; then SIMD groups are added in their order.
[[kernel]] void fold(
    const device float* x [[buffer(0)]],
    const constant int* x_shape [[buffer(1)]],
    device float* y [[buffer(2)]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]],
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]]) {
  threadgroup float parts[8 * 32];
  const int terms = x_shape[0], columns = x_shape[1];
  const int simd = simdgroup_index_in_threadgroup, lane = thread_index_in_simdgroup;
  const int c = 32 * threadgroup_position_in_grid.x + lane;

  float sum = 0.0f;
  if (c < columns)
    for (int s = simd; s < terms; s += 8) sum += x[s * columns + c];
  parts[32 * simd + lane] = sum;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (simd == 0 && c < columns) {
    sum = 0.0f;
    for (int s = 0; s < 8; ++s) sum += parts[32 * s + lane];
    y[c] = sum;
  }
}

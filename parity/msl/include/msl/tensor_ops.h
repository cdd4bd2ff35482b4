// Products of tensors: mpp::tensor_ops of <MetalPerformancePrimitives/MetalPerformancePrimitives.h>. The lanes of each
// SIMD group read the operands of its fragments once among them, as hardware does; then each thread computes the
// elements that it holds, in the order of the inner index. How Apple's hardware orders a sum is not said.
#pragma once

#include "tensor.h"

extern "C" unsigned msl_profiling();
extern "C" void __tsan_read1(void* p);
extern "C" void __tsan_read2(void* p);
extern "C" void __tsan_read4(void* p);
extern "C" void __tsan_read8(void* p);

namespace mpp {
namespace tensor_ops {

template <typename T> struct dynamic_length { static constexpr T value = metal::numeric_limits<T>::max(); };
template <typename T> constexpr T dynamic_length_v = dynamic_length<T>::value;

struct matmul2d_descriptor {
  enum class mode { multiply, multiply_accumulate };
  int m, n, k;
  bool transpose_left, transpose_right, relaxed_precision;
  mode matmul_mode;
  constexpr matmul2d_descriptor(int rows, int columns, int inner = (int)metal::dynamic_extent, bool left = false,
                                bool right = false, bool relaxed = false, mode how = mode::multiply)
      : m(rows), n(columns), k(inner), transpose_left(left), transpose_right(right), relaxed_precision(relaxed),
        matmul_mode(how) {}
};

// An operand of a product: a tensor, read where it lies and zero beyond its extents, or a gathered cooperative one.
template <typename Operand, bool = metal::msl_is_tensor<Operand>> struct msl_operand {
  using value = typename Operand::value_type;
  const Operand& of;
  MSL_INLINE msl_operand(const Operand& o, uint) : of(o) {}
  MSL_INLINE value at(int x, int y) const { return of.inside(x, y) ? (value)of[x, y] : (value)0; }

  // Each element is read by a lane, and by its neighbour too: one of them is not the thread that has written it. Where
  // reads are counted and not ordered, once.
  template <typename F> MSL_INLINE void read(int width, int height, int lanes, F wanted) const {
    const int lane = (int)msl_lane() % lanes, times = lanes == 1 || msl_profiling() ? 1 : 2;
    for (int again = 0; again < times; ++again)
      for (int e = (lane + again) % lanes; e < width * height; e += lanes) {
        const int x = e % width, y = e / width;
        if (!of.inside(x, y) || !wanted(x, y)) continue;
        void* p = (void*)&of[x, y];
        if constexpr (sizeof(value) == 1) __tsan_read1(p);
        else if constexpr (sizeof(value) == 2) __tsan_read2(p);
        else if constexpr (sizeof(value) == 4) __tsan_read4(p);
        else __tsan_read8(p);
      }
  }
};
template <typename Operand> struct msl_operand<Operand, false> {
  using value = typename Operand::value_type;
  using layout = typename Operand::layout;
  value whole[layout::rows * layout::columns];
  MSL_INLINE msl_operand(const Operand& o, uint site) { metal::msl_gather(o, whole, site); }
  MSL_INLINE value at(int x, int y) const { return whole[y * layout::columns + x]; }
  template <typename F> MSL_INLINE void read(int, int, int, F) const {}
};

template <matmul2d_descriptor D, typename Scope, typename... Arguments> class matmul2d {
  static constexpr int S = (int)Scope::static_size;
  static constexpr bool any_length = D.k < 0 || D.k == dynamic_length_v<int>;
  static constexpr int K = any_length ? 1 : D.k;
  template <int R, int C> using fragments = metal::msl_fragments<R, C, S>;
  template <typename T, int R, int C>
  using held = metal::cooperative_tensor<T, metal::extents<int, C, R>, fragments<R, C>>;

  template <typename T, typename Left, typename Right> using sum_of =
      metal::conditional_t<metal::is_integral_v<typename Left::value> && metal::is_integral_v<typename Right::value>, int, float>;
  template <typename Sum, typename Left, typename Right>
  static MSL_UNCHECKED Sum element(const Left& left, const Right& right, int length, int i, int j) {
    Sum sum = 0;
    for (int k = 0; k < length; ++k) {
      const Sum a = (Sum)(D.transpose_left ? left.at(i, k) : left.at(k, i));
      const Sum b = (Sum)(D.transpose_right ? right.at(k, j) : right.at(j, k));
      sum += a * b;
    }
    return sum;
  }

 public:
  static constexpr matmul2d_descriptor descriptor = D;
  using scope = Scope;
  static constexpr bool accumulates = D.matmul_mode == matmul2d_descriptor::mode::multiply_accumulate;

  template <typename L, typename R, typename E, typename I = int>
  using cooperative_tensor_left_input_t = held<L, D.transpose_left ? K : D.m, D.transpose_left ? D.m : K>;
  template <typename L, typename R, typename E, typename I = int>
  using cooperative_tensor_right_input_t = held<R, D.transpose_right ? D.n : K, D.transpose_right ? K : D.n>;
  template <typename L, typename R, typename E, typename I = int>
  using cooperative_tensor_destination_t = held<E, D.m, D.n>;
  template <typename L, typename R, typename E, typename I = int> using cooperative_tensor_row_reduction_destination_t =
      metal::cooperative_tensor<E, metal::extents<int, D.m>, metal::msl_reduced<D.m, D.n, S, true>>;
  template <typename L, typename R, typename E, typename I = int> using cooperative_tensor_column_reduction_destination_t =
      metal::cooperative_tensor<E, metal::extents<int, D.n>, metal::msl_reduced<D.m, D.n, S, false>>;

#define MSL_GETTER(what)                                                                                       \
  template <typename L, typename R, typename E, typename I = int>                                              \
  MSL_INLINE cooperative_tensor_##what##_t<L, R, E, I> get_##what##_cooperative_tensor() const { return {}; }
  MSL_GETTER(destination) MSL_GETTER(row_reduction_destination) MSL_GETTER(column_reduction_destination)
#undef MSL_GETTER
  // Inputs are made empty, or of what another product has left in the same places.
#define MSL_INPUT(side)                                                                                        \
  template <typename L, typename R, typename E, typename I = int>                                              \
  MSL_INLINE cooperative_tensor_##side##_input_t<L, R, E, I> get_##side##_input_cooperative_tensor() const {   \
    static_assert(!any_length, "a cooperative input has an inner length that the descriptor says");            \
    return {};                                                                                                 \
  }                                                                                                            \
  template <typename L, typename R, typename E, typename I = int, typename T, typename X, typename Y>          \
  MSL_INLINE auto get_##side##_input_cooperative_tensor(const metal::cooperative_tensor<T, X, Y>& from) const { \
    cooperative_tensor_##side##_input_t<L, R, E, I> made;                                                      \
    using wanted = typename decltype(made)::layout;                                                            \
    static_assert(Y::rows == wanted::rows && Y::columns == wanted::columns, "tensors of one shape");           \
    for (int i = 0; i < wanted::capacity; ++i) made[i] = (typename decltype(made)::value_type)from[i];         \
    return made;                                                                                               \
  }                                                                                                            \
  template <typename L, typename R, typename E, typename T, typename X, typename Y>                            \
  MSL_INLINE bool is_compatible_as_##side##_input(const metal::cooperative_tensor<T, X, Y>&) const {           \
    using wanted = typename cooperative_tensor_##side##_input_t<L, R, E>::layout;                              \
    return Y::rows == wanted::rows && Y::columns == wanted::columns && Y::simdgroups == wanted::simdgroups;    \
  }
  MSL_INPUT(left) MSL_INPUT(right)
#undef MSL_INPUT

  template <typename Left, typename Right, typename To>
  MSL_INLINE void run(const Left& l, const Right& r, To& to, MSL_SITE) const {
    const msl_operand<Left> left(l, site);
    const msl_operand<Right> right(r, site);
    int length = K;
    if constexpr (any_length && metal::msl_is_tensor<Left>) length = l.extent(D.transpose_left ? 1 : 0);
    else if constexpr (any_length) length = r.extent(D.transpose_right ? 0 : 1);
    using Sum = sum_of<typename To::value_type, msl_operand<Left>, msl_operand<Right>>;
    using T = typename To::value_type;
    const uint lane = msl_lane(), simd = msl_simdgroup();
    using own = fragments<D.m, D.n>;
    const auto holds = [&](int row, int column) {  // does this SIMD group hold an element of the row, or of the column?
      for (int f = 0; S && f < own::count; ++f)
        if (f % (S ? S : 1) == (int)(simd % (S ? S : 1)) && (row < 0 || f / own::across == row / 16) &&
            (column < 0 || f % own::across == column / 16)) return true;
      return S == 0;
    };
    const int lanes = S ? 32 : 1;
    left.read(D.transpose_left ? D.m : length, D.transpose_left ? length : D.m, lanes,
              [&](int x, int y) { return holds(D.transpose_left ? x : y, -1); });
    right.read(D.transpose_right ? length : D.n, D.transpose_right ? D.n : length, lanes,
               [&](int x, int y) { return holds(-1, D.transpose_right ? y : x); });
    if constexpr (S > 0) metal::msl_together(site);
    for (int e = 0; e < own::capacity; ++e) {
      const int i = own::row(e, lane, simd), j = own::column(e, lane, simd);
      if (i >= D.m || j >= D.n) continue;
      if constexpr (metal::msl_is_tensor<To>) {
        if (!to.inside(j, i)) continue;
        const Sum sum = element<Sum>(left, right, length, i, j);
        to[j, i] = accumulates ? (T)(to[j, i] + sum) : (T)sum;
      } else {
        const Sum sum = element<Sum>(left, right, length, i, j);
        to[e] = accumulates ? (T)(to[e] + sum) : (T)sum;
      }
    }
  }
};

enum class reduction_operation { sum, max, min };
template <typename T> struct reduction_operation_identity {
  static constexpr T sum_identity = (T)0;
  static constexpr T max_identity = metal::numeric_limits<T>::lowest();
  static constexpr T min_identity = metal::numeric_limits<T>::max();
};

template <typename T> MSL_INLINE T msl_reduced_by(reduction_operation op, T a, T b) {
  return op == reduction_operation::sum ? (T)(a + b) : op == reduction_operation::max ? metal::max(a, b) : metal::min(a, b);
}
// Each row (or column) of the source as one number, which starts at `identity`: that of a sum, unless it is said.
#define MSL_REDUCTION(name, same_row)                                                                          \
  template <typename T, typename A, typename B, typename Source, typename Target>                              \
  MSL_INLINE void name(const metal::cooperative_tensor<T, A, Source>& source,                                  \
                       metal::cooperative_tensor<T, B, Target>& target,                                        \
                       reduction_operation op = reduction_operation::sum,                                      \
                       T identity = reduction_operation_identity<T>::sum_identity, MSL_SITE) {                 \
    T whole[Source::rows * Source::columns];                                                                   \
    metal::msl_gather(source, whole, site);                                                                    \
    for (int i = 0; i < Target::capacity; ++i) {                                                               \
      if (!target.is_valid_element(i)) continue;                                                               \
      const auto at = target.get_multidimensional_index(i);                                                    \
      T made = identity;                                                                                       \
      for (int k = 0; k < (same_row ? Source::columns : Source::rows); ++k)                                    \
        made = msl_reduced_by(op, made, whole[same_row ? at[1] * Source::columns + k : k * Source::columns + at[0]]); \
      target[i] = made;                                                                                        \
    }                                                                                                          \
  }
MSL_REDUCTION(reduce_rows, true) MSL_REDUCTION(reduce_columns, false)
#undef MSL_REDUCTION

template <typename S, typename T, typename A, typename B, typename L, typename M>
MSL_INLINE bool is_iterator_compatible(const metal::cooperative_tensor<S, A, L>&, const metal::cooperative_tensor<T, B, M>&) {
  return (M::columns == 1 || M::columns == L::columns) && (M::rows == 1 || M::rows == L::rows);
}

}  // namespace tensor_ops
}  // namespace mpp

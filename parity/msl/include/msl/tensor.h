// Tensors over memory, and cooperative tensors, whose elements the threads of a few SIMD groups hold among them:
// <metal_tensor> and <metal_cooperative_tensor>. Coordinates are (x, y): the column first.
#pragma once

#include "simd.h"

extern "C" unsigned msl_simdgroup();

namespace metal {

constexpr size_t dynamic_extent = ~(size_t)0;

template <typename I, size_t... N> struct extents {
  using index_type = I;
  static constexpr size_t rank_ = sizeof...(N);
  static constexpr size_t static_[rank_ ? rank_ : 1] = {N...};
  I value_[rank_ ? rank_ : 1];
  constexpr extents() : value_{(I)N...} {}
  template <typename A, typename... B, typename = msl_if_scalar<A>>
  constexpr extents(A first, B... rest) {
    const I given[] = {(I)first, (I)rest...};
    static_assert(1 + sizeof...(B) == rank_ || 1 + sizeof...(B) == ((N == dynamic_extent) + ...),
                  "an extent for each dimension, or for each dynamic one");
    for (size_t i = 0, k = 0; i < rank_; ++i)
      value_[i] = sizeof(given) / sizeof(I) == rank_ || static_[i] == dynamic_extent ? given[k++] : (I)static_[i];
  }
  static constexpr size_t rank() { return rank_; }
  static constexpr size_t static_extent(size_t i) { return static_[i]; }
  constexpr MSL_INLINE I extent(size_t i) const { return value_[i]; }
};

template <typename I, size_t R, size_t... N> struct msl_dextents : msl_dextents<I, R - 1, dynamic_extent, N...> {};
template <typename I, size_t... N> struct msl_dextents<I, 0, N...> { using type = extents<I, N...>; };
template <typename I, size_t R> using dextents = typename msl_dextents<I, R>::type;

struct tensor_inline {};
struct tensor_offset {};
struct tensor_handle {};

// A view of memory. Beyond its extents nothing is loaded or stored by those who ask `inside` first.
template <typename T, typename E, typename Descriptor = tensor_handle, typename... Tags> struct tensor {
  using element_type = T;
  using value_type = remove_cv_t<T>;
  using extents_type = E;
  using index_type = typename E::index_type;
  static constexpr size_t rank_ = E::rank_;
  T* data_ = nullptr;
  E extents_;
  array<index_type, rank_> strides_;

  tensor() = default;
  MSL_INLINE tensor(T* data, E e) : data_(data), extents_(e) {
    index_type step = 1;
    for (size_t i = 0; i < rank_; ++i) {
      strides_[i] = step;
      step *= e.extent(i);
    }
  }
  template <typename S> MSL_INLINE tensor(T* data, E e, array<S, rank_> strides) : data_(data), extents_(e) {
    for (size_t i = 0; i < rank_; ++i) strides_[i] = (index_type)strides[i];
  }
  MSL_INLINE E extents() const { return extents_; }
  static constexpr size_t rank() { return rank_; }
  static constexpr size_t get_rank() { return rank_; }
  static constexpr size_t static_extent(size_t i) { return E::static_extent(i); }
  MSL_INLINE index_type extent(size_t i) const { return extents_.extent(i); }
  MSL_INLINE index_type get_extent(size_t i) const { return extents_.extent(i); }
  MSL_INLINE index_type get_stride(size_t i) const { return strides_[i]; }
  MSL_INLINE T* get_data() const { return data_; }
  MSL_INLINE T* data() const { return data_; }

  template <typename... I> MSL_INLINE T& operator[](I... place) const {
    static_assert(sizeof...(I) == rank_, "an index for each dimension");
    const index_type at[] = {(index_type)place...};
    ptrdiff_t offset = 0;
    for (size_t i = 0; i < rank_; ++i) offset += (ptrdiff_t)at[i] * strides_[i];
    return data_[offset];
  }
  template <typename I> MSL_INLINE T& operator[](array<I, rank_> at) const {
    ptrdiff_t offset = 0;
    for (size_t i = 0; i < rank_; ++i) offset += (ptrdiff_t)at[i] * strides_[i];
    return data_[offset];
  }
  MSL_INLINE bool inside(int x, int y) const { return x >= 0 && x < extent(0) && y >= 0 && y < extent(1); }

  // From an origin to the end, or as large as it is said, whatever the tensor's own extents are.
  template <typename... I> MSL_INLINE auto slice(I... origin) const {
    const index_type at[] = {(index_type)origin...};
    tensor<T, dextents<index_type, rank_>, tensor_offset> s;
    s.data_ = data_;
    for (size_t i = 0; i < rank_; ++i) {
      s.data_ += (ptrdiff_t)at[i] * strides_[i];
      s.strides_[i] = strides_[i];
      s.extents_.value_[i] = extents_.value_[i] - at[i];
    }
    return s;
  }
  template <size_t... N, typename... I, typename = enable_if_t<(sizeof...(N) > 0)>>
  MSL_INLINE auto slice(I... origin) const {
    const auto whole = slice(origin...);
    tensor<T, metal::extents<index_type, N...>, tensor_offset> s;
    s.data_ = whole.data_;
    for (size_t i = 0; i < rank_; ++i) {
      s.strides_[i] = strides_[i];
      if (metal::extents<index_type, N...>::static_[i] == dynamic_extent) s.extents_.value_[i] = whole.extent(i);
    }
    return s;
  }
  template <size_t... N, typename... I> MSL_INLINE auto static_slice(I... origin) const { return slice<N...>(origin...); }
};
template <typename T, typename E> tensor(T*, E) -> tensor<T, E, tensor_inline>;
template <typename T, typename E, typename S, size_t R> tensor(T*, E, array<S, R>) -> tensor<T, E, tensor_inline>;
template <typename T> constexpr bool msl_is_tensor = false;
template <typename... P> constexpr bool msl_is_tensor<tensor<P...>> = true;
template <typename... P> constexpr bool msl_is_tensor<const tensor<P...>> = true;

template <size_t N> struct execution_simdgroups {
  static_assert(N > 0, "an operation is executed by at least one SIMD group");
  static constexpr size_t static_size = N;
  constexpr uint size() const { return N; }
};
template <size_t N> struct execution_threads {
  static_assert(N == 1, "an operation is executed by one thread or by SIMD groups");
  static constexpr size_t static_size = 0;
};
using execution_simdgroup = execution_simdgroups<1>;
using execution_thread = execution_threads<1>;

// Which elements of a matrix a thread holds. Fragments of 16 by 16 go round among the SIMD groups, by rows; within
// one, a lane has four neighbours of a row and those of the row eight below, as Apple's GPUs have it and MLX's
// kernels of products rely on. A single thread (S = 0) holds all.
template <int R, int C, int S> struct msl_fragments {
  static constexpr int rows = R, columns = C, simdgroups = S, across = (C + 15) / 16, count = (R + 15) / 16 * across;
  static constexpr int capacity = S ? (count + (S ? S : 1) - 1) / (S ? S : 1) * 8 : R * C;
  static constexpr int fragment(int i, uint simd) { return i / 8 * S + (int)(simd % (S ? S : 1)); }
  static constexpr int row(int i, uint lane, uint simd) {
    return S ? fragment(i, simd) / across * 16 + (int)(lane >> 4 & 1) * 4 + (int)(lane >> 1 & 3) + i / 4 % 2 * 8 : i / C;
  }
  static constexpr int column(int i, uint lane, uint simd) {
    return S ? fragment(i, simd) % across * 16 + (int)(lane >> 3 & 1) * 8 + (int)(lane & 1) * 4 + i % 4 : i % C;
  }
};
// What is left of such a matrix when each row (or column) has become one number.
template <int R, int C, int S, bool OF_ROWS> struct msl_reduced {
  static_assert(S <= 1, "rows and columns are reduced within one SIMD group");
  using matrix = msl_fragments<R, C, S>;
  static constexpr int rows = OF_ROWS ? R : 1, columns = OF_ROWS ? 1 : C;
  static constexpr int capacity = !S ? rows * columns : OF_ROWS ? (R + 15) / 16 * 2 : (C + 15) / 16 * 4;
  static constexpr int element(int i) {  // of the matrix, in the same row (or column)
    return !S ? (OF_ROWS ? i * C : i) : OF_ROWS ? i / 2 * matrix::across * 8 + i % 2 * 4 : i / 4 * 8 + i % 4;
  }
  static constexpr int row(int i, uint lane, uint simd) { return OF_ROWS ? matrix::row(element(i), lane, simd) : 0; }
  static constexpr int column(int i, uint lane, uint simd) { return OF_ROWS ? 0 : matrix::column(element(i), lane, simd); }
};

template <typename T, typename E, typename Layout> struct cooperative_tensor {
  using element_type = T;
  using value_type = T;
  using layout = Layout;
  using extents_type = E;
  T elements_[Layout::capacity];

  template <typename Owner, typename U> struct msl_iterator {
    Owner* of;
    int i;
    MSL_INLINE U& operator*() const { return of->elements_[i]; }
    MSL_INLINE msl_iterator& operator++() { ++i; return *this; }
    MSL_INLINE msl_iterator operator++(int) { msl_iterator was = *this; ++i; return was; }
    MSL_INLINE bool operator==(const msl_iterator& b) const { return i == b.i; }
    MSL_INLINE bool operator!=(const msl_iterator& b) const { return i != b.i; }
    MSL_INLINE auto get_multidimensional_index() const { return of->get_multidimensional_index(i); }
    MSL_INLINE bool is_valid_element() const { return of->is_valid_element(i); }
  };
  using iterator = msl_iterator<cooperative_tensor, T>;
  using const_iterator = msl_iterator<const cooperative_tensor, const T>;

  static constexpr ushort get_capacity() { return Layout::capacity; }
  MSL_INLINE T& operator[](int i) { return elements_[i]; }
  MSL_INLINE const T& operator[](int i) const { return elements_[i]; }
  MSL_INLINE array<int, 2> get_multidimensional_index(int i) const {
    const uint lane = msl_lane(), simd = msl_simdgroup();
    return {Layout::column(i, lane, simd), Layout::row(i, lane, simd)};
  }
  template <typename O, typename U> MSL_INLINE auto get_multidimensional_index(msl_iterator<O, U> it) const {
    return get_multidimensional_index(it.i);
  }
  MSL_INLINE bool is_valid_element(int i) const {
    const auto at = get_multidimensional_index(i);
    return at[0] < Layout::columns && at[1] < Layout::rows;
  }
  MSL_INLINE bool get_mask(int i) const { return is_valid_element(i); }
  MSL_INLINE iterator begin() { return {this, 0}; }
  MSL_INLINE iterator end() { return {this, Layout::capacity}; }
  MSL_INLINE const_iterator begin() const { return {this, 0}; }
  MSL_INLINE const_iterator end() const { return {this, Layout::capacity}; }
  MSL_INLINE iterator get_iterator(int i) { return {this, i}; }
  // The element of this tensor for that of another: its row's or its column's number, or the same place.
  template <typename It> MSL_INLINE iterator map_iterator(It it) {
    const auto at = it.get_multidimensional_index();
    for (int i = 0; i < Layout::capacity; ++i) {
      const auto own = get_multidimensional_index(i);
      if ((Layout::columns == 1 || own[0] == at[0]) && (Layout::rows == 1 || own[1] == at[1])) return {this, i};
    }
    return end();
  }

  template <typename M> MSL_INLINE void load(const M& from) {
    for (int i = 0; i < Layout::capacity; ++i) {
      const auto at = get_multidimensional_index(i);
      elements_[i] = is_valid_element(i) && from.inside(at[0], at[1]) ? (T)from[at] : (T)0;
    }
  }
  template <typename M> MSL_INLINE void store(const M& to) const {
    for (int i = 0; i < Layout::capacity; ++i) {
      const auto at = get_multidimensional_index(i);
      if (is_valid_element(i) && to.inside(at[0], at[1])) to[at] = (typename M::value_type)elements_[i];
    }
  }
};

// The whole matrix, put together from what the lanes of a SIMD group hold.
template <typename T, typename E, typename L>
MSL_UNCHECKED void msl_gather(const cooperative_tensor<T, E, L>& part, T* whole, uint site) {
  static_assert(L::simdgroups <= 1, "Metal takes cooperative inputs in operations of one SIMD group or thread");
  const unsigned long pc = MSL_PC;
  constexpr int step = (int)(64 / sizeof(T)) < L::capacity ? (int)(64 / sizeof(T)) : L::capacity;
  if (L::simdgroups == 0) {
    for (int i = 0; i < L::capacity; ++i) whole[i] = part.elements_[i];
    return;
  }
  for (int first = 0; first < L::capacity; first += step) {
    const int n = L::capacity - first < step ? L::capacity - first : step;
    const MslExchange* e = msl_exchange(MSL_SIMD_TENSOR, part.elements_ + first, (uint)n * sizeof(T), site, pc);
    if (e->active != ~0u) msl_inactive(MSL_SIMD_TENSOR, (uint)__builtin_ctz(~e->active), site, pc);
    for (uint lane = 0; lane < 32; ++lane)
      for (int i = first; i < first + n; ++i) {
        const int r = L::row(i, lane, 0), c = L::column(i, lane, 0);
        if (r < L::rows && c < L::columns) whole[r * L::columns + c] = ((const T*)e->slot[lane])[i - first];
      }
  }
}

// An operation is executed by all lanes of its SIMD groups.
MSL_UNCHECKED inline void msl_together(uint site) {
  const unsigned long pc = MSL_PC;
  const unsigned char nothing = 0;
  const MslExchange* e = msl_exchange(MSL_SIMD_TENSOR, &nothing, 1, site, pc);
  if (e->active != ~0u) msl_inactive(MSL_SIMD_TENSOR, (uint)__builtin_ctz(~e->active), site, pc);
}

}  // namespace metal

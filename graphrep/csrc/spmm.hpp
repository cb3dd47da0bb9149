// Sparse (CSR) times dense, with four reductions.
#pragma once

#include <cstdint>

#include "scalars.hpp"

namespace graphrep {

// For row v, with entries e in [indptr[v], indptr[v + 1]) and head h, over columns j of that head:
//     out[v, h, j] = scale[v] * reduce over e of values[e, h] * x[indices[e], h, j]
// sums of one head, of float or with V = float, also take a step of a three-term recurrence, in place: + own * x[v, j]
// + before * out[v, j]. indices null: row e of x itself (a segmented reduction). values and scale null: ones. A mean
// divides by the number of entries. x is (num_x, heads, columns), out (num_rows, heads, columns), values (num_entries,
// heads); none may overlap. Rows without entries become 0. Sums are formed in float32 (float64 for float64), in the
// order of the entries. V is the type of values and scale.
template <class T, class Id, class V = T>
struct Spmm {
    const int64_t* indptr;
    const Id* indices;
    const V* values;
    const V* scale;
    const T* x;
    int64_t num_rows;
    int64_t heads;
    int64_t columns;
    Reduce reduce;
    T* out;
    int32_t*
        arg;  // max and min, may be null: place within the row of the entry that won (the first of equals), -1: none
    int64_t num_x = -1;        // -1: unknown; then indices are trusted
    int64_t num_entries = -1;  // of indices and values; -1: indptr and indices are trusted
    float own = 0;             // not 0: num_x >= num_rows
    float before = 0;
};

template <class T, class Id, class V = T>
void spmm(const Spmm<T, Id, V>& task, int num_threads);

// out[indices[e], h, j] += values[e, h] * grad[v, h, j] for the entry e of row v that arg[v, h, j] names. out is zeroed
// by the caller and has num_x rows. Each thread owns columns, so that sums are formed in the order of the rows. T is
// float or double.
template <class T, class Id>
void spmm_extreme_backward(const int64_t* indptr, const Id* indices, const T* values, const int32_t* arg, const T* grad,
                           int64_t num_rows, int64_t num_entries, int64_t num_x, int64_t heads, int64_t columns, T* out,
                           int num_threads);

#define GRAPHREP_DECLARE(isa)                               \
    namespace isa {                                         \
    template <class T, class Id, class V>                   \
    void spmm_sum(const Spmm<T, Id, V>&, int num_threads);  \
    template <class T, class Id>                            \
    void spmm_extreme(const Spmm<T, Id>&, int num_threads); \
    }
GRAPHREP_DECLARE(baseline)
GRAPHREP_DECLARE(avx2)
GRAPHREP_DECLARE(avx512)
#undef GRAPHREP_DECLARE

}  // namespace graphrep

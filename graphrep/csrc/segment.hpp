// Reductions of dense rows by group, where a group is a range of rows (segment) or the rows that share an id (scatter).
//
// Layout, row-major throughout: src (batch, entries, columns), out and arg (batch, groups, columns).
#pragma once

#include <cstdint>

#include "scalars.hpp"

namespace graphrep {

// T: float, double, BFloat16, Float16, int32_t or int64_t. 16-bit floats are reduced in float; integers wrap around.
// A mean divides by the number of entries (integers: rounded down). A maximum or minimum is the first NaN if there is
// one; among equal entries the first counts. An empty group becomes 0, or 1 for a product.
template <class T>
struct Segments {
    const T* src;
    const int64_t* indptr;  // entries of group g: [indptr[g], indptr[g + 1])
    int64_t indptr_stride;  // groups + 1, or 0: the batches share one
    int64_t batch, entries, columns, groups;
    Reduce reduce;
    T* out;
    int64_t* arg;  // max and min, may be null: the entry that won, `entries` in an empty group
};

template <class T>
void segment_reduce(const Segments<T>& task, int num_threads);

enum class ScatterPath : int {
    automatic = 0,
    direct = 1,   // every thread owns columns and walks all entries in order
    grouped = 2,  // entries are sorted by group, then reduced as segments
};

template <class T, class Id>
struct Scatter {
    const T* src;
    const Id* index;       // (entries), (batch, entries), or (batch, entries, columns) if per_column
    int64_t index_stride;  // 0: the batches share one
    bool per_column;
    int64_t batch, entries, columns, groups;
    Reduce reduce;
    T* out;
    int64_t* arg;  // as above
};

// Both paths add in the order of the entries, so that their results have the same bits. Returns the first position of
// index that lies outside [0, groups), or -1. If a position is returned, out is undefined.
template <class T, class Id>
int64_t scatter(const Scatter<T, Id>& task, ScatterPath path, int num_threads);

// One batch for the kernels under simd/.

// out[g] = reduce over i in [indptr[g], indptr[g + 1]) of src[order ? order[i] : i]; arg names entries of src.
template <class T>
struct Rows {
    const T* src;
    const int64_t* indptr;
    const int64_t* order;
    int64_t entries, columns, groups;
    Reduce reduce;
    T* out;
    int64_t* arg;
};

// Columns [first_column, last_column) of one batch.
template <class T, class Id>
struct Walk {
    const T* src;
    const Id* index;
    bool per_column;
    int64_t entries, columns, groups, first_column, last_column;
    Reduce reduce;
    T* out;
    int64_t* arg;
};

#define GRAPHREP_DECLARE(isa)                            \
    namespace isa {                                      \
    template <class T>                                   \
    void fold_rows(const Rows<T>&, int num_threads);     \
    template <class T>                                   \
    void reduce_column(const Rows<T>&, int num_threads); \
    template <class T, class Id>                         \
    int64_t walk_entries(const Walk<T, Id>&);            \
    }
GRAPHREP_DECLARE(baseline)
GRAPHREP_DECLARE(avx2)
GRAPHREP_DECLARE(avx512)
#undef GRAPHREP_DECLARE

}  // namespace graphrep

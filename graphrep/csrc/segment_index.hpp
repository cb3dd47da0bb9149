// Operations on ids and offsets of groups other than reductions: checks, offsets of sorted ids, and the gathers that
// are the derivatives of reductions. Elements are copied unchanged, so that only their size (1, 2, 4 or 8 bytes)
// matters.
#pragma once

#include <cstdint>

namespace graphrep {

// Largest of n ids, -1 of none.
template <class Id>
int64_t largest_id(const Id* index, int64_t n, int num_threads);

// First position in `batch` rows of groups + 1 offsets where an offset is below its predecessor or 0, or exceeds
// `entries`; -1 if there is none.
int64_t wrong_offset(const int64_t* indptr, int64_t batch, int64_t groups, int64_t entries);

// indptr[b, g] = number of ids below g in row b of index (batch, entries), each row ascending.
// Returns the first position that descends or lies outside [0, groups), or -1. If a position is returned, indptr is
// undefined.
template <class Id>
int64_t sorted_offsets(const Id* index, int64_t batch, int64_t entries, int64_t groups, int64_t* indptr,
                       int num_threads);

// out[b, e] = src[b, g] for e in [indptr[g], indptr[g + 1]), 0 for entries of no group. Rows of `row_bytes` bytes.
void expand_segments(const void* src, const int64_t* indptr, int64_t indptr_stride, int64_t batch, int64_t groups,
                     int64_t entries, int64_t row_bytes, void* out, int num_threads);

// out[b, e, k] = src[b, index[b, e (, k)], k]. Index as in Scatter. Returns the first position outside [0, groups), or
// -1.
template <class Id>
int64_t gather_groups(const void* src, const Id* index, int64_t index_stride, bool per_column, int64_t batch,
                      int64_t entries, int64_t columns, int64_t groups, int64_t element_bytes, void* out,
                      int num_threads);

// out[b, arg[b, g, k], k] = src[b, g, k] where arg < entries, 0 elsewhere. All arg of a batch and column differ.
void place_entries(const void* src, const int64_t* arg, int64_t batch, int64_t groups, int64_t columns, int64_t entries,
                   int64_t element_bytes, void* out, int num_threads);

}  // namespace graphrep

// A stable counting sort of entries by an integer key: groups unsorted edges, or the columns of a CSR, into rows.
#pragma once

#include <cstdint>

namespace graphrep {

// order[indptr[k] .. indptr[k + 1]) are the positions of key k in ascending order. indptr has num_keys + 1 entries.
// `from` (may be null) is an earlier order to refine: positions with equal keys keep that order.
// Returns the first position whose key lies outside [0, num_keys), or -1. If a position is returned, the output is
// undefined.
template <class Id>
int64_t group_by_key(const Id* keys, const int64_t* from, int64_t n, int64_t num_keys, int64_t* indptr, int64_t* order,
                     int num_threads);

}  // namespace graphrep

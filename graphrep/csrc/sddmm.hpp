// Sampled dense-dense product: one inner product per stored entry and head.
#pragma once

#include <cstdint>

#include "scalars.hpp"

namespace graphrep {

// out[e, h] = sum over j of x[v, h, j] * y[indices[e], h, j] for the entries e of row v. x is (num_rows, heads,
// columns), y (num_y, heads, columns), out (num_entries, heads). indices null: y has one row per entry.
template <class T, class Id>
struct Sddmm {
    const int64_t* indptr;
    const Id* indices;
    const T* x;
    const T* y;
    int64_t num_rows;
    int64_t heads;
    int64_t columns;
    T* out;
    int64_t num_entries = -1, num_y = -1;  // -1: indptr and indices are trusted
};

template <class T, class Id>
void sddmm(const Sddmm<T, Id>& task, int num_threads);

#define GRAPHREP_DECLARE(isa)                         \
    namespace isa {                                   \
    template <class T, class Id>                      \
    void sddmm(const Sddmm<T, Id>&, int num_threads); \
    }
GRAPHREP_DECLARE(baseline)
GRAPHREP_DECLARE(avx2)
GRAPHREP_DECLARE(avx512)
#undef GRAPHREP_DECLARE

}  // namespace graphrep

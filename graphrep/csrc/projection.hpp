// The steps of FastRP other than its sparse products. T is float or Float16; sums are formed in float.
#pragma once

#include <cstdint>

#include "scalars.hpp"

namespace graphrep {

// The very sparse random matrix R of FastRP. Row u depends on (seed, key of u): its number of entries is drawn from the
// distribution `counts`, and they stand at the first columns of a random permutation. With another density, a row
// therefore gains or loses entries, but keeps the others.
struct Projection {
    int64_t columns;
    int64_t first, stored;  // of the columns, those that are written: first ... first + stored - 1
    const double* counts;   // counts[k]: probability of at most k entries, k = 0 ... columns
    const uint64_t* keys;   // null: the row numbers
    uint64_t seed;
    float magnitude;  // an entry is +-magnitude
};

// R with row u multiplied by row_scale[u] (null: 1).
template <class T>
void fill_projection(const Projection& projection, const float* row_scale, int64_t num_rows, T* r, int num_threads);

// y = diag(scale) A diag(row_scale) R without R in memory: its few entries are drawn again for every arc. Throws for an
// index outside [0, num_columns); the offsets must be right.
template <class T, class Id>
void spmm_projection(const Projection& projection, const int64_t* indptr, const Id* indices, const float* weights,
                     const float* scale, const float* row_scale, int64_t num_rows, int64_t num_columns, T* y,
                     int num_threads);

// total[v, :] += factor * y[v, :] / |y[v, :]|, except for zero rows; without `normalize`, += factor * y[v, :].
template <class T>
void accumulate_rows(const T* y, int64_t num_rows, int64_t columns, float factor, bool normalize, float* total,
                     int num_threads);

#define GRAPHREP_DECLARE(isa)                                                   \
    namespace isa {                                                             \
    template <class T>                                                          \
    void accumulate_rows(const T*, int64_t, int64_t, float, bool, float*, int); \
    void round_to(const float*, int64_t, Float16*);                             \
    }
GRAPHREP_DECLARE(baseline)
GRAPHREP_DECLARE(avx2)
GRAPHREP_DECLARE(avx512)
#undef GRAPHREP_DECLARE

}  // namespace graphrep

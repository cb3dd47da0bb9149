// Distances of all pairs of rows of two blocks, and their gradient, without an array of differences.
#pragma once

#include <cstdint>

namespace graphrep {

// x is (num_x, columns), y (num_y, columns). The distance is the sum of absolute differences, or with `moduli` of the
// moduli of complex differences: the first half of the columns holds real parts, the second half imaginary parts.
struct RowPairs {
    const float* x;
    const float* y;
    int64_t num_x;
    int64_t num_y;
    int64_t columns;
    bool moduli;
};

// out[i, j]: the distance of x[i] and y[j].
void distances(const RowPairs& task, float* out, int num_threads);

// out[i] = sum over j of factor[i, j] times the derivative of that distance by x[i]; zero at a difference of zero.
void distance_gradient(const RowPairs& task, const float* factor, float* out, int num_threads);

#define GRAPHREP_DECLARE(isa)                                                                      \
    namespace isa {                                                                                \
    int64_t distance_lanes();                                                                      \
    void distances_of_row(const RowPairs& padded, const float* x, float* out);                     \
    void gradient_of_row(const RowPairs& padded, const float* x, const float* factor, float* out); \
    }
GRAPHREP_DECLARE(baseline)
GRAPHREP_DECLARE(avx2)
GRAPHREP_DECLARE(avx512)
#undef GRAPHREP_DECLARE

}  // namespace graphrep

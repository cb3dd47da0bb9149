// Products of dense blocks with many rows and few columns. BLAS would do them as fast, but its sums depend on the
// number of threads.
#pragma once

#include <cstdint>

namespace graphrep {

// out[s, i, j] = sum over the rows v of share s of scale[v] * x[v, i] * y[v, j]: x is (num_rows, p), y (num_rows, q),
// out (shares, p, q), and a share has share_rows rows, the last one what is left. scale null: ones. Symmetric: p == q
// and the result is known to be symmetric; half of it is computed. Sums of at most 256 rows are formed in float32, and
// these are added in float64, one after the other.
struct Gram {
    const float* x;
    const float* y;
    const float* scale;
    int64_t num_rows;
    int64_t share_rows;
    int64_t p;
    int64_t q;
    bool symmetric;
    double* out;
};
void gram(const Gram& task, int num_threads);

// out = diag(scale) x matrix: x is (num_rows, p), matrix (p, q), out (num_rows, q) and must not overlap x.
struct RowProduct {
    const float* x;
    const float* matrix;
    const float* scale;
    int64_t num_rows;
    int64_t p;
    int64_t q;
    float* out;
};
void multiply_rows(const RowProduct& task, int num_threads);

#define GRAPHREP_DECLARE(isa)                                                                    \
    namespace isa {                                                                              \
    void gram_rows(const Gram&, int64_t begin, int64_t end, float* panel, double* out);          \
    void multiply_some_rows(const RowProduct&, const float* panels, int64_t begin, int64_t end); \
    void pack_matrix(const RowProduct&, float* panels);                                          \
    int64_t panel_columns();                                                                     \
    }
GRAPHREP_DECLARE(baseline)
GRAPHREP_DECLARE(avx2)
GRAPHREP_DECLARE(avx512)
#undef GRAPHREP_DECLARE

constexpr int64_t kTallSide = 6;    // columns of x, or rows, in a tile of registers
constexpr int64_t kTallRows = 256;  // rows whose products are summed in float32

}  // namespace graphrep

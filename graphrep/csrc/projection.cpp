#include "projection.hpp"

#include <cmath>
#include <cstring>

#include "isa.hpp"
#include "parallel.hpp"
#include "random.hpp"

namespace graphrep {
namespace {

constexpr int64_t kRowBlock = 512;

// Calls visit(column, sign) for the non-zero entries of row u of R, by geometric gaps between them.
struct ProjectionRows {
    int64_t columns;
    uint64_t seed;
    double inverse_log;  // 1 / log(1 - density), 0 for density 1
    double empty;        // a first draw below this leaves the row empty

    ProjectionRows(int64_t columns, double density, uint64_t seed) : columns(columns), seed(seed) {
        inverse_log = density < 1 ? 1 / std::log1p(-density) : 0;
        // Slightly below the exact probability: close cases are decided by the logarithm below.
        empty = density < 1 ? std::pow(1 - density, static_cast<double>(columns)) * (1 - 1e-9) : 0;
    }

    template <class Visit>
    void operator()(int64_t u, Visit&& visit) const {
        const uint64_t key = stream_key(seed, static_cast<uint64_t>(u));
        uint64_t bits = random_bits(key, 0);
        if (uniform_double(bits) < empty) return;
        int64_t column = -1;
        for (uint64_t draw = 0;; bits = random_bits(key, ++draw)) {
            // The lowest bit, which uniform_double does not use, is the sign.
            const double gap = std::log(uniform_double(bits)) * inverse_log;
            if (!(gap < static_cast<double>(columns - 1 - column))) return;
            column += 1 + static_cast<int64_t>(gap);
            visit(column, bits & 1);
        }
    }
};

}  // namespace

void accumulate_rows(const float* y, int64_t num_rows, int64_t columns, float factor, bool normalize, float* total,
                     int num_threads) {
    GRAPHREP_DISPATCH(accumulate_rows, y, num_rows, columns, factor, normalize, total, num_threads)
}

void fill_projection(const float* row_scale, int64_t num_rows, int64_t columns, double density, float magnitude,
                     uint64_t seed, float* r, int num_threads) {
    const ProjectionRows row(columns, density, seed);
    parallel_blocks(num_rows, kRowBlock, num_threads, [&](int64_t begin, int64_t end) {
        std::memset(r + begin * columns, 0, static_cast<size_t>((end - begin) * columns) * sizeof(float));
        for (int64_t u = begin; u < end; ++u) {
            const float value = row_scale ? magnitude * row_scale[u] : magnitude;
            row(u, [&](int64_t j, uint64_t negative) { r[u * columns + j] = negative ? -value : value; });
        }
    });
}

template <class Id>
void spmm_projection(const int64_t* indptr, const Id* indices, const float* weights, const float* scale,
                     const float* row_scale, int64_t num_rows, int64_t columns, double density, float magnitude,
                     uint64_t seed, float* y, int num_threads) {
    const ProjectionRows row(columns, density, seed);
    parallel_blocks(num_rows, kRowBlock, num_threads, [&](int64_t begin, int64_t end) {
        std::memset(y + begin * columns, 0, static_cast<size_t>((end - begin) * columns) * sizeof(float));
        for (int64_t v = begin; v < end; ++v) {
            float* out = y + v * columns;
            const float outer = scale ? scale[v] * magnitude : magnitude;
            for (int64_t e = indptr[v]; e < indptr[v + 1]; ++e) {
                const Id u = indices[e];
                row(u, [&](int64_t j, uint64_t negative) {
                    const float value = outer * (weights ? weights[e] : 1.f) * (row_scale ? row_scale[u] : 1.f);
                    out[j] += negative ? -value : value;
                });
            }
        }
    });
}

#define GRAPHREP_INSTANTIATE(Id)                                                                                    \
    template void spmm_projection<Id>(const int64_t*, const Id*, const float*, const float*, const float*, int64_t, \
                                      int64_t, double, float, uint64_t, float*, int);
GRAPHREP_INSTANTIATE(int32_t)
GRAPHREP_INSTANTIATE(int64_t)

}  // namespace graphrep

// Sums of normalized rows, compiled once per instruction set.
#include "../projection.hpp"

#include "../parallel.hpp"
#include "vector.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {
namespace {

// total += factor * row / |row|
static void accumulate_in_double(const float* row, int64_t columns, float factor, float* total) {
    double square = 0;
    for (int64_t j = 0; j < columns; ++j) square += static_cast<double>(row[j]) * row[j];
    if (square == 0) return;
    const double scale = factor / __builtin_sqrt(square);
    for (int64_t j = 0; j < columns; ++j) total[j] += static_cast<float>(scale * row[j]);
}

}  // namespace

void accumulate_rows(const float* y, int64_t num_rows, int64_t columns, float factor, bool normalize, float* total,
                     int num_threads) {
    parallel_blocks(num_rows, 1024, num_threads, [&](int64_t begin, int64_t end) {
        for (int64_t v = begin; v < end; ++v) {
            const float* row = y + v * columns;
            float scale = factor;
            if (normalize) {
                Vec squares = Vec{};
                float rest = 0;
                int64_t j = 0;
                for (; j + kWidth <= columns; j += kWidth) squares += load(row + j) * load(row + j);
                for (; j < columns; ++j) rest += row[j] * row[j];
                const float square = add_lanes(squares) + rest;
                if (!(square > 1e-30f && square < 1e30f)) {  // zero, or outside the range of float32
                    accumulate_in_double(row, columns, factor, total + v * columns);
                    continue;
                }
                scale /= __builtin_sqrtf(square);
            }
            for (int64_t j = 0; j < columns; ++j) total[v * columns + j] += scale * row[j];
        }
    });
}

}  // namespace GRAPHREP_ISA
}  // namespace graphrep

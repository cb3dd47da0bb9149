// Row-wise sums of gathered rows, compiled once per instruction set. The bound is the memory traffic of the gather:
// num_arcs * columns * 4 bytes. Columns are taken in blocks whose accumulators stay in registers.
#include "../spmm.hpp"

#include "../parallel.hpp"
#include "vector.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {
namespace {

constexpr int64_t kArcsPerTask = 1 << 15;
constexpr int64_t kAhead = 12;  // gathered rows fetched in advance

template <int Blocks, class Id>
static inline void sum_rows(const Id* indices, const float* weights, int64_t begin, int64_t end, int64_t last,
                            const float* x, int64_t columns, float scale, float* out) {
    Vec total[Blocks];
    for (int b = 0; b < Blocks; ++b) total[b] = Vec{};
    for (int64_t e = begin; e < end; ++e) {
        if (e + kAhead < last) {
            const float* ahead = x + indices[e + kAhead] * columns;
            for (int b = 0; b < Blocks; b += 16 / kWidth) __builtin_prefetch(ahead + b * kWidth);
        }
        const float* row = x + indices[e] * columns;
        if (weights) {
            const Vec w = splat(weights[e]);
            for (int b = 0; b < Blocks; ++b) total[b] += w * load(row + b * kWidth);
        } else {
            for (int b = 0; b < Blocks; ++b) total[b] += load(row + b * kWidth);
        }
    }
    const Vec s = splat(scale);
    for (int b = 0; b < Blocks; ++b) store(out + b * kWidth, s * total[b]);
}

// total += factor * row / |row|
static void accumulate_in_double(const float* row, int64_t columns, float factor, float* total) {
    double square = 0;
    for (int64_t j = 0; j < columns; ++j) square += static_cast<double>(row[j]) * row[j];
    if (square == 0) return;
    const double scale = factor / __builtin_sqrt(square);
    for (int64_t j = 0; j < columns; ++j) total[j] += static_cast<float>(scale * row[j]);
}

}  // namespace

template <class Id>
void spmm(const int64_t* indptr, const Id* indices, const float* weights, const float* scale, const float* x,
          int64_t num_rows, int64_t columns, float* y, int num_threads) {
    constexpr int kBlocks = 8;  // vectors held at once: 128 columns with AVX-512
    const int64_t last = indptr[num_rows];
    // Tasks of about equal numbers of arcs; a task is the rows whose first arc falls into its share.
    const int64_t tasks = last / kArcsPerTask + 1;
    auto first_row = [&](int64_t arc) {
        int64_t low = 0, high = num_rows;  // smallest row with indptr[row] >= arc
        while (low < high) {
            const int64_t middle = (low + high) / 2;
            if (indptr[middle] < arc) low = middle + 1;
            else high = middle;
        }
        return low;
    };
    parallel_blocks(tasks, 1, num_threads, [&](int64_t task, int64_t) {
        const int64_t row_begin = task == 0 ? 0 : first_row(task * kArcsPerTask);
        const int64_t row_end = task + 1 == tasks ? num_rows : first_row((task + 1) * kArcsPerTask);
        for (int64_t v = row_begin; v < row_end; ++v) {
            const int64_t begin = indptr[v], end = indptr[v + 1];
            const float s = scale ? scale[v] : 1.f;
            float* out = y + v * columns;
            int64_t j = 0;
            for (; j + kBlocks * kWidth <= columns; j += kBlocks * kWidth)
                sum_rows<kBlocks>(indices, weights, begin, end, last, x + j, columns, s, out + j);
            for (; j + 2 * kWidth <= columns; j += 2 * kWidth)
                sum_rows<2>(indices, weights, begin, end, last, x + j, columns, s, out + j);
            for (; j < columns; ++j) {
                float total = 0;
                for (int64_t e = begin; e < end; ++e) total += (weights ? weights[e] : 1.f) * x[indices[e] * columns + j];
                out[j] = s * total;
            }
        }
    });
}

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
                const float square = sum(squares) + rest;
                if (!(square > 1e-30f && square < 1e30f)) {  // nothing, or too small or large for squares in float32
                    accumulate_in_double(row, columns, factor, total + v * columns);
                    continue;
                }
                scale /= __builtin_sqrtf(square);
            }
            for (int64_t j = 0; j < columns; ++j) total[v * columns + j] += scale * row[j];
        }
    });
}

template void spmm<int32_t>(const int64_t*, const int32_t*, const float*, const float*, const float*, int64_t, int64_t,
                            float*, int);
template void spmm<int64_t>(const int64_t*, const int64_t*, const float*, const float*, const float*, int64_t, int64_t,
                            float*, int);

}  // namespace GRAPHREP_ISA
}  // namespace graphrep

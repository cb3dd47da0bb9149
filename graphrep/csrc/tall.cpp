#include "tall.hpp"

#include <algorithm>

#include "buffer.hpp"
#include "checks.hpp"
#include "isa.hpp"
#include "parallel.hpp"

namespace graphrep {
namespace {

constexpr int64_t kRowsBetweenPolls = 96;  // a multiple of kTallSide

int64_t columns_of_panel() { GRAPHREP_DISPATCH(panel_columns) }

void add_rows(const Gram& task, int64_t begin, int64_t end, float* panel, double* out) {
    GRAPHREP_DISPATCH(gram_rows, task, begin, end, panel, out)
}

void pack(const RowProduct& task, float* panels) { GRAPHREP_DISPATCH(pack_matrix, task, panels) }

void multiply(const RowProduct& task, const float* panels, int64_t begin, int64_t end) {
    GRAPHREP_DISPATCH(multiply_some_rows, task, panels, begin, end)
}

int64_t rounded_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

}  // namespace

void gram(const Gram& task, int num_threads) {
    const int64_t entries = task.p * task.q;
    if (entries == 0 || task.num_rows == 0) return;
    const int64_t shares = (task.num_rows + task.share_rows - 1) / task.share_rows;
    parallel_blocks(shares, 1, num_threads, [&](int64_t s, int64_t) {
        Buffer<float> panel(columns_of_panel() * kTallRows, "packed rows");
        double* out = task.out + s * entries;
        std::fill_n(out, entries, 0.0);
        const int64_t end = std::min(task.num_rows, (s + 1) * task.share_rows);
        for (int64_t row = s * task.share_rows; row < end; row += kTallRows) {
            poll();
            add_rows(task, row, std::min(end, row + kTallRows), panel.data(), out);
        }
        if (task.symmetric)  // tiles below the diagonal are missing
            for (int64_t i = 0; i < task.p; ++i)
                for (int64_t j = 0; j < i; ++j) out[i * task.q + j] = out[j * task.q + i];
    });
}

void multiply_rows(const RowProduct& task, int num_threads) {
    if (task.num_rows == 0 || task.q == 0) return;
    Buffer<float> panels(task.p * rounded_up(task.q, columns_of_panel()), "the packed matrix");
    pack(task, panels.data());
    parallel_blocks(task.num_rows, kRowsBetweenPolls, num_threads,
                    [&](int64_t begin, int64_t end) { multiply(task, panels.data(), begin, end); });
}

}  // namespace graphrep

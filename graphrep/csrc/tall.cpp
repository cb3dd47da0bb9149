#include "tall.hpp"

#include <algorithm>

#include "buffer.hpp"
#include "checks.hpp"
#include "isa.hpp"
#include "parallel.hpp"

namespace graphrep {
namespace {

constexpr int64_t kMaxShares = 64;         // of the rows; each has a sum of its own
constexpr int64_t kShareRows = 2048;       // at least
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
    std::fill_n(task.out, entries, 0.0);
    if (entries == 0 || task.num_rows == 0) return;
    const int64_t shares = std::clamp<int64_t>((task.num_rows + kShareRows - 1) / kShareRows, 1, kMaxShares);
    const int64_t share = (task.num_rows + shares - 1) / shares;
    Buffer<double> sums(shares * entries, "the sums of shares of the rows");
    std::fill_n(sums.data(), shares * entries, 0.0);
    parallel_blocks(shares, 1, num_threads, [&](int64_t s, int64_t) {
        Buffer<float> panel(columns_of_panel() * kTallRows, "packed rows");
        const int64_t end = std::min(task.num_rows, (s + 1) * share);
        for (int64_t row = s * share; row < end; row += kTallRows) {
            poll();
            add_rows(task, row, std::min(end, row + kTallRows), panel.data(), sums.data() + s * entries);
        }
    });
    for (int64_t s = 0; s < shares; ++s)
        for (int64_t i = 0; i < entries; ++i) task.out[i] += sums.data()[s * entries + i];
    if (task.symmetric)  // tiles below the diagonal are missing
        for (int64_t i = 0; i < task.p; ++i)
            for (int64_t j = 0; j < i; ++j) task.out[i * task.q + j] = task.out[j * task.q + i];
}

void multiply_rows(const RowProduct& task, int num_threads) {
    if (task.num_rows == 0 || task.q == 0) return;
    Buffer<float> panels(task.p * rounded_up(task.q, columns_of_panel()), "the packed matrix");
    pack(task, panels.data());
    parallel_blocks(task.num_rows, kRowsBetweenPolls, num_threads,
                    [&](int64_t begin, int64_t end) { multiply(task, panels.data(), begin, end); });
}

}  // namespace graphrep

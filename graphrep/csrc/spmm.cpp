#include "spmm.hpp"

#include <algorithm>
#include <type_traits>

#include "checks.hpp"
#include "isa.hpp"
#include "parallel.hpp"

namespace graphrep {
namespace {

constexpr int64_t kRowsBetweenPolls = 4096;

template <class T, class Id, class V>
void sum(const Spmm<T, Id, V>& task, int num_threads) {
    GRAPHREP_DISPATCH(spmm_sum, task, num_threads)
}

template <class T, class Id>
void extreme(const Spmm<T, Id>& task, int num_threads) {
    GRAPHREP_DISPATCH(spmm_extreme, task, num_threads)
}

}  // namespace

template <class T, class Id, class V>
void spmm(const Spmm<T, Id, V>& task, int num_threads) {
    if constexpr (!std::is_same_v<T, V>)
        sum(task, num_threads);
    else if (task.reduce == Reduce::sum || task.reduce == Reduce::mean)
        sum(task, num_threads);
    else
        extreme(task, num_threads);
}

template <class T, class Id>
void spmm_extreme_backward(const int64_t* indptr, const Id* indices, const T* values, const int32_t* arg, const T* grad,
                           int64_t num_rows, int64_t num_entries, int64_t num_x, int64_t heads, int64_t columns, T* out,
                           int num_threads) {
    constexpr int64_t kColumns = 64 / sizeof(T);  // only one thread writes a cache line
    const int64_t stride = heads * columns;
    const int64_t shares = std::clamp<int64_t>((stride + kColumns - 1) / kColumns, 1, std::max(1, num_threads));
    const int64_t share = ((stride + shares - 1) / shares + kColumns - 1) / kColumns * kColumns;
    parallel_blocks(stride, std::max<int64_t>(share, 1), num_threads, [&](int64_t first, int64_t last) {
        for (int64_t v = 0; v < num_rows; ++v) {
            if (v % kRowsBetweenPolls == 0) poll();
            const auto [row, row_end] = checked_row(indptr, num_rows, num_entries, v);
            if (row == row_end) continue;
            const int32_t* places = arg + v * stride;
            const T* g = grad + v * stride;
            for (int64_t j = first; j < last; ++j) {
                check_id("arg", places[j], row_end - row);
                const int64_t e = row + places[j];
                const int64_t u = indices ? int64_t(indices[e]) : e;
                check_id("indices", u, num_x);
                out[u * stride + j] += values ? values[e * heads + j / columns] * g[j] : g[j];
            }
        }
    });
}

#define GRAPHREP_INSTANTIATE(T)                                                                                      \
    template void spmm_extreme_backward(const int64_t*, const int32_t*, const T*, const int32_t*, const T*, int64_t, \
                                        int64_t, int64_t, int64_t, int64_t, T*, int);                                \
    template void spmm_extreme_backward(const int64_t*, const int64_t*, const T*, const int32_t*, const T*, int64_t, \
                                        int64_t, int64_t, int64_t, int64_t, T*, int);
GRAPHREP_INSTANTIATE(float)
GRAPHREP_INSTANTIATE(double)
#undef GRAPHREP_INSTANTIATE

#define GRAPHREP_INSTANTIATE(T)                       \
    template void spmm(const Spmm<T, int32_t>&, int); \
    template void spmm(const Spmm<T, int64_t>&, int);
GRAPHREP_INSTANTIATE(float)
GRAPHREP_INSTANTIATE(double)
GRAPHREP_INSTANTIATE(BFloat16)
GRAPHREP_INSTANTIATE(Float16)
template void spmm(const Spmm<Float16, int32_t, float>&, int);
template void spmm(const Spmm<Float16, int64_t, float>&, int);

}  // namespace graphrep

// Row-wise sums of gathered rows, compiled once per instruction set. The memory traffic of the gather,
// num_entries * columns * sizeof(T), bounds the speed. Columns are processed in blocks whose accumulators are
// registers.
#include "../spmm.hpp"

#include <type_traits>

#include "csr_tasks.hpp"
#include "lanes.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {
namespace {

// One row, `Blocks` vectors of its columns; Recur: a step of a recurrence, with this row of x; Some: only the first
// `some` lanes of one vector exist.
template <int Blocks, bool Gather, bool Weighted, bool Recur, bool Some, class T, class Id, class V>
static inline void sum_block(const Spmm<T, Id, V>& t, const V* values, const T* x, int64_t stride, int64_t begin,
                             int64_t end, int64_t last, int64_t ahead, typename Lanes<T>::Scalar scale, const T* own,
                             T* out, int some) {
    using L = Lanes<T>;
    typename L::Vector total[Blocks];
    for (int b = 0; b < Blocks; ++b) total[b] = typename L::Vector{};
    const Id* indices = t.indices;
    const auto add = [&](int64_t e) __attribute__((always_inline)) {
        const T* row = x + (Gather ? int64_t(indices[e]) : e) * stride;
        if constexpr (Weighted) {
            const auto w = L::splat(widen(values[e * t.heads]));
            for (int b = 0; b < Blocks; ++b)
                total[b] += w * (Some ? L::load_some(row, some) : L::load(row + b * L::kLanes));
        } else {
            for (int b = 0; b < Blocks; ++b) total[b] += Some ? L::load_some(row, some) : L::load(row + b * L::kLanes);
        }
    };
    int64_t e = begin, stop = end;
    if (end - begin > kEntriesBetweenPolls) stop = begin + kEntriesBetweenPolls;
next:
    if constexpr (Gather) {
        const int64_t fetched = last - ahead < stop ? last - ahead : stop;
        for (; e < fetched; ++e) {
            const char* next = reinterpret_cast<const char*>(x + indices[e + ahead] * stride);
            for (int64_t byte = 0; byte < int64_t(Blocks * L::kLanes * sizeof(T)); byte += kLine)
                __builtin_prefetch(next + byte);
            add(e);
        }
    }
    for (; e < stop; ++e) add(e);
    if (e < end) {  // a hub
        poll();
        stop = end - e > kEntriesBetweenPolls ? e + kEntriesBetweenPolls : end;
        goto next;
    }
    const auto s = L::splat(scale);
    for (int b = 0; b < Blocks; ++b) {
        auto result = s * total[b];
        if constexpr (Recur) {
            const auto read = [&](const T* from) {
                return Some ? L::load_some(from, some) : L::load(from + b * L::kLanes);
            };
            result += L::splat(t.own) * read(own);
            if (t.before != 0) result += L::splat(t.before) * read(out);
        }
        if (Some)
            L::store_some(out, result, some);
        else
            L::store(out + b * L::kLanes, result);
    }
}

template <bool Gather, bool Weighted, bool Recur, class T, class Id, class V>
void sum_rows(const Spmm<T, Id, V>& t, int num_threads) {
    using L = Lanes<T>;
    const int64_t stride = t.heads * t.columns, last = t.indptr[t.num_rows];
    const int64_t ahead = entries_ahead(stride * int64_t(sizeof(T)), t.num_x);
    for_csr_rows(CsrRows<Id>{t.indptr, t.num_rows, t.num_entries, t.indices, t.num_x},
                 kElementsPerTask / (stride + 8) + 1, num_threads, [&](int64_t first, int64_t end_row) {
                     for (int64_t v = first; v < end_row; ++v) {
                         const int64_t begin = t.indptr[v], end = t.indptr[v + 1];
                         typename L::Scalar scale = t.scale ? widen(t.scale[v]) : 1;
                         if (t.reduce == Reduce::mean && end > begin) scale /= typename L::Scalar(end - begin);
                         for (int64_t h = 0; h < t.heads; ++h) {
                             const V* values = Weighted ? t.values + h : nullptr;
                             const T* x = t.x + h * t.columns;
                             T* out = t.out + v * stride + h * t.columns;
                             const auto run = [&]<int Blocks, bool Some>(int64_t j, int some) {
                                 sum_block<Blocks, Gather, Weighted, Recur, Some>(
                                     t, values, x + j, stride, begin, end, last, ahead, scale,
                                     Recur ? t.x + v * stride + j : nullptr, out + j, some);
                             };
                             int64_t j = 0;
                             for (; j + 8 * L::kLanes <= t.columns; j += 8 * L::kLanes)
                                 run.template operator()<8, false>(j, 0);
                             for (; j + 4 * L::kLanes <= t.columns; j += 4 * L::kLanes)
                                 run.template operator()<4, false>(j, 0);
                             for (; j + 2 * L::kLanes <= t.columns; j += 2 * L::kLanes)
                                 run.template operator()<2, false>(j, 0);
                             for (; j + L::kLanes <= t.columns; j += L::kLanes) run.template operator()<1, false>(j, 0);
                             if (j < t.columns) run.template operator()<1, true>(j, int(t.columns - j));
                         }
                     }
                 });
}

}  // namespace

template <class T, class Id, class V>
void spmm_sum(const Spmm<T, Id, V>& task, int num_threads) {
    if constexpr (std::is_same_v<T, float> || !std::is_same_v<T, V>) {
        if (task.own != 0 || task.before != 0) {
            if (task.values)
                sum_rows<true, true, true>(task, num_threads);
            else
                sum_rows<true, false, true>(task, num_threads);
            return;
        }
    }
    if (task.indices && task.values)
        sum_rows<true, true, false>(task, num_threads);
    else if (task.indices)
        sum_rows<true, false, false>(task, num_threads);
    else if (task.values)
        sum_rows<false, true, false>(task, num_threads);
    else
        sum_rows<false, false, false>(task, num_threads);
}

#define GRAPHREP_INSTANTIATE(T)                           \
    template void spmm_sum(const Spmm<T, int32_t>&, int); \
    template void spmm_sum(const Spmm<T, int64_t>&, int);
GRAPHREP_INSTANTIATE(float)
GRAPHREP_INSTANTIATE(double)
GRAPHREP_INSTANTIATE(BFloat16)
GRAPHREP_INSTANTIATE(Float16)
template void spmm_sum(const Spmm<Float16, int32_t, float>&, int);
template void spmm_sum(const Spmm<Float16, int64_t, float>&, int);

}  // namespace GRAPHREP_ISA
}  // namespace graphrep

// Row-wise maxima and minima of gathered rows and where they came from, compiled once per instruction set.
#include <type_traits>

#include "../spmm.hpp"
#include "csr_tasks.hpp"
#include "lanes.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {
namespace {

// Whether lanes of `next` replace those of `best`: they are larger or the first NaN, which is never replaced.
template <class V>
static inline auto beats(V next, V best) {
    return ~(next <= best) & (best == best);
}

// The reduction of one row over `Blocks` vectors of its columns. Scaled: values are multiplied by weights or, for a
// minimum, by -1. Placed: arg is written. Some: only the first `some` lanes of one vector exist.
template <int Blocks, bool Gather, bool Scaled, bool Placed, bool Some, class T, class Id>
static inline void extreme_block(const Spmm<T, Id>& t, const T* values, const T* x, int64_t stride, int64_t begin,
                                 int64_t end, int64_t last, int64_t ahead, T* out, int32_t* arg, int some) {
    using L = Lanes<T>;
    using V = typename L::Vector;
    using Place = decltype(V{} < V{});  // integers of the lanes' size
    using Lane = std::conditional_t<sizeof(typename L::Scalar) == 4, int32_t, int64_t>;
    const typename L::Scalar sign = t.reduce == Reduce::min ? -1 : 1;  // a minimum is a maximum of negated values
    const auto read = [&](int64_t e, int b) __attribute__((always_inline)) {
        const T* row = x + (Gather ? int64_t(t.indices[e]) : e) * stride;
        const V value = Some ? L::load_some(row, some) : L::load(row + b * L::kLanes);
        if constexpr (!Scaled) return value;
        return values ? L::splat(sign * widen(values[e * t.heads])) * value : L::splat(sign) * value;
    };
    V best[Blocks], nan[Blocks];
    Place place[Blocks];
    for (int b = 0; b < Blocks; ++b) {
        best[b] = read(begin, b);
        nan[b] = best[b];
        place[b] = Place{};
    }
    for (int64_t e = begin + 1; e < end; ++e) {
        if (((e - begin) & (kEntriesBetweenPolls - 1)) == 0) poll();
        if (Gather && e + ahead < last) {
            const char* next = reinterpret_cast<const char*>(x + t.indices[e + ahead] * stride);
            for (int64_t byte = 0; byte < int64_t(Blocks * L::kLanes * sizeof(T)); byte += kLine)
                __builtin_prefetch(next + byte);
        }
        const Place here = Place{} + static_cast<Lane>(e - begin);
        for (int b = 0; b < Blocks; ++b) {
            const V next = read(e, b);
            if constexpr (Placed) {
                const Place wins = beats(next, best[b]);
                best[b] = wins ? next : best[b];
                place[b] = wins ? here : place[b];
            } else {  // one instruction, which loses NaNs, so that they are kept separately
                best[b] = next > best[b] ? next : best[b];
                nan[b] = next != next ? next : nan[b];
            }
        }
    }
    const auto s = L::splat(sign);
    for (int b = 0; b < Blocks; ++b) {
        if constexpr (!Placed) best[b] = nan[b] != nan[b] ? nan[b] : best[b];
        if constexpr (Scaled) best[b] = s * best[b];
        if (Some)
            L::store_some(out, best[b], some);
        else
            L::store(out + b * L::kLanes, best[b]);
        if constexpr (Placed)
            for (int i = 0; i < (Some ? some : L::kLanes); ++i)
                arg[b * L::kLanes + i] = static_cast<int32_t>(place[b][i]);
    }
}

template <bool Gather, bool Scaled, bool Placed, class T, class Id>
void extreme_rows(const Spmm<T, Id>& t, int num_threads) {
    using L = Lanes<T>;
    const int64_t stride = t.heads * t.columns, last = t.indptr[t.num_rows];
    const int64_t ahead = entries_ahead(stride * int64_t(sizeof(T)), t.num_x);
    for_csr_rows(CsrRows<Id>{t.indptr, t.num_rows, t.num_entries, t.indices, t.num_x},
                 kElementsPerTask / (stride + 8) + 1, num_threads, [&](int64_t first, int64_t end_row) {
                     for (int64_t v = first; v < end_row; ++v) {
                         const int64_t begin = t.indptr[v], end = t.indptr[v + 1];
                         if (begin == end) {
                             std::memset(static_cast<void*>(t.out + v * stride), 0, size_t(stride) * sizeof(T));
                             if constexpr (Placed)
                                 for (int64_t j = 0; j < stride; ++j) t.arg[v * stride + j] = -1;
                             continue;
                         }
                         for (int64_t h = 0; h < t.heads; ++h) {
                             const T* values = t.values ? t.values + h : nullptr;
                             const T* x = t.x + h * t.columns;
                             const int64_t at = v * stride + h * t.columns;
                             const auto run = [&]<int Blocks, bool Some>(int64_t j, int some) {
                                 extreme_block<Blocks, Gather, Scaled, Placed, Some>(
                                     t, values, x + j, stride, begin, end, last, ahead, t.out + at + j,
                                     Placed ? t.arg + at + j : nullptr, some);
                             };
                             int64_t j = 0;
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

template <bool Gather, class T, class Id>
void extreme(const Spmm<T, Id>& t, int num_threads) {
    const bool scaled = t.values || t.reduce == Reduce::min;
    if (scaled && t.arg)
        extreme_rows<Gather, true, true>(t, num_threads);
    else if (scaled)
        extreme_rows<Gather, true, false>(t, num_threads);
    else if (t.arg)
        extreme_rows<Gather, false, true>(t, num_threads);
    else
        extreme_rows<Gather, false, false>(t, num_threads);
}

}  // namespace

template <class T, class Id>
void spmm_extreme(const Spmm<T, Id>& task, int num_threads) {
    if (task.indices)
        extreme<true>(task, num_threads);
    else
        extreme<false>(task, num_threads);
}

#define GRAPHREP_INSTANTIATE(T)                               \
    template void spmm_extreme(const Spmm<T, int32_t>&, int); \
    template void spmm_extreme(const Spmm<T, int64_t>&, int);
GRAPHREP_INSTANTIATE(float)
GRAPHREP_INSTANTIATE(double)
GRAPHREP_INSTANTIATE(BFloat16)
GRAPHREP_INSTANTIATE(Float16)

}  // namespace GRAPHREP_ISA
}  // namespace graphrep

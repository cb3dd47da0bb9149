#include "segment.hpp"

#include <algorithm>
#include <atomic>
#include <type_traits>

#include "buffer.hpp"
#include "grouping.hpp"
#include "isa.hpp"
#include "parallel.hpp"
#include "spmm.hpp"

namespace graphrep {
namespace {

constexpr int64_t kLine = 64;
constexpr int64_t kCachedBytes = 1 << 23;  // results that stay in the cache while entries are walked

template <class T>
void fold(const Rows<T>& task, int num_threads) {
    GRAPHREP_DISPATCH(fold_rows, task, num_threads)
}

template <class T>
void column(const Rows<T>& task, int num_threads) {
    GRAPHREP_DISPATCH(reduce_column, task, num_threads)
}

template <class T, class Id>
int64_t walk(const Walk<T, Id>& task) {
    GRAPHREP_DISPATCH(walk_entries, task)
}

template <class T>
constexpr bool is_float = !std::is_integral_v<T>;

// One batch, with rows in the given order or in that of memory.
template <class T>
void reduce_rows(const Rows<T>& t, int num_threads) {
    if constexpr (is_float<T>) {
        if (t.reduce != Reduce::mul) {
            if (t.columns == 1 && !t.order) return column(t, num_threads);
            const int64_t results = t.groups * t.columns;
            const Buffer<int32_t> place(t.arg ? results : 0);
            spmm<T, int64_t>({t.indptr, t.order, nullptr, nullptr, t.src, t.groups, 1, t.columns, t.reduce, t.out,
                              t.arg ? place.data() : nullptr, -1, t.entries},
                             num_threads);
            if (!t.arg) return;
            parallel_blocks(t.groups, (1 << 14) / (t.columns + 1) + 1, num_threads, [&](int64_t first, int64_t last) {
                for (int64_t g = first; g < last; ++g)
                    for (int64_t at = g * t.columns; at < (g + 1) * t.columns; ++at) {
                        const int64_t i = t.indptr[g] + place[at];
                        t.arg[at] = t.indptr[g] == t.indptr[g + 1] ? t.entries : t.order ? t.order[i] : i;
                    }
            });
            return;
        }
    }
    fold(t, num_threads);
}

// body(batch, threads): batches run in parallel if there are enough of them.
template <class Body>
void for_batches(int64_t batch, int num_threads, Body&& body) {
    if (batch >= 2 * num_threads)
        parallel_blocks(batch, 1, num_threads, [&](int64_t b, int64_t) { body(b, 1); });
    else
        for (int64_t b = 0; b < batch; ++b) body(b, num_threads);
}

template <class T, class Id>
int64_t scatter_direct(const Scatter<T, Id>& t, int num_threads) {
    const int64_t per_line = kLine / int64_t(sizeof(T));
    const int64_t lines = (t.columns + per_line - 1) / per_line;
    const int64_t wanted = (num_threads + t.batch - 1) / std::max<int64_t>(t.batch, 1);
    const int64_t shares = std::clamp<int64_t>(wanted, 1, std::max<int64_t>(lines, 1));
    const int64_t share = (lines + shares - 1) / shares * per_line;
    std::atomic<int64_t> bad{-1};
    parallel_blocks(t.batch * shares, 1, num_threads, [&](int64_t task, int64_t) {
        const int64_t b = task / shares, first = std::min(task % shares * share, t.columns);
        const int64_t last = std::min(first + share, t.columns), out = b * t.groups * t.columns;
        if (first == last && first > 0) return;
        const int64_t wrong =
            walk<T, Id>({t.src + b * t.entries * t.columns, t.index + b * t.index_stride, t.per_column, t.entries,
                         t.columns, t.groups, first, last, t.reduce, t.out + out, t.arg ? t.arg + out : nullptr});
        if (wrong < 0) return;
        const int64_t position = b * t.index_stride + wrong;
        int64_t seen = bad.load();
        while ((seen < 0 || position < seen) && !bad.compare_exchange_weak(seen, position)) {
        }
    });
    return bad.load();
}

template <class T, class Id>
int64_t scatter_grouped(const Scatter<T, Id>& t, int num_threads) {
    const Buffer<int64_t> indptr(t.groups + 1, "the offsets of the groups"),
        order(t.entries, "the order of the entries");
    for (int64_t b = 0; b < t.batch; ++b) {
        if (b == 0 || t.index_stride) {
            const int64_t bad = group_by_key<Id>(t.index + b * t.index_stride, nullptr, t.entries, t.groups,
                                                 indptr.data(), order.data(), num_threads);
            if (bad >= 0) return b * t.index_stride + bad;
        }
        const int64_t out = b * t.groups * t.columns;
        reduce_rows<T>({t.src + b * t.entries * t.columns, indptr.data(), order.data(), t.entries, t.columns, t.groups,
                        t.reduce, t.out + out, t.arg ? t.arg + out : nullptr},
                       num_threads);
    }
    return -1;
}

// The cheaper path, by a cost model in nanoseconds per entry that was fitted to measurements.
template <class T, class Id>
ScatterPath choose(const Scatter<T, Id>& t, int num_threads) {
    const int64_t row_bytes = t.columns * int64_t(sizeof(T)), lines = (row_bytes + kLine - 1) / kLine;
    const double batch = double(t.batch), gather = double(row_bytes) / 32;
    double walk = t.groups * row_bytes > kCachedBytes ? 2 * gather : gather;
    if (t.arg) walk += 4 * double(t.columns);  // two arrays are written at random positions
    if (sizeof(T) == 2) walk += double(t.columns);
    const double shares = std::clamp(num_threads / batch, 1.0, double(std::max<int64_t>(lines, 1)));
    const double direct = batch * (2 * shares + walk) / std::min<double>(num_threads, batch * shares);
    const double grouped = ((t.index_stride ? batch : 1) * 10 + batch * gather) / num_threads;
    return direct <= grouped ? ScatterPath::direct : ScatterPath::grouped;
}

}  // namespace

template <class T>
void segment_reduce(const Segments<T>& t, int num_threads) {
    for_batches(t.batch, num_threads, [&](int64_t b, int threads) {
        const int64_t out = b * t.groups * t.columns;
        reduce_rows<T>({t.src + b * t.entries * t.columns, t.indptr + b * t.indptr_stride, nullptr, t.entries,
                        t.columns, t.groups, t.reduce, t.out + out, t.arg ? t.arg + out : nullptr},
                       threads);
    });
}

template <class T, class Id>
int64_t scatter(const Scatter<T, Id>& task, ScatterPath path, int num_threads) {
    if (path == ScatterPath::automatic && !task.per_column) path = choose(task, num_threads);
    if (path == ScatterPath::grouped && !task.per_column) return scatter_grouped(task, num_threads);
    return scatter_direct(task, num_threads);
}

#define GRAPHREP_INSTANTIATE(T)                                             \
    template void segment_reduce(const Segments<T>&, int);                  \
    template int64_t scatter(const Scatter<T, int32_t>&, ScatterPath, int); \
    template int64_t scatter(const Scatter<T, int64_t>&, ScatterPath, int);
GRAPHREP_INSTANTIATE(float)
GRAPHREP_INSTANTIATE(double)
GRAPHREP_INSTANTIATE(BFloat16)
GRAPHREP_INSTANTIATE(Float16)
GRAPHREP_INSTANTIATE(int32_t)
GRAPHREP_INSTANTIATE(int64_t)
#undef GRAPHREP_INSTANTIATE

}  // namespace graphrep

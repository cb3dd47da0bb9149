// Scatter in the order of the entries: one thread, a range of columns. Results are accumulated in out, or in a separate
// buffer for 16-bit floats.
#include <cstdlib>
#include <cstring>

#include "../segment.hpp"
#include "csr_tasks.hpp"
#include "fold.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {
namespace {

constexpr const char* kPurpose = "the sums and counts of the groups";
constexpr int64_t kAhead = 12;             // entries whose result is prefetched
constexpr int64_t kCachedBytes = 1 << 19;  // results that need no prefetch

template <class T>
struct Zeroed {
    T* data;
    explicit Zeroed(int64_t n) : data(static_cast<T*>(std::calloc(size_t(n > 0 ? n : 1), sizeof(T)))) {
        if (!data) out_of_memory(checked_bytes(n, sizeof(T), kPurpose), kPurpose);
    }
    ~Zeroed() { std::free(data); }
    Zeroed(const Zeroed&) = delete;
    Zeroed& operator=(const Zeroed&) = delete;
};

// Prefetch `count` elements at data + offset, which may lie outside: an index is checked only when it is used.
template <int Write, class T>
static inline void prefetch_elements(const T* data, uint64_t offset, int64_t count) {
    const auto at = reinterpret_cast<uintptr_t>(data) + offset * sizeof(T);
    for (int64_t byte = 0; byte < count * int64_t(sizeof(T)) && byte < 8 * kLine; byte += kLine)
        __builtin_prefetch(reinterpret_cast<const void*>(at + uint64_t(byte)), Write);
}

// Results lie `pitch` elements apart, column `first_column` at 0. Counts: (groups) or (groups, width) if per_column.
template <Reduce R, bool PerColumn, bool Count, bool Arg, class T, class Id>
int64_t walk(const Walk<T, Id>& t, Wide<T>* results, int64_t pitch, int64_t* counts) {
    using A = Wide<T>;
    const int64_t width = t.last_column - t.first_column, columns = t.columns;
    const bool prefetch_results = !PerColumn && t.groups * width * int64_t(sizeof(A)) > kCachedBytes;
    const bool ahead_of_src = width * int64_t(sizeof(T)) >= kLine;  // the hardware prefetches narrower rows
    const int64_t ahead = entries_ahead(columns * int64_t(sizeof(T)));
    int64_t* args = Arg ? t.arg + t.first_column : nullptr;
    for (int64_t e = 0; e < t.entries; ++e) {
        if (e % kEntriesBetweenPolls == 0) poll();
        const T* row = t.src + e * columns + t.first_column;
        if constexpr (PerColumn) {
            const Id* ids = t.index + e * columns + t.first_column;
            for (int64_t k = 0; k < width; ++k) {
                const int64_t g = ids[k];
                if (static_cast<uint64_t>(g) >= static_cast<uint64_t>(t.groups))
                    return e * columns + t.first_column + k;
                A& result = results[g * pitch + k];
                const A next = widen(row[k]);
                if constexpr (Arg) {
                    int64_t& arg = args[g * columns + k];
                    if (arg == t.entries || beats<R>(next, result)) {
                        result = next;
                        arg = e;
                    }
                } else {
                    result = combine<R>(result, next);
                    if constexpr (Count) ++counts[g * width + k];
                }
            }
        } else {
            const int64_t g = t.index[e];
            if (static_cast<uint64_t>(g) >= static_cast<uint64_t>(t.groups)) return e;
            if (ahead_of_src && e + ahead < t.entries) prefetch_elements<0>(row, uint64_t(ahead * columns), width);
            if (prefetch_results && e + kAhead < t.entries)
                prefetch_elements<1>(results, uint64_t(t.index[e + kAhead]) * uint64_t(pitch), width);
            A* __restrict to = results + g * pitch;
            if constexpr (Arg) {
                int64_t* __restrict arg = args + g * columns;
                for (int64_t k = 0; k < width; ++k) {
                    const A next = widen(row[k]);
                    const bool wins = (arg[k] == t.entries) | beats<R>(next, to[k]);
                    to[k] = wins ? next : to[k];
                    arg[k] = wins ? e : arg[k];
                }
            } else {
                for (int64_t k = 0; k < width; ++k) to[k] = combine<R>(to[k], static_cast<A>(widen(row[k])));
                if constexpr (Count) ++counts[g];
            }
        }
    }
    return -1;
}

template <Reduce R, bool PerColumn, class T, class Id>
int64_t run(const Walk<T, Id>& t) {
    using A = Wide<T>;
    constexpr bool extreme = R == Reduce::max || R == Reduce::min;
    constexpr bool in_place = sizeof(A) == sizeof(T);
    const int64_t width = t.last_column - t.first_column;
    const bool arg = extreme && t.arg, count = R == Reduce::mean || (extreme && !arg);
    const int64_t pitch = in_place ? t.columns : width;
    Zeroed<A> beside(in_place ? 0 : t.groups * width);
    Zeroed<int64_t> counts(count ? t.groups * (PerColumn ? width : 1) : 0);
    A* results = beside.data;
    if constexpr (in_place) results = t.out + t.first_column;
    if (in_place || neutral<R, A>() != A{})
        for (int64_t g = 0; g < t.groups; ++g)
            for (int64_t k = 0; k < width; ++k) results[g * pitch + k] = neutral<R, A>();
    if (arg)
        for (int64_t g = 0; g < t.groups; ++g)
            for (int64_t k = 0; k < width; ++k) t.arg[g * t.columns + t.first_column + k] = t.entries;
    int64_t bad;
    if constexpr (extreme)
        bad = arg ? walk<R, PerColumn, false, true>(t, results, pitch, counts.data)
                  : walk<R, PerColumn, true, false>(t, results, pitch, counts.data);
    else
        bad = walk<R, PerColumn, R == Reduce::mean, false>(t, results, pitch, counts.data);
    if (bad >= 0) return bad;
    if (in_place && !count && !arg) return -1;
    for (int64_t g = 0; g < t.groups; ++g) {
        const int64_t at = g * t.columns + t.first_column;
        for (int64_t k = 0; k < width; ++k) {
            A value = results[g * pitch + k];
            const int64_t n = count ? counts.data[PerColumn ? g * width + k : g] : 1;
            if (R == Reduce::mean) value = mean(value, n);
            if (extreme && (arg ? t.arg[at + k] == t.entries : n == 0)) value = 0;
            narrow(value, t.out + at + k);
        }
    }
    return -1;
}

}  // namespace

template <class T, class Id>
int64_t walk_entries(const Walk<T, Id>& task) {
    return with_reduce(task.reduce, [&]<Reduce R>() {
        if (task.per_column) return run<R, true>(task);
        return run<R, false>(task);
    });
}

#define GRAPHREP_INSTANTIATE(T)                             \
    template int64_t walk_entries(const Walk<T, int32_t>&); \
    template int64_t walk_entries(const Walk<T, int64_t>&);
GRAPHREP_INSTANTIATE(float)
GRAPHREP_INSTANTIATE(double)
GRAPHREP_INSTANTIATE(BFloat16)
GRAPHREP_INSTANTIATE(Float16)
GRAPHREP_INSTANTIATE(int32_t)
GRAPHREP_INSTANTIATE(int64_t)
#undef GRAPHREP_INSTANTIATE

}  // namespace GRAPHREP_ISA
}  // namespace graphrep

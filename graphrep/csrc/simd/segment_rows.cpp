// Segmented reductions that spmm does not offer: products, integers, and single columns of floats.
#include "../segment.hpp"

#include "csr_tasks.hpp"
#include "fold.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {
namespace {

constexpr int64_t kWorkPerTask = 1 << 20;  // elements
constexpr int64_t kChunk = 64;             // columns whose results are kept on the stack

template <Reduce R, class T>
void fold_chunk(const Rows<T>& t, int64_t g, int64_t first, int64_t width) {
    using A = Wide<T>;
    constexpr bool extreme = R == Reduce::max || R == Reduce::min;
    const int64_t begin = t.indptr[g], end = t.indptr[g + 1];
    A total[kChunk];
    int64_t arg[kChunk];
    for (int64_t k = 0; k < width; ++k) total[k] = neutral<R, A>();
    if (extreme)
        for (int64_t k = 0; k < width; ++k) arg[k] = t.entries;
    for (int64_t i = begin; i < end; ++i) {
        if ((i & (kEntriesBetweenPolls - 1)) == 0) poll();
        const int64_t e = t.order ? t.order[i] : i;
        const T* row = t.src + e * t.columns + first;
        if constexpr (extreme) {
            for (int64_t k = 0; k < width; ++k) {
                const A next = widen(row[k]);
                const bool wins = (i == begin) | beats<R>(next, total[k]);
                total[k] = wins ? next : total[k];
                arg[k] = wins ? e : arg[k];
            }
        } else {
            for (int64_t k = 0; k < width; ++k) total[k] = combine<R>(total[k], static_cast<A>(widen(row[k])));
        }
    }
    const int64_t at = g * t.columns + first;
    for (int64_t k = 0; k < width; ++k) {
        A value = R == Reduce::mean ? mean(total[k], end - begin) : total[k];
        if (extreme && begin == end) value = 0;
        narrow(value, t.out + at + k);
    }
    if (extreme && t.arg)
        for (int64_t k = 0; k < width; ++k) t.arg[at + k] = arg[k];
}

// One contiguous column: lanes run along the segment and are added at its end, in an order that depends only on its
// length.
template <class T>
static inline Wide<T> column_sum(const T* x, int64_t n) {
    using L = Lanes<T>;
    typename L::Vector a{}, b{};
    int64_t i = 0;
    for (; i + 2 * L::kLanes <= n; i += 2 * L::kLanes) {
        a += L::load(x + i);
        b += L::load(x + i + L::kLanes);
    }
    for (; i + L::kLanes <= n; i += L::kLanes) a += L::load(x + i);
    if (i < n) b += L::load_some(x + i, int(n - i));
    a += b;
    Wide<T> total = 0;
    if (n < L::kLanes) {
        for (int j = 0; j < n; ++j) total += a[j];
    } else if constexpr (sizeof(total) == 4) {
        total = add_lanes(a);
    } else {
        for (int j = 0; j < L::kLanes; ++j) total += a[j];
    }
    return total;
}

// Position of the extreme: the first NaN if there is one.
template <Reduce R, class T>
static inline int64_t column_extreme(const T* x, int64_t n) {
    using L = Lanes<T>;
    using V = typename L::Vector;
    Wide<T> best = widen(x[0]);
    bool nan = false;
    int64_t i = 0;
    if (n >= 2 * L::kLanes) {
        V lanes = L::load(x);
        auto odd = lanes != lanes;
        for (i = L::kLanes; i + L::kLanes <= n; i += L::kLanes) {
            const V next = L::load(x + i);
            odd |= next != next;
            lanes = (R == Reduce::max ? next > lanes : next < lanes) ? next : lanes;
        }
        best = lanes[0];
        for (int j = 0; j < L::kLanes; ++j) {
            nan |= odd[j] != 0;
            best = (R == Reduce::max ? lanes[j] > best : lanes[j] < best) ? lanes[j] : best;
        }
    }
    for (; i < n; ++i) {
        const Wide<T> next = widen(x[i]);
        nan |= next != next;
        best = (R == Reduce::max ? next > best : next < best) ? next : best;
    }
    int64_t place = 0;
    if (nan) {
        while (widen(x[place]) == widen(x[place])) ++place;
    } else {
        while (widen(x[place]) != best) ++place;
    }
    return place;
}

}  // namespace

template <class T>
void fold_rows(const Rows<T>& t, int num_threads) {
    with_reduce(t.reduce, [&]<Reduce R>() {
        for_csr_rows(CsrRows<int64_t>{t.indptr, t.groups, t.entries}, kWorkPerTask / (t.columns + 8) + 1, num_threads,
                     [&](int64_t first, int64_t last) {
                         for (int64_t g = first; g < last; ++g)
                             for (int64_t k = 0; k < t.columns; k += kChunk)
                                 fold_chunk<R>(t, g, k, k + kChunk < t.columns ? kChunk : t.columns - k);
                     });
    });
}

template <class T>
void reduce_column(const Rows<T>& t, int num_threads) {
    for_csr_rows(
        CsrRows<int64_t>{t.indptr, t.groups, t.entries}, kWorkPerTask, num_threads, [&](int64_t first, int64_t last) {
            for (int64_t g = first; g < last; ++g) {
                const int64_t begin = t.indptr[g], n = t.indptr[g + 1] - begin;
                const T* x = t.src + begin;
                if (t.reduce == Reduce::sum) {
                    narrow(column_sum(x, n), t.out + g);
                } else if (t.reduce == Reduce::mean) {
                    narrow(mean(column_sum(x, n), n), t.out + g);
                } else if (n == 0) {
                    narrow(Wide<T>(0), t.out + g);
                    if (t.arg) t.arg[g] = t.entries;
                } else {
                    const int64_t place =
                        t.reduce == Reduce::max ? column_extreme<Reduce::max>(x, n) : column_extreme<Reduce::min>(x, n);
                    t.out[g] = x[place];
                    if (t.arg) t.arg[g] = begin + place;
                }
            }
        });
}

template void fold_rows(const Rows<float>&, int);
template void fold_rows(const Rows<double>&, int);
template void fold_rows(const Rows<BFloat16>&, int);
template void fold_rows(const Rows<Float16>&, int);
template void fold_rows(const Rows<int32_t>&, int);
template void fold_rows(const Rows<int64_t>&, int);
template void reduce_column(const Rows<float>&, int);
template void reduce_column(const Rows<double>&, int);
template void reduce_column(const Rows<BFloat16>&, int);
template void reduce_column(const Rows<Float16>&, int);

}  // namespace GRAPHREP_ISA
}  // namespace graphrep

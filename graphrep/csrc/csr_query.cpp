#include "csr_query.hpp"

#include <algorithm>
#include <atomic>

#include "arc_sort.hpp"
#include "parallel.hpp"

namespace graphrep {
namespace {

constexpr int64_t kRowsPerBlock = 1024;
constexpr int64_t kPairsPerBlock = 4096;

// Position of `column` in the row, or -1.
template <class Index>
int64_t find_in_row(const int64_t* indptr, const Index* indices, int64_t row, int64_t column) {
    const Index* begin = indices + indptr[row];
    const Index* end = indices + indptr[row + 1];
    const Index* at = std::lower_bound(begin, end, static_cast<Index>(column));
    return at < end && *at == column ? at - indices : -1;
}

// Look up the reverse of a few arcs: this detects most directed graphs quickly.
template <class Index>
bool sample_symmetric(const int64_t* indptr, const Index* indices, const float* weights, int64_t num_nodes) {
    constexpr int64_t kSample = 1024;
    const int64_t num_arcs = indptr[num_nodes], step = num_arcs / kSample + 1;
    for (int64_t i = 0, row = 0; i < num_arcs; i += step) {
        row = std::upper_bound(indptr + row, indptr + num_nodes + 1, i) - indptr - 1;
        const int64_t reverse = find_in_row(indptr, indices, indices[i], row);
        if (reverse < 0 || (weights && weights[reverse] != weights[i])) return false;
    }
    return true;
}

}  // namespace

template <class Index>
void check_csr(const int64_t* indptr, const Index* indices, int64_t num_rows, int64_t num_entries, int64_t num_cols,
               int num_threads) {
    parallel_blocks(num_rows, int64_t{1} << 16, num_threads,
                    [&](int64_t begin, int64_t end) { check_rows(indptr, begin, end, num_entries); });
    if (!indices) return;
    parallel_blocks(num_entries, int64_t{1} << 18, num_threads,
                    [&](int64_t begin, int64_t end) { check_ids("indices", indices + begin, end - begin, num_cols); });
}

template <class Index>
bool is_symmetric(const int64_t* indptr, const Index* indices, const float* weights, int64_t num_nodes,
                  int num_threads) {
    const int64_t num_arcs = indptr[num_nodes];
    if (!sample_symmetric(indptr, indices, weights, num_nodes)) return false;
    // Transpose the arcs above the diagonal; the result must equal the arcs below it, row by row.
    const Layout layout(num_nodes, num_arcs / 2, false);
    const Partition turned = partition(layout, weights, num_threads, [&](int64_t part, int64_t parts, auto&& emit) {
        visit_csr(indptr, num_nodes, part, parts, [&](int64_t row, int64_t i) {
            if (indices[i] > row) emit(indices[i], row, 0, i);
        });
    });
    std::atomic<bool> symmetric{true};
    sort_buckets(layout, turned, layout.column_bits, num_threads, [&](int64_t bucket, Run run, int64_t size) {
        const int64_t last_row = std::min(num_nodes, layout.first_row(bucket + 1));
        int64_t seen = 0;
        bool equal = true;
        for (int64_t row = layout.first_row(bucket); equal && row < last_row; ++row)
            for (int64_t i = indptr[row]; equal && i < indptr[row + 1] && indices[i] < row; ++i, ++seen)
                equal = seen < size && run.keys[seen] == layout.key(row, indices[i], 0) &&
                        (!weights || run.weights[seen] == weights[i]);
        if (!equal || seen != size) symmetric.store(false, std::memory_order_relaxed);
    });
    return symmetric;
}

template <class Index>
int64_t count_loops(const int64_t* indptr, const Index* indices, int64_t num_nodes, int num_threads) {
    std::atomic<int64_t> loops{0};
    parallel_blocks(num_nodes, kRowsPerBlock, num_threads, [&](int64_t begin, int64_t end) {
        int64_t found = 0;
        for (int64_t row = begin; row < end; ++row) found += find_in_row(indptr, indices, row, row) >= 0;
        loops += found;
    });
    return loops;
}

template <class Index>
void find_arcs(const int64_t* indptr, const Index* indices, int64_t num_nodes, int64_t num_arcs, const int64_t* source,
               const int64_t* target, int64_t num_pairs, int64_t* position, int num_threads) {
    parallel_blocks(num_pairs, kPairsPerBlock, num_threads, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            checked_row(indptr, num_nodes, num_arcs, source[i]);
            check_id("target", target[i], num_nodes);
            position[i] = find_in_row(indptr, indices, source[i], target[i]);
        }
    });
}

template <class Index>
int64_t first_bad_row(const int64_t* indptr, const Index* indices, int64_t num_nodes, int num_threads) {
    std::atomic<int64_t> first{num_nodes};
    parallel_blocks(num_nodes, kRowsPerBlock, num_threads, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            int64_t previous = -1;
            bool good = true;
            for (int64_t i = indptr[row]; i < indptr[row + 1]; ++i) {
                good &= indices[i] > previous;
                previous = indices[i];
            }
            if (good && previous < num_nodes) continue;
            for (int64_t known = first; row < known && !first.compare_exchange_weak(known, row);) {
            }
            return;
        }
    });
    return first == num_nodes ? -1 : first.load();
}

#define GRAPHREP_INSTANTIATE(Index)                                                                                \
    template void check_csr<Index>(const int64_t*, const Index*, int64_t, int64_t, int64_t, int);                  \
    template bool is_symmetric<Index>(const int64_t*, const Index*, const float*, int64_t, int);                   \
    template int64_t count_loops<Index>(const int64_t*, const Index*, int64_t, int);                               \
    template void find_arcs<Index>(const int64_t*, const Index*, int64_t, int64_t, const int64_t*, const int64_t*, \
                                   int64_t, int64_t*, int);                                                        \
    template int64_t first_bad_row<Index>(const int64_t*, const Index*, int64_t, int);
GRAPHREP_INSTANTIATE(int32_t)
GRAPHREP_INSTANTIATE(int64_t)
#undef GRAPHREP_INSTANTIATE

}  // namespace graphrep

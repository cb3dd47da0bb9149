#include "csr_build.hpp"

#include <atomic>
#include <string>

#include "arc_sort.hpp"

namespace graphrep {
namespace {

int64_t equal_until(const uint64_t* keys, int64_t i, int64_t size) {
    const uint64_t key = keys[i];
    while (++i < size && keys[i] == key) {
    }
    return i;
}

// Weight of the parallel edges [i, end), which come in input order.
double merged_weight(const float* weights, int64_t i, int64_t end, Merge merge) {
    if (!weights) return merge == Merge::sum ? static_cast<double>(end - i) : 1.0;
    double total = weights[i];
    if (merge == Merge::sum)
        while (++i < end) total += weights[i];
    else if (merge == Merge::max)
        while (++i < end) total = std::max(total, static_cast<double>(weights[i]));
    return total;
}

// The result of merging a bucket: the number of arcs left, and whether any weight differs from 1.
struct Merged {
    int64_t size = 0;
    bool weighted = false;
};

// Merge a sorted run into columns, weights (written only if the input has some or an arc adds up to more than 1), and
// row lengths. `columns` and `weights` may be the run itself: a write position never exceeds the read position.
Merged merge_run(Run run, int64_t size, const Layout& layout, Merge merge, uint64_t* columns, float* weights,
                 int64_t* row_length) {
    const bool plain_input = !run.weights;
    const uint64_t column_mask = (uint64_t{1} << (layout.column_bits - layout.direction_bits)) - 1;
    Merged out;
    for (int64_t i = 0; i < size;) {
        const uint64_t arc = run.keys[i] >> layout.direction_bits;
        int64_t end = equal_until(run.keys, i, size);
        double weight = merged_weight(run.weights, i, end, merge);
        if (end < size &&
            run.keys[end] >> layout.direction_bits == arc) {  // the same arc, listed in the other direction
            i = std::exchange(end, equal_until(run.keys, end, size));
            weight = std::max(weight, merged_weight(run.weights, i, end, merge));
        }
        i = end;
        if (plain_input && weight != 1 && !out.weighted) {
            std::fill(weights, weights + out.size, 1.0f);
            out.weighted = true;
        }
        if (!plain_input || out.weighted) weights[out.size] = static_cast<float>(weight);
        columns[out.size++] = arc & column_mask;
        ++row_length[arc >> (layout.column_bits - layout.direction_bits)];
    }
    out.weighted |= !plain_input;
    return out;
}

constexpr const char* kOffsets = "the row offsets of the graph";

// Sort and merge every bucket, then close the gaps that merging left. `low` as in sort_buckets.
template <class Index>
Csr<Index> finish(const Layout& layout, const Partition& arcs, int64_t num_nodes, Merge merge, int low,
                  int num_threads) {
    const int64_t buckets = layout.num_buckets;
    const bool has_weights = static_cast<bool>(arcs.weights);
    // Without input weights, only pages where parallel edges add up are touched.
    const Buffer<float> counts(has_weights ? 0 : arcs.keys.size());
    float* const weights = has_weights ? arcs.weights.data() : counts.data();
    checked_bytes(num_nodes, 2 * sizeof(int64_t), kOffsets);  // num_nodes + 1 must not overflow
    Csr<Index> csr{Buffer<int64_t>(num_nodes + 1, kOffsets), {}, {}};
    csr.indptr[0] = 0;
    std::vector<Merged> merged(buckets);
    sort_buckets(layout, arcs, low, num_threads, [&](int64_t b, Run sorted, int64_t size) {
        const int64_t begin = arcs.begin[b], first_row = layout.first_row(b);
        int64_t* row_length = csr.indptr.data() + first_row + 1;
        std::fill(row_length, csr.indptr.data() + std::min(num_nodes, layout.first_row(b + 1)) + 1, 0);
        merged[b] = merge_run(sorted, size, layout, merge, arcs.keys.data() + begin, weights + begin, row_length);
    });

    std::vector<int64_t> base(buckets + 1, 0);
    bool weighted = has_weights;
    for (int64_t b = 0; b < buckets; ++b) {
        base[b + 1] = base[b] + merged[b].size;
        weighted |= merged[b].weighted;
    }
    csr.indices = Buffer<Index>(base[buckets], "the column ids of the graph");
    if (weighted) csr.weights = Buffer<float>(base[buckets], "the weights of the graph");
    parallel_blocks(buckets, 1, num_threads, [&](int64_t b, int64_t) {
        const int64_t begin = arcs.begin[b], size = merged[b].size;
        for (int64_t i = 0; i < size; ++i) csr.indices[base[b] + i] = static_cast<Index>(arcs.keys[begin + i]);
        if (weighted) {
            if (merged[b].weighted)
                std::copy_n(weights + begin, size, csr.weights.data() + base[b]);
            else
                std::fill_n(csr.weights.data() + base[b], size, 1.0f);
        }
        const int64_t last_row = std::min(num_nodes, layout.first_row(b + 1));
        int64_t end = base[b];
        for (int64_t row = layout.first_row(b); row < last_row; ++row) csr.indptr[row + 1] = end += csr.indptr[row + 1];
    });
    return csr;
}

// Position of the first id outside [low, high), or num_edges.
template <class Id>
int64_t first_outside(const Id* ids, int64_t num_edges, int64_t low, int64_t high, int num_threads) {
    std::atomic<int64_t> first{num_edges};
    parallel_blocks(num_edges, int64_t{1} << 16, num_threads, [&](int64_t begin, int64_t end) {
        bool outside = false;
        for (int64_t i = begin; i < end; ++i) outside |= ids[i] < low || ids[i] >= high;
        if (!outside) return;
        while (ids[begin] >= low && ids[begin] < high) ++begin;
        for (int64_t known = first; begin < known && !first.compare_exchange_weak(known, begin);) {
        }
    });
    return first;
}

template <class Id>
void check_ends(const char* name, const Id* ids, int64_t num_edges, int64_t low, int64_t high, int num_threads) {
    const int64_t at = first_outside(ids, num_edges, low, high, num_threads);
    if (at < num_edges)
        throw std::out_of_range(std::string(name) + " holds node id " + std::to_string(ids[at]) + ", outside [" +
                                std::to_string(low) + ", " + std::to_string(high) + ").");
}

}  // namespace

template <class Id, class Index>
Csr<Index> build_csr(const Id* source, const Id* target, const float* weights, int64_t num_edges, int64_t num_nodes,
                     const BuildOptions& options) {
    if (num_nodes < 0) bad_argument("num_nodes must not be negative.");
    check_ends("source", source, num_edges, 0, num_nodes, options.num_threads);
    check_ends("target", target, num_edges, 0, num_nodes, options.num_threads);
    const bool symmetrize = options.symmetrize, self_loops = options.self_loops;
    const Layout layout(num_nodes, symmetrize ? 2 * num_edges : num_edges, symmetrize);
    const auto visit = [&](int64_t part, int64_t parts, auto&& emit) {
        const int64_t end = share_begin(num_edges, part + 1, parts);
        for (int64_t i = share_begin(num_edges, part, parts); i < end; ++i) {
            if (i % kArcsBetweenPolls == 0) poll();
            const int64_t u = source[i], v = target[i];
            if (u == v && !self_loops) continue;
            emit(u, v, 0, i);
            if (symmetrize && u != v) emit(v, u, 1, i);
        }
    };
    const Partition arcs = partition(layout, weights, options.num_threads, visit);
    return finish<Index>(layout, arcs, num_nodes, options.merge, 0, options.num_threads);
}

template <class Id, class Index>
Csr<Index> build_rows(const Id* row, const Id* column, const float* weights, int64_t num_arcs, int64_t num_forward,
                      const RowRange& range, Merge merge, int num_threads) {
    if (range.first < 0 || range.count < 0 || range.num_nodes - range.count < range.first)
        bad_argument("the rows must lie in [0, num_nodes).");
    check_ends("row", row, num_arcs, range.first, range.first + range.count, num_threads);
    check_ends("column", column, num_arcs, 0, range.num_nodes, num_threads);
    const Layout layout(range.count, range.num_nodes, num_arcs, num_forward < num_arcs);
    const bool both = layout.direction_bits > 0;
    const auto visit = [&](int64_t part, int64_t parts, auto&& emit) {
        const int64_t end = share_begin(num_arcs, part + 1, parts);
        for (int64_t i = share_begin(num_arcs, part, parts); i < end; ++i) {
            if (i % kArcsBetweenPolls == 0) poll();
            emit(row[i] - range.first, static_cast<int64_t>(column[i]), both && i >= num_forward, i);
        }
    };
    const Partition arcs = partition(layout, weights, num_threads, visit);
    return finish<Index>(layout, arcs, range.count, merge, 0, num_threads);
}

template <class Index>
Csr<Index> transpose_csr(const int64_t* indptr, const Index* indices, const float* weights, int64_t num_nodes,
                         int num_threads) {
    const int64_t num_arcs = indptr[num_nodes];
    const Layout layout(num_nodes, num_arcs, false);
    // Arcs come by ascending row, the column of the result, so a stable sort by the new row is enough.
    const Partition arcs = partition(layout, weights, num_threads, [&](int64_t part, int64_t parts, auto&& emit) {
        visit_csr(indptr, num_nodes, part, parts, [&](int64_t row, int64_t i) { emit(indices[i], row, 0, i); });
    });
    return finish<Index>(layout, arcs, num_nodes, Merge::sum, layout.column_bits, num_threads);
}

#define GRAPHREP_INSTANTIATE(Id, Index)                                                                              \
    template Csr<Index> build_csr<Id, Index>(const Id*, const Id*, const float*, int64_t, int64_t,                   \
                                             const BuildOptions&);                                                   \
    template Csr<Index> build_rows<Id, Index>(const Id*, const Id*, const float*, int64_t, int64_t, const RowRange&, \
                                              Merge, int);
GRAPHREP_INSTANTIATE(int32_t, int32_t)
GRAPHREP_INSTANTIATE(int32_t, int64_t)
GRAPHREP_INSTANTIATE(int64_t, int32_t)
GRAPHREP_INSTANTIATE(int64_t, int64_t)
#undef GRAPHREP_INSTANTIATE
template Csr<int32_t> transpose_csr(const int64_t*, const int32_t*, const float*, int64_t, int);
template Csr<int64_t> transpose_csr(const int64_t*, const int64_t*, const float*, int64_t, int);

}  // namespace graphrep

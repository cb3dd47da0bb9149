// A stable radix sort of arcs in two levels: arcs are distributed, in input order, to buckets of consecutive rows that
// fit in the cache; then one thread sorts each bucket. The order does not depend on the number of threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "buffer.hpp"
#include "parallel.hpp"

namespace graphrep {

constexpr int64_t kArcsPerBucket = int64_t{1} << 15;
constexpr int64_t kMaxBuckets = 1024;
constexpr int64_t kArcsBetweenPolls = int64_t{1} << 18;
constexpr int kDigit = 8;  // bits per pass of the radix sort: 256 destinations stay in the first-level cache

inline int bit_length(uint64_t value) { return 64 - std::countl_zero(value); }

// Where an arc goes and the 64-bit key that orders it there: row within the bucket, column, direction.
struct Layout {
    int row_bits = 0;     // rows per bucket: 2^row_bits
    int column_bits = 0;  // including the direction bit
    int direction_bits = 0;
    int64_t num_buckets = 0;

    Layout(int64_t num_nodes, int64_t num_arcs, bool symmetrize) : Layout(num_nodes, num_nodes, num_arcs, symmetrize) {}
    Layout(int64_t num_rows, int64_t num_columns, int64_t num_arcs, bool symmetrize) {
        const int64_t wanted = std::clamp<int64_t>(num_arcs / kArcsPerBucket, 1, kMaxBuckets);
        row_bits = std::max(0, bits_of(num_rows) - bit_length(static_cast<uint64_t>(wanted - 1)));
        direction_bits = symmetrize ? 1 : 0;
        column_bits = bits_of(num_columns) + direction_bits;
        if (row_bits + column_bits > 64) bad_argument("num_nodes is too large to build a CSR.");
        num_buckets = num_rows > 0 ? ((num_rows - 1) >> row_bits) + 1 : 0;
    }
    int64_t bucket(int64_t row) const { return row >> row_bits; }
    // Of the numbers 0 ... count - 1.
    static int bits_of(int64_t count) { return bit_length(static_cast<uint64_t>(std::max<int64_t>(count - 1, 0))); }
    int64_t first_row(int64_t bucket) const { return bucket << row_bits; }
    uint64_t key(int64_t row, int64_t column, int reverse) const {
        const uint64_t local = static_cast<uint64_t>(row) & ((uint64_t{1} << row_bits) - 1);
        return local << column_bits | static_cast<uint64_t>(column) << direction_bits | static_cast<uint64_t>(reverse);
    }
};

// Arcs grouped by bucket: bucket b is keys[begin[b]..begin[b + 1]), in input order.
struct Partition {
    Buffer<uint64_t> keys;
    Buffer<float> weights;  // only if the input has weights
    std::vector<int64_t> begin;
};

// Distribute the arcs to buckets. visit(part, num_parts, emit) calls emit(row, column, reverse, weight index) for the
// arcs of one part of the input.
template <class Visit>
Partition partition(const Layout& layout, const float* weights, int num_threads, Visit&& visit) {
    const int64_t parts = std::max(1, num_threads), buckets = layout.num_buckets;
    Vector<int64_t> slots(static_cast<size_t>(parts * buckets),
                          0);  // first a histogram, then the next free slot, per part and bucket
    parallel_blocks(parts, 1, num_threads, [&](int64_t part, int64_t) {
        int64_t* count = slots.data() + part * buckets;
        visit(part, parts, [&](int64_t row, int64_t, int, int64_t) { ++count[layout.bucket(row)]; });
    });

    Partition result;
    result.begin.assign(buckets + 1, 0);
    int64_t total = 0;
    for (int64_t bucket = 0; bucket < buckets; ++bucket) {
        result.begin[bucket] = total;
        for (int64_t part = 0; part < parts; ++part) {
            const int64_t count = slots[part * buckets + bucket];
            slots[part * buckets + bucket] = total;
            total += count;
        }
    }
    result.begin[buckets] = total;

    result.keys = Buffer<uint64_t>(total, "the arcs to be sorted");
    if (weights) result.weights = Buffer<float>(total, "the weights of the arcs to be sorted");
    parallel_blocks(parts, 1, num_threads, [&](int64_t part, int64_t) {
        int64_t* next = slots.data() + part * buckets;
        visit(part, parts, [&](int64_t row, int64_t column, int reverse, int64_t item) {
            const int64_t at = next[layout.bucket(row)]++;
            result.keys[at] = layout.key(row, column, reverse);
            if (weights) result.weights[at] = weights[item];
        });
    });
    return result;
}

// f(row, i) for the stored arcs indices[i] of one part of a CSR, in order. Parts have equal numbers of arcs.
template <class F>
void visit_csr(const int64_t* indptr, int64_t num_nodes, int64_t part, int64_t parts, F&& f) {
    const int64_t num_arcs = indptr[num_nodes];
    const int64_t end = share_begin(num_arcs, static_cast<int>(part) + 1, static_cast<int>(parts));
    int64_t i = share_begin(num_arcs, static_cast<int>(part), static_cast<int>(parts));
    int64_t row = std::upper_bound(indptr, indptr + num_nodes + 1, i) - indptr - 1;
    for (; i < end; ++i) {
        if (i % kArcsBetweenPolls == 0) poll();
        while (indptr[row + 1] <= i) ++row;
        f(row, i);
    }
}

// A run of arcs and its companion of the same length; the sort alternates between the two.
struct Run {
    uint64_t* keys;
    float* weights;  // null without weights
};

// Sort by the key bits [low, high), stably. Returns the run that holds the result: `run` or `spare`.
inline Run radix_sort(Run run, Run spare, int64_t size, int low, int high) {
    constexpr int64_t kValues = int64_t{1} << kDigit;
    for (int shift = low; shift < high; shift += kDigit) {
        const uint64_t mask = (uint64_t{1} << std::min(kDigit, high - shift)) - 1;
        int64_t next[kValues] = {};
        poll();
        for (int64_t i = 0; i < size; ++i) ++next[run.keys[i] >> shift & mask];
        if (size > 0 && next[run.keys[0] >> shift & mask] == size) continue;  // all values are equal
        poll();
        for (int64_t value = 0, total = 0; value < kValues; ++value) total += std::exchange(next[value], total);
        if (run.weights) {
            for (int64_t i = 0; i < size; ++i) {
                const int64_t at = next[run.keys[i] >> shift & mask]++;
                spare.keys[at] = run.keys[i];
                spare.weights[at] = run.weights[i];
            }
        } else {
            for (int64_t i = 0; i < size; ++i) spare.keys[next[run.keys[i] >> shift & mask]++] = run.keys[i];
        }
        std::swap(run, spare);
    }
    return run;
}

// Sort every bucket by the key bits from `low` up and call body(bucket, sorted run, size) on some thread. The run is
// either the bucket's own memory in `arcs` or scratch that lives until body returns.
template <class Body>
void sort_buckets(const Layout& layout, const Partition& arcs, int low, int num_threads, Body&& body) {
    const int64_t buckets = layout.num_buckets;
    int64_t largest = 0;
    for (int64_t b = 0; b < buckets; ++b) largest = std::max(largest, arcs.begin[b + 1] - arcs.begin[b]);
    const int64_t workers = std::clamp<int64_t>(num_threads, 1, std::max<int64_t>(buckets, 1));
    const bool weighted = static_cast<bool>(arcs.weights);
    std::vector<Buffer<uint64_t>> keys;
    std::vector<Buffer<float>> weights;
    for (int64_t worker = 0; worker < workers; ++worker) {
        keys.emplace_back(largest, "the arcs of a bucket");
        weights.emplace_back(weighted ? largest : 0, "the weights of a bucket");
    }
    std::atomic<int64_t> next_bucket{0};
    parallel_blocks(workers, 1, static_cast<int>(workers), [&](int64_t worker, int64_t) {
        for (int64_t b; (b = next_bucket.fetch_add(1, std::memory_order_relaxed)) < buckets;) {
            const int64_t begin = arcs.begin[b], size = arcs.begin[b + 1] - begin;
            const Run run{arcs.keys.data() + begin, weighted ? arcs.weights.data() + begin : nullptr};
            const Run spare{keys[worker].data(), weighted ? weights[worker].data() : nullptr};
            body(b, radix_sort(run, spare, size, low, layout.row_bits + layout.column_bits), size);
        }
    });
}

}  // namespace graphrep

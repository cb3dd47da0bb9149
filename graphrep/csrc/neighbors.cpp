#include "neighbors.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "neighbor_sets.hpp"
#include "parallel.hpp"
#include "scalars.hpp"
#include "spmm.hpp"

namespace graphrep {
namespace {

constexpr int64_t pairs_per_block = 512;
constexpr int64_t prefetch_distance = 8;

// The rows of random pairs are not in the cache: prefetch their offsets, then their first cache lines; the hardware
// prefetches the rest.
template <class Id>
void prefetch_rows(const PairSets<Id>& task, int64_t i, int64_t end) {
    constexpr int64_t line = 64 / sizeof(Id), lines = 4;
    if (i + 2 * prefetch_distance < end) {
        __builtin_prefetch(task.indptr + task.u[i + 2 * prefetch_distance]);
        __builtin_prefetch(task.indptr + task.v[i + 2 * prefetch_distance]);
    }
    if (i + prefetch_distance < end)
        for (const int64_t node : {task.u[i + prefetch_distance], task.v[i + prefetch_distance]}) {
            const Id *row = task.indices + task.indptr[node], *row_end = task.indices + task.indptr[node + 1];
            for (int64_t l = 0; l < lines && row < row_end; ++l, row += line) __builtin_prefetch(row);
            __builtin_prefetch(row_end - 1);
        }
}

// A list that grows and never returns memory.
template <class Id>
struct Members {
    Vector<Id> ids;
    int64_t size = 0;

    Id* room(int64_t more) {
        if (static_cast<int64_t>(ids.size()) < size + more) ids.resize(static_cast<size_t>(2 * size + more));
        return ids.data() + size;
    }
};

// Append set i.
template <class Id>
void append_set(const PairSets<Id>& task, const ArcSet<Id>& removed, int64_t i, Members<Id>& members) {
    const int64_t u = task.u[i], v = task.v[i];
    const Id *a = task.indices + task.indptr[u], *a_end = task.indices + task.indptr[u + 1];
    const Id *b = task.indices + task.indptr[v], *b_end = task.indices + task.indptr[v + 1];
    const auto gone_u = removed.row(u), gone_v = removed.row(v);
    Id *begin, *end;
    if (task.difference) {
        begin = members.room((a_end - a) + (gone_v.second - gone_v.first) + 1);
        end = std::unique(begin, select<true>(a, a_end, b, b_end, begin));
        Id* back = end;  // entries whose arc from v is removed
        for (const Id* z = gone_v.first; z < gone_v.second; ++z)
            if ((z == gone_v.first || z[-1] != *z) && std::binary_search(a, a_end, *z) &&
                !std::binary_search(begin, end, *z))
                *back++ = *z;
        if (back != end) std::inplace_merge(begin, end, back);
        end = drop(begin, back, gone_u);
    } else {
        begin = members.room(std::min(a_end - a, b_end - b) + 1);
        end = std::unique(begin, intersect(a, a_end, b, b_end, begin));
        end = drop(begin, drop(begin, end, gone_u), gone_v);
    }
    members.size += end - begin;
}

// body(first pair, last pair, offsets of the sets within members, members) per block of pairs.
template <class Id, class Body>
void for_set_blocks(const PairSets<Id>& task, int num_threads, Body&& body) {
    check_ids("removed", task.removed_rows, task.num_removed, std::numeric_limits<Id>::max());
    check_ids("removed", task.removed_cols, task.num_removed, std::numeric_limits<Id>::max());
    const ArcSet<Id> removed(task.removed_rows, task.removed_cols, task.num_removed, task.both);
    parallel_blocks(task.num_pairs, pairs_per_block, num_threads, [&](int64_t begin, int64_t end) {
        thread_local Members<Id> members;
        int64_t offsets[pairs_per_block + 1] = {0};
        members.size = 0;
        for (int64_t i = begin; i < end; ++i) {  // before any of them is prefetched
            checked_row(task.indptr, task.num_rows, task.num_entries, task.u[i]);
            checked_row(task.indptr, task.num_rows, task.num_entries, task.v[i]);
        }
        for (int64_t i = begin; i < end; ++i) {
            prefetch_rows(task, i, end);
            if (!removed.empty() && i + prefetch_distance < end) {
                removed.prefetch(task.u[i + prefetch_distance]);
                removed.prefetch(task.v[i + prefetch_distance]);
            }
            poll();
            append_set(task, removed, i, members);
            offsets[i - begin + 1] = members.size;
        }
        body(begin, end, offsets, members.ids.data());
    });
}

// Replace a set of more than `limit` members by a sample; returns how many distinct members it has.
template <class Id>
int64_t draw(Id* ids, int64_t size, int64_t limit, uint64_t key, Vector<int64_t>& drawn, float* weights) {
    if (size <= limit) {
        std::fill_n(weights, size, 1.0f);
        return size;
    }
    drawn.resize(static_cast<size_t>(limit));
    for (int64_t j = 0; j < limit; ++j) drawn[j] = static_cast<int64_t>(bounded(random_bits(key, j), size));
    std::sort(drawn.begin(), drawn.end());
    int64_t distinct = 0;
    for (int64_t j = 0, next; j < limit; j = next) {
        for (next = j + 1; next < limit && drawn[next] == drawn[j];) ++next;
        ids[distinct] = ids[drawn[j]];
        weights[distinct++] = static_cast<float>(static_cast<double>(next - j) * size / limit);
    }
    return distinct;
}

}  // namespace

template <class Id, class Value>
void weighted_intersection(const int64_t* indptr, const Id* indices, const double* weights, const int64_t* u,
                           const int64_t* v, int64_t num_pairs, int64_t num_nodes, int64_t num_arcs, Value* out,
                           int num_threads) {
    const PairSets<Id> task{indptr, indices, u, v, num_pairs, false, nullptr, nullptr, 0, false, num_nodes, num_arcs};
    for_set_blocks(task, num_threads, [&](int64_t begin, int64_t end, const int64_t* offsets, const Id* ids) {
        for (int64_t i = begin; i < end; ++i) {
            double sum = 0;
            for (int64_t k = offsets[i - begin]; k < offsets[i - begin + 1]; ++k)
                if (ids[k] != u[i] && ids[k] != v[i]) {
                    check_id("indices", ids[k], num_nodes);
                    sum += weights ? weights[ids[k]] : 1.0;
                }
            out[i] = static_cast<Value>(sum);
        }
    });
}

template <class Id>
void count_sets(const PairSets<Id>& task, int64_t* out, int num_threads) {
    for_set_blocks(task, num_threads, [&](int64_t begin, int64_t end, const int64_t* offsets, const Id*) {
        for (int64_t i = begin; i < end; ++i) out[i] = offsets[i - begin + 1] - offsets[i - begin];
    });
}

template <class Id>
Buffer<Id> collect_sets(const PairSets<Id>& task, int64_t limit, uint64_t seed, int64_t* out_indptr,
                        Buffer<float>* weights, int num_threads) {
    const int64_t blocks = (task.num_pairs + pairs_per_block - 1) / pairs_per_block;
    Vector<Buffer<Id>> parts(static_cast<size_t>(blocks));
    Vector<Buffer<float>> part_weights(static_cast<size_t>(limit > 0 ? blocks : 0));
    out_indptr[0] = 0;
    for_set_blocks(task, num_threads, [&](int64_t begin, int64_t end, const int64_t* offsets, Id* ids) {
        int64_t size = offsets[end - begin];
        if (limit > 0) {
            Vector<int64_t> drawn;
            Buffer<float> values(size);
            size = 0;
            for (int64_t i = begin; i < end; ++i) {
                const int64_t first = offsets[i - begin], count = offsets[i - begin + 1] - first;
                const uint64_t key =
                    stream_key(stream_key(seed, static_cast<uint64_t>(task.u[i])), static_cast<uint64_t>(task.v[i]));
                const int64_t kept = draw(ids + first, count, limit, key, drawn, values.data() + size);
                std::move(ids + first, ids + first + kept, ids + size);
                size += kept;
                out_indptr[i + 1] = kept;
            }
            part_weights[begin / pairs_per_block] = std::move(values);
        } else {
            for (int64_t i = begin; i < end; ++i) out_indptr[i + 1] = offsets[i - begin + 1] - offsets[i - begin];
        }
        Buffer<Id> part(size, "the members of the sets");
        std::copy_n(ids, size, part.data());
        parts[begin / pairs_per_block] = std::move(part);
    });
    for (int64_t i = 0; i < task.num_pairs; ++i) out_indptr[i + 1] += out_indptr[i];
    Buffer<Id> out(out_indptr[task.num_pairs], "the members of the sets");
    if (limit > 0) *weights = Buffer<float>(out.size(), "the weights of the members of the sets");
    parallel_blocks(blocks, 1, num_threads, [&](int64_t block, int64_t) {
        const int64_t to = out_indptr[block * pairs_per_block];
        std::copy_n(parts[block].data(), parts[block].size(), out.data() + to);
        if (limit > 0) std::copy_n(part_weights[block].data(), parts[block].size(), weights->data() + to);
    });
    return out;
}

template <class T, class Id>
void pool_sets(const PairSets<Id>& task, const T* x, const T* weights, int64_t num_x, int64_t columns, T* out,
               int num_threads) {
    for_set_blocks(task, num_threads, [&](int64_t begin, int64_t end, const int64_t* offsets, const Id* ids) {
        Vector<T> values;
        check_ids("indices", ids, offsets[end - begin], num_x);
        if (weights) {
            values.resize(static_cast<size_t>(offsets[end - begin]));
            for (size_t k = 0; k < values.size(); ++k) values[k] = weights[ids[k]];
        }
        spmm<T, Id>({offsets, ids, weights ? values.data() : nullptr, nullptr, x, end - begin, 1, columns, Reduce::sum,
                     out + begin * columns, nullptr},
                    1);
    });
}

#define GRAPHREP_INSTANTIATE(Id, Value)                                                                      \
    template void weighted_intersection<Id, Value>(const int64_t*, const Id*, const double*, const int64_t*, \
                                                   const int64_t*, int64_t, int64_t, int64_t, Value*, int)
GRAPHREP_INSTANTIATE(int32_t, float);
GRAPHREP_INSTANTIATE(int32_t, double);
GRAPHREP_INSTANTIATE(int64_t, float);
GRAPHREP_INSTANTIATE(int64_t, double);
#undef GRAPHREP_INSTANTIATE

#define GRAPHREP_INSTANTIATE(Id)                                                                                      \
    template void count_sets(const PairSets<Id>&, int64_t*, int);                                                     \
    template Buffer<Id> collect_sets(const PairSets<Id>&, int64_t, uint64_t, int64_t*, Buffer<float>*, int);          \
    template void pool_sets(const PairSets<Id>&, const float*, const float*, int64_t, int64_t, float*, int);          \
    template void pool_sets(const PairSets<Id>&, const double*, const double*, int64_t, int64_t, double*, int);       \
    template void pool_sets(const PairSets<Id>&, const BFloat16*, const BFloat16*, int64_t, int64_t, BFloat16*, int); \
    template void pool_sets(const PairSets<Id>&, const Float16*, const Float16*, int64_t, int64_t, Float16*, int);
GRAPHREP_INSTANTIATE(int32_t)
GRAPHREP_INSTANTIATE(int64_t)
#undef GRAPHREP_INSTANTIATE

}  // namespace graphrep

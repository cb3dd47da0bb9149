// Intersections and differences of the neighbor lists of two nodes: counts, ids, and sums of features over them.
#pragma once

#include <cstdint>

#include "buffer.hpp"

namespace graphrep {

// out[i] = sum of weights[z] (1 if weights is null) over z in row(u[i]) and row(v[i]), z not u[i] or v[i].
// Rows ascend strictly. Terms are added in ascending z, in double, so out does not depend on num_threads nor on the
// order of u[i] and v[i].
template <class Id, class Value>
void weighted_intersection(const int64_t* indptr, const Id* indices, const double* weights, const int64_t* u,
                           const int64_t* v, int64_t num_pairs, int64_t num_nodes, int64_t num_arcs, Value* out,
                           int num_threads);

// One set of columns per pair: those of row u[i] that are also in row v[i], or (difference) that are not. Rows ascend;
// repeats count once. Arcs removed_rows[r] -> removed_cols[r], and their reverses if `both`, are treated as absent.
template <class Id>
struct PairSets {
    const int64_t* indptr;
    const Id* indices;
    const int64_t* u;
    const int64_t* v;
    int64_t num_pairs;
    bool difference;
    const int64_t* removed_rows;
    const int64_t* removed_cols;
    int64_t num_removed;
    bool both;
    int64_t num_rows, num_entries;  // pairs and the rows that they name are checked
};

// out[i] = size of set i.
template <class Id>
void count_sets(const PairSets<Id>& task, int64_t* out, int num_threads);

// Ids of the members, set after set, each ascending; fills the num_pairs + 1 offsets out_indptr.
//
// limit > 0: from a set of n > limit members, `limit` are drawn with replacement, by random numbers that are a function
// of (seed, u[i], v[i]); the weight of a member is n / limit times the number of its draws, and 1 in smaller sets.
template <class Id>
Buffer<Id> collect_sets(const PairSets<Id>& task, int64_t limit, uint64_t seed, int64_t* out_indptr,
                        Buffer<float>* weights, int num_threads);

// out[i, :] = sum of weights[z] * x[z, :] over the members z of set i; weights null: ones. A set is in
// memory only while it is summed. x and weights have num_x rows.
template <class T, class Id>
void pool_sets(const PairSets<Id>& task, const T* x, const T* weights, int64_t num_x, int64_t columns, T* out,
               int num_threads);

}  // namespace graphrep

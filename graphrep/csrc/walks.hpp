// Random walks, first order and node2vec's second order (Grover and Leskovec 2016, section 3.2).
#pragma once

#include <cstdint>

namespace graphrep {

// Walker's alias table of each row of a weighted CSR: slot i is taken with probability keep[i], else alias[i] (an
// offset within the row). Both of length num_arcs; rows must have positive weights.
template <class Id>
void build_alias_tables(const int64_t* indptr, const float* weights, int64_t num_nodes, float* keep, Id* alias,
                        int num_threads);

// A Bloom filter over the arcs, for fast "not adjacent" answers. num_words must be a power of two.
template <class Id>
void build_edge_filter(const int64_t* indptr, const Id* indices, int64_t num_nodes, bool directed, uint64_t* words,
                       int64_t num_words, int num_threads);

// The graph to walk on; optional parts are null.
template <class Id>
struct WalkGraph {
    const int64_t* indptr;
    const Id* indices;
    const float* weights;     // null: every arc weighs 1
    const float* alias_keep;  // with weights
    const Id* alias_slot;     // with weights
    const double* row_sums;   // with weights: sum of each row
    const uint64_t* filter;   // null: no filter
    int64_t filter_words;
    int64_t num_nodes;
    int64_t num_arcs;
    bool directed;
    const Id* back = nullptr;  // where a walk that comes from a node returns to; null: to this node
};

struct WalkRule {
    int64_t walk_length;  // nodes in a walk, including the start
    double p, q;          // 1, 1: first order
    uint64_t seed;
};

// out[i] is the walk with id walk_ids[i] (first_walk + i if null), starting at starts[id % num_starts] (id % num_nodes
// if starts is null); -1 after a dead end. A walk depends only on (seed, id).
template <class Id>
void random_walks(const WalkGraph<Id>& graph, const WalkRule& rule, const int64_t* walk_ids, int64_t first_walk,
                  int64_t num_walks, const int64_t* starts, int64_t num_starts, Id* out, int num_threads);

// ids[i] of the walks at positions first + i of an order in which each pass visits all starts once, shuffled by a
// keyed permutation (Feistel network with cycle walking), so that no permutation is stored.
void shuffled_walk_ids(int64_t first, int64_t count, int64_t num_starts, uint64_t seed, int64_t* ids, int num_threads);

// counts[v] += occurrences of v among `size` entries; negative entries are skipped.
template <class Id>
void count_visits(const Id* walks, int64_t size, int64_t num_nodes, int64_t* counts, int num_threads);

}  // namespace graphrep

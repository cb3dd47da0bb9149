// What starts in one node and spreads: walks of bounded length, and random walks with restart; read off at other nodes.
#pragma once

#include <cstdint>

namespace graphrep {

// Pairs grouped by their first end: out[i] for i in [offsets[s], offsets[s + 1]) is read at targets[i], from
// sources[s].
struct Readings {
    const int64_t* sources;
    const int64_t* offsets;
    const int64_t* targets;
    int64_t num_sources;
};

// out[i] = sum over l = 1 ... length of weights[l - 1] * number of walks of l arcs from the source to the target.
// Self loops are not walked. in_*: the adjacency of the reversed arcs; the last step is gathered at the targets, so
// that only walks of length - 1 arcs spread.
template <class Id>
void count_walks(const int64_t* indptr, const Id* indices, const int64_t* in_indptr, const Id* in_indices,
                 int64_t num_nodes, Readings readings, const double* weights, int64_t length, double* out,
                 int num_threads);

// out[i] = lower estimate of the chance that a random walk from the source, which at each node stops with probability
// `restart`, stops at the target. degree: neighbours of each node, itself left out; from a node without any the walk
// goes on from the source. Residuals are pushed to the neighbours until that of no node exceeds tolerance * max(degree,
// 1).
template <class Id>
void push_pagerank(const int64_t* indptr, const Id* indices, const int64_t* degree, int64_t num_nodes,
                   Readings readings, double restart, double tolerance, double* out, int num_threads);

}  // namespace graphrep

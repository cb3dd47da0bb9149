// Diffusion from one node to others: counts of walks of bounded length, and random walks with restart.
#pragma once

#include <cstdint>

namespace graphrep {

// Pairs of nodes, grouped by source: out[i] for i in [offsets[s], offsets[s + 1]) is the value at targets[i] of what
// starts at sources[s].
struct Readings {
    const int64_t* sources;
    const int64_t* offsets;
    const int64_t* targets;
    int64_t num_sources;
    int64_t num_targets;
};

// The arcs of a graph, by row. Offsets and ids are checked when they are read.
template <class Id>
struct Arcs {
    const int64_t* indptr;
    const Id* indices;
    int64_t size;
};

// out[i] = sum over l = 1 ... length of weights[l - 1] * number of walks of l arcs from the source to the target.
// Self loops are ignored. in_arcs: the adjacency of the reversed arcs; the last step is gathered at the targets, so
// that only walks of length - 1 arcs are expanded.
template <class Id>
void count_walks(const Arcs<Id>& out_arcs, const Arcs<Id>& in_arcs, int64_t num_nodes, Readings readings,
                 const double* weights, int64_t length, double* out, int num_threads);

// out[i] = lower bound on the probability that a random walk from the source, which at each node stops with probability
// `restart`, stops at the target. degree: number of neighbors of each node, not counting itself; at a node without
// neighbors the walk continues from the source. Residuals are pushed to the neighbors until no residual exceeds
// tolerance * max(degree, 1).
template <class Id>
void push_pagerank(const Arcs<Id>& arcs, const int64_t* degree, int64_t num_nodes, Readings readings, double restart,
                   double tolerance, double* out, int num_threads);

}  // namespace graphrep

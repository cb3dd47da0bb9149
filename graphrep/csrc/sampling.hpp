// Samples of neighbors over several hops, as the subgraph for a mini-batch.
#pragma once

#include <cstdint>
#include <vector>

#include "buffer.hpp"

namespace graphrep {

template <class Id, class Weight>
struct NeighborSampling {
    const int64_t* indptr;
    const Id* indices;
    const int64_t* edge_ids;  // id of every entry; null: its position
    const Weight* weights;    // an entry is drawn in proportion to its weight; null: uniformly
    const int64_t* fanouts;   // per hop; -1: all neighbors
    int64_t hops;
    bool replace;
    uint64_t seed;
    uint64_t batch;
};

struct NeighborSample {
    Buffer<int64_t> node;  // seeds first, then by first appearance
    Buffer<int64_t> row;   // sampled neighbor, as a position in `node`
    Buffer<int64_t> col;   // the node whose neighbor was sampled; ascends
    Buffer<int64_t> edge;
    std::vector<int64_t> nodes_per_hop;  // the seeds, then what each hop added
    std::vector<int64_t> edges_per_hop;
    int64_t bad_node = -1;  // a node with a weight that is negative or not finite; then all other fields are undefined
};

// Random numbers are a function of (seed, batch, hop, node), so the result does not depend on num_threads. Time and
// memory depend on the size of the sample, not of the graph. The matrix is square; seeds are rows of it.
//
// Without replacement: fanout distinct entries of each row, all if it has no more; weighted, by exponential keys
// (Efraimidis and Spirakis 2006). With replacement: fanout draws. Entries of weight 0 are never drawn.
template <class Id, class Weight>
NeighborSample sample_neighbors(const NeighborSampling<Id, Weight>& task, const int64_t* seeds, int64_t num_seeds,
                                int num_threads);

}  // namespace graphrep

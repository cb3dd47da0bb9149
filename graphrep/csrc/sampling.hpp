// Samples of neighbors over several hops, as the subgraph for a mini-batch.
#pragma once

#include <cstdint>
#include <vector>

#include "buffer.hpp"

namespace graphrep {

// The edges from nodes of one type to nodes of one type: row v holds the neighbors of v. A graph without types has one
// relation, from type 0 to type 0.
template <class Id, class Weight>
struct Relation {
    const int64_t* indptr;
    const Id* indices;
    const int64_t* edge_ids;    // id of every entry; null: its position
    const Weight* weights;      // an entry is drawn in proportion to its weight; null: uniformly
    const int64_t* entry_time;  // an entry later than the seed is never drawn; every row ascends by time
    const int64_t* node_time;   // the same by the time of the neighbor; both null: no times
    const int64_t* fanouts;     // per hop; -1: all neighbors
    int64_t target;             // type of the rows
    int64_t source;             // type of the neighbors
    int64_t num_rows;
    int64_t num_entries;
    int64_t num_times;  // of node_time
};

struct Seeds {
    const int64_t* ids;
    int64_t count;
};

template <class Id, class Weight>
struct NeighborSampling {
    std::vector<Relation<Id, Weight>> relations;
    std::vector<Seeds> seeds;  // per type
    int64_t hops;
    bool replace;
    bool disjoint;             // every seed gets nodes of its own
    bool last;                 // draw only from the latest `fanout` entries that a time allows
    const int64_t* seed_time;  // per seed, in the order of the types; needed by relations with times
    uint64_t seed;
    uint64_t batch;
};

struct NeighborSample {
    struct Nodes {
        Buffer<int64_t> node;          // seeds first, then by first appearance
        Buffer<int64_t> example;       // number of the seed that each node belongs to; absent unless disjoint
        std::vector<int64_t> per_hop;  // the seeds, then what each hop added
    };
    struct Edges {
        Buffer<int64_t> row;  // sampled neighbor, as a position in `node` of its type
        Buffer<int64_t> col;  // the node whose neighbor was sampled; ascends
        Buffer<int64_t> edge;
        std::vector<int64_t> per_hop;
    };
    std::vector<Nodes> nodes;  // per type
    std::vector<Edges> edges;  // per relation
    int64_t bad_node = -1;  // a node with a weight that is negative or not finite; then all other fields are undefined
};

// Random numbers are a function of (seed, batch, hop, relation, node, example), so the result does not depend on
// num_threads. Time and memory depend on the size of the sample, not of the graph. Seeds are rows of every relation of
// their type, and neighbors are rows of every relation of theirs.
//
// Without replacement: fanout distinct entries of each row, all if it has no more; weighted, by exponential keys
// (Efraimidis and Spirakis 2006). With replacement: fanout draws. Entries of weight 0 are never drawn.
template <class Id, class Weight>
NeighborSample sample_neighbors(const NeighborSampling<Id, Weight>& task, int num_threads);

template <class Id>
struct InducedTask {
    int64_t num_rows;
    int64_t num_entries;
    int64_t num_times;  // of node_time
    int64_t num_seeds;  // of seed_time
    const int64_t* indptr;
    const Id* indices;
    const int64_t* edge_ids;
    const int64_t* entry_time;
    const int64_t* node_time;
    const int64_t* nodes;
    const int64_t* examples;  // null: all nodes belong together
    int64_t num_nodes;
    const int64_t* seed_time;  // per example, if there are times
};

// All entries between the given nodes (of the same example, and no later than its time), by row, in the order of the
// rows. A repeated node is a target each time, and a source only where it comes first.
template <class Id>
NeighborSample::Edges induced_edges(const InducedTask<Id>& task, int num_threads);

}  // namespace graphrep

// Edges to a CSR: rows ascending, columns ascending in each row, parallel edges merged.
#pragma once

#include <cstdint>

#include "buffer.hpp"

namespace graphrep {

enum class Merge { sum, max, first };

struct BuildOptions {
    Merge merge = Merge::sum;
    bool symmetrize = false;
    bool self_loops = true;
    int num_threads = 1;
};

template <class Index>
struct Csr {
    Buffer<int64_t> indptr;  // num_nodes + 1
    Buffer<Index> indices;   // num_arcs
    Buffer<float> weights;   // num_arcs; absent if the edges had no weights and every arc counts 1
};

// weights may be null: every edge counts 1. Throws std::out_of_range for an end point outside [0, num_nodes).
template <class Id, class Index>
Csr<Index> build_csr(const Id* source, const Id* target, const float* weights, int64_t num_edges, int64_t num_nodes,
                     const BuildOptions& options);

// Rows [first, first + count) of a graph of num_nodes nodes.
struct RowRange {
    int64_t first, count, num_nodes;
};

// These rows alone, out of all of their arcs: the first num_forward as edges list them, in input order, and behind them
// those of an undirected graph that edges list in the other direction. Joined, the rows are those of build_csr. indptr
// has count + 1 entries and begins with 0; weights are absent if every arc of these rows counts 1.
template <class Id, class Index>
Csr<Index> build_rows(const Id* row, const Id* column, const float* weights, int64_t num_arcs, int64_t num_forward,
                      const RowRange& range, Merge merge, int num_threads);

// Every arc reversed. weights may be null.
template <class Index>
Csr<Index> transpose_csr(const int64_t* indptr, const Index* indices, const float* weights, int64_t num_nodes,
                         int num_threads);

}  // namespace graphrep

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

// Every arc reversed. weights may be null.
template <class Index>
Csr<Index> transpose_csr(const int64_t* indptr, const Index* indices, const float* weights, int64_t num_nodes,
                         int num_threads);

}  // namespace graphrep

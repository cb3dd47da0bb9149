// Queries on a CSR whose rows ascend strictly.
#pragma once

#include <cstdint>

namespace graphrep {

// Throws if the offsets do not ascend within [0, num_entries], or if an index lies outside [0, num_cols). indices may
// be null: only the offsets are checked.
template <class Index>
void check_csr(const int64_t* indptr, const Index* indices, int64_t num_rows, int64_t num_entries, int64_t num_cols,
               int num_threads);

// Whether every arc has its reverse, of equal weight. weights may be null. A sample is checked first.
template <class Index>
bool is_symmetric(const int64_t* indptr, const Index* indices, const float* weights, int64_t num_nodes,
                  int num_threads);

// Number of arcs from a node to itself.
template <class Index>
int64_t count_loops(const int64_t* indptr, const Index* indices, int64_t num_nodes, int num_threads);

// position[i] = where the arc source[i] -> target[i] is stored, or -1. Sources and their rows are checked.
template <class Index>
void find_arcs(const int64_t* indptr, const Index* indices, int64_t num_nodes, int64_t num_arcs, const int64_t* source,
               const int64_t* target, int64_t num_pairs, int64_t* position, int num_threads);

// The first row that is out of order, repeats a column or has one outside [0, num_nodes); -1 if there is none.
template <class Index>
int64_t first_bad_row(const int64_t* indptr, const Index* indices, int64_t num_nodes, int num_threads);

}  // namespace graphrep

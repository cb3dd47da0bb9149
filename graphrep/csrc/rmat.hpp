// Random edges of the R-MAT model (Chakrabarti, Zhan, Faloutsos 2004), each a function of (seed, its number).
#pragma once

#include <cstdint>

namespace graphrep {

struct Rmat {
    uint64_t seed;
    int64_t num_nodes;
    uint64_t thresholds[3];  // 2^32 times a, a + b and a + b + c
    bool scramble;           // rename the nodes by a random permutation
};

// Edges first ... first + count - 1. Throws unless num_nodes is in [1, 2^62].
void rmat_edges(const Rmat& model, int64_t first, int64_t count, int64_t* source, int64_t* target, int num_threads);

}  // namespace graphrep

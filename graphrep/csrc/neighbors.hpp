// What two nodes share: sums over the intersection of their neighbour lists.
#pragma once

#include <cstdint>

namespace graphrep {

// out[i] = sum of weights[z] (1 if weights is null) over z in row(u[i]) and row(v[i]), z not u[i] or v[i].
// Rows ascend strictly. Terms are added in ascending z, in double, so out does not depend on num_threads nor on the
// order of u[i] and v[i].
template <class Id, class Value>
void weighted_intersection(const int64_t* indptr, const Id* indices, const double* weights, const int64_t* u,
                           const int64_t* v, int64_t num_pairs, Value* out, int num_threads);

}  // namespace graphrep

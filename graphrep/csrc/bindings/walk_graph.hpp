// The arrays of a graph to walk on, which belong together.
#pragma once

#include "../walks.hpp"
#include "bindings.hpp"

namespace graphrep {

// A Bloom filter has a power of two of words.
inline void check_words(size_t words) {
    if (words == 0 || (words & (words - 1)) != 0) bad_argument("the filter must have a power of two of words.");
}

template <class Id>
WalkGraph<Id> walk_graph(const In<int64_t>& indptr, const In<Id>& indices, const MaybeIn<float>& weights,
                         const MaybeIn<float>& alias_keep, const MaybeIn<Id>& alias_slot,
                         const MaybeIn<double>& row_sums, const MaybeIn<uint64_t>& filter, bool directed,
                         const MaybeIn<Id>& back) {
    const size_t arcs = indices.size();
    for (const auto* part : {&weights, &alias_keep})
        if (*part) check_equal((*part)->size(), arcs, "weights and alias_keep must have one entry per arc.");
    if (alias_slot) check_equal(alias_slot->size(), arcs, "alias_slot must have one entry per arc.");
    if (row_sums) check_equal(row_sums->size(), size_t(rows_of(indptr)), "row_sums must have one entry per row.");
    if (bool(weights) != bool(alias_keep) || bool(weights) != bool(alias_slot) || bool(weights) != bool(row_sums))
        bad_argument("weights, alias_keep, alias_slot and row_sums go together.");
    if (filter) check_words(filter->size());
    if (back) check_equal(back->size(), size_t(rows_of(indptr)), "back must have one entry per row.");
    return {indptr.data(),       indices.data(),    pointer(weights), pointer(alias_keep),
            pointer(alias_slot), pointer(row_sums), pointer(filter),  filter ? int64_t(filter->size()) : 0,
            rows_of(indptr),     int64_t(arcs),     directed,         pointer(back)};
}

}  // namespace graphrep

#include <nanobind/stl/vector.h>

#include <vector>

#include "../sampling.hpp"
#include "../scalars.hpp"
#include "bindings.hpp"

namespace graphrep {

void bind_sampling(nb::module_& m) {
    m.def(
        "sample_neighbors",
        [](int scalar, int id, uintptr_t indptr, uintptr_t indices, uintptr_t edge_ids, uintptr_t weights,
           uintptr_t seeds, int64_t num_seeds, const std::vector<int64_t>& fanouts, bool replace, uint64_t seed,
           uint64_t batch, int num_threads) {
            NeighborSample sample;
            with_wide_float(scalar, [&]<class Weight>(Weight) {
                with_id(id, [&]<class Id>(Id) {
                    nb::gil_scoped_release release;
                    sample = sample_neighbors<Id, Weight>(
                        {at<const int64_t>(indptr), at<const Id>(indices), at<const int64_t>(edge_ids),
                         at<const Weight>(weights), fanouts.data(), int64_t(fanouts.size()), replace, seed, batch},
                        at<const int64_t>(seeds), num_seeds, num_threads);
                });
            });
            return nb::make_tuple(sample.bad_node, to_numpy(std::move(sample.node)), to_numpy(std::move(sample.row)),
                                  to_numpy(std::move(sample.col)), to_numpy(std::move(sample.edge)),
                                  sample.nodes_per_hop, sample.edges_per_hop);
        },
        "scalar"_a, "id"_a, "indptr"_a, "indices"_a, "edge_ids"_a, "weights"_a, "seeds"_a, "num_seeds"_a, "fanouts"_a,
        "replace"_a, "seed"_a, "batch"_a, "num_threads"_a);
}

}  // namespace graphrep

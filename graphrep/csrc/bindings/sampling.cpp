#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <tuple>
#include <vector>

#include "../sampling.hpp"
#include "../scalars.hpp"
#include "bindings.hpp"

namespace graphrep {
namespace {

using Fanouts = std::vector<int64_t>;
// Addresses of indptr, indices, edge ids, weights, times of entries, times of nodes; fanouts; types of target, source.
using RelationParts =
    std::tuple<uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, Fanouts, int64_t, int64_t>;

nb::tuple to_python(NeighborSample::Edges& edges) {
    return nb::make_tuple(to_numpy(std::move(edges.row)), to_numpy(std::move(edges.col)),
                          to_numpy(std::move(edges.edge)), edges.per_hop);
}

}  // namespace

void bind_sampling(nb::module_& m) {
    m.def(
        "sample_neighbors",
        [](int scalar, int id, const std::vector<RelationParts>& relations,
           const std::vector<std::tuple<uintptr_t, int64_t>>& seeds, int64_t hops, bool replace, bool disjoint,
           bool last, uintptr_t seed_time, uint64_t seed, uint64_t batch, int num_threads) {
            NeighborSample sample;
            with_wide_float(scalar, [&]<class Weight>(Weight) {
                with_id(id, [&]<class Id>(Id) {
                    nb::gil_scoped_release release;
                    NeighborSampling<Id, Weight> task{
                        {}, {}, hops, replace, disjoint, last, at<const int64_t>(seed_time), seed, batch};
                    for (const auto& [indptr, indices, edge_ids, weights, entry_time, node_time, fanouts, target,
                                      source] : relations)
                        task.relations.push_back({at<const int64_t>(indptr), at<const Id>(indices),
                                                  at<const int64_t>(edge_ids), at<const Weight>(weights),
                                                  at<const int64_t>(entry_time), at<const int64_t>(node_time),
                                                  fanouts.data(), target, source});
                    for (const auto& [ids, count] : seeds) task.seeds.push_back({at<const int64_t>(ids), count});
                    sample = sample_neighbors<Id, Weight>(task, num_threads);
                });
            });
            nb::list nodes, edges;
            for (auto& part : sample.nodes)
                nodes.append(
                    nb::make_tuple(to_numpy(std::move(part.node)), to_numpy(std::move(part.example)), part.per_hop));
            for (auto& part : sample.edges) edges.append(to_python(part));
            return nb::make_tuple(sample.bad_node, nodes, edges);
        },
        "scalar"_a, "id"_a, "relations"_a, "seeds"_a, "hops"_a, "replace"_a, "disjoint"_a, "last"_a, "seed_time"_a,
        "seed"_a, "batch"_a, "num_threads"_a);

    m.def(
        "induced_edges",
        [](int id, uintptr_t indptr, uintptr_t indices, uintptr_t edge_ids, uintptr_t entry_time, uintptr_t node_time,
           uintptr_t nodes, uintptr_t examples, int64_t num_nodes, uintptr_t seed_time, int num_threads) {
            NeighborSample::Edges edges;
            with_id(id, [&]<class Id>(Id) {
                nb::gil_scoped_release release;
                edges = induced_edges<Id>(
                    {at<const int64_t>(indptr), at<const Id>(indices), at<const int64_t>(edge_ids),
                     at<const int64_t>(entry_time), at<const int64_t>(node_time), at<const int64_t>(nodes),
                     at<const int64_t>(examples), num_nodes, at<const int64_t>(seed_time)},
                    num_threads);
            });
            return nb::make_tuple(to_numpy(std::move(edges.row)), to_numpy(std::move(edges.col)),
                                  to_numpy(std::move(edges.edge)));
        },
        "id"_a, "indptr"_a, "indices"_a, "edge_ids"_a, "entry_time"_a, "node_time"_a, "nodes"_a, "examples"_a,
        "num_nodes"_a, "seed_time"_a, "num_threads"_a);
}

}  // namespace graphrep

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
// indptr, indices, edge ids, weights, times of entries, times of nodes; fanouts; types of target and source.
using RelationParts = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Fanouts, int64_t, int64_t>;

int64_t rows_of(const Tensor& indptr) {
    if (indptr.size<int64_t>() == 0) bad_argument("indptr must have num_rows + 1 entries, got none.");
    return indptr.size<int64_t>() - 1;
}

template <class Id, class Weight>
Relation<Id, Weight> relation_of(const RelationParts& parts, int64_t hops, bool timed) {
    const Tensor &indptr = std::get<0>(parts), &indices = std::get<1>(parts), &edge_ids = std::get<2>(parts);
    const Tensor &weights = std::get<3>(parts), &entry_time = std::get<4>(parts), &node_time = std::get<5>(parts);
    const Fanouts& fanouts = std::get<6>(parts);
    const int64_t rows = rows_of(indptr), entries = indices.size<Id>(), times = node_time.size<int64_t>();
    if (int64_t(fanouts.size()) != hops) bad_argument("fanouts must have a number per hop.");
    if ((entry_time || node_time) && !timed) bad_argument("relations with times need seed_time and disjoint.");
    return {indptr.at<const int64_t>("indptr", rows + 1),
            indices.at<const Id>("indices", entries),
            edge_ids.maybe<const int64_t>("edge_ids", entries),
            weights.maybe<const Weight>("weights", entries),
            entry_time.maybe<const int64_t>("entry_time", entries),
            node_time.maybe<const int64_t>("node_time", times),
            fanouts.data(),
            std::get<7>(parts),
            std::get<8>(parts),
            rows,
            entries,
            times};
}

Seeds seeds_of(const Tensor& ids) {
    const int64_t count = ids.size<int64_t>();
    return {ids.at<const int64_t>("seeds", count), count};
}

const int64_t* times_of(const Tensor& seed_time, int64_t num_seeds) {
    return seed_time.maybe<const int64_t>("seed_time", num_seeds);
}

template <class Id>
InducedTask<Id> induced_task(const Tensor& indptr, const Tensor& indices, const Tensor& edge_ids,
                             const Tensor& entry_time, const Tensor& node_time, const Tensor& nodes,
                             const Tensor& examples, const Tensor& seed_time) {
    const int64_t rows = rows_of(indptr), entries = indices.size<Id>(), times = node_time.size<int64_t>();
    const int64_t n = nodes.size<int64_t>(), num_seeds = seed_time.size<int64_t>();
    if ((entry_time || node_time) && !(seed_time && examples)) bad_argument("times need seed_time and examples.");
    return {rows,
            entries,
            times,
            num_seeds,
            indptr.at<const int64_t>("indptr", rows + 1),
            indices.at<const Id>("indices", entries),
            edge_ids.maybe<const int64_t>("edge_ids", entries),
            entry_time.maybe<const int64_t>("entry_time", entries),
            node_time.maybe<const int64_t>("node_time", times),
            nodes.at<const int64_t>("nodes", n),
            examples.maybe<const int64_t>("examples", n),
            n,
            seed_time.maybe<const int64_t>("seed_time", num_seeds)};
}

nb::tuple to_python(NeighborSample::Edges& edges) {
    return nb::make_tuple(to_numpy(std::move(edges.row)), to_numpy(std::move(edges.col)),
                          to_numpy(std::move(edges.edge)), edges.per_hop);
}

}  // namespace

void bind_sampling(nb::module_& m) {
    m.def(
        "sample_neighbors",
        [](int scalar, int id, const std::vector<RelationParts>& relations, const std::vector<Tensor>& seeds,
           int64_t hops, bool replace, bool disjoint, bool last, Tensor seed_time, uint64_t seed, uint64_t batch,
           Threads num_threads) {
            if (hops < 0 || hops > 1 << 20) bad_argument("hops must lie in [0, 2**20].");
            NeighborSample sample;
            with_wide_float(scalar, [&]<class Weight>(Weight) {
                with_id(id, [&]<class Id>(Id) {
                    Release release;
                    NeighborSampling<Id, Weight> task{{}, {}, hops, replace, disjoint, last, nullptr, seed, batch};
                    int64_t num_seeds = 0;
                    for (const Tensor& ids : seeds) {
                        task.seeds.push_back(seeds_of(ids));
                        num_seeds += task.seeds.back().count;
                    }
                    task.seed_time = times_of(seed_time, num_seeds);
                    for (const RelationParts& parts : relations)
                        task.relations.push_back(relation_of<Id, Weight>(parts, hops, task.seed_time && disjoint));
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
        "scalar"_a, "id"_a, "relations"_a, "seeds"_a, "hops"_a, "replace"_a, "disjoint"_a, "last"_a,
        "seed_time"_a.none(), "seed"_a, "batch"_a, "num_threads"_a);

    m.def(
        "induced_edges",
        [](int id, Tensor indptr, Tensor indices, Tensor edge_ids, Tensor entry_time, Tensor node_time, Tensor nodes,
           Tensor examples, Tensor seed_time, Threads num_threads) {
            NeighborSample::Edges edges;
            with_id(id, [&]<class Id>(Id) {
                Release release;
                edges = induced_edges<Id>(
                    induced_task<Id>(indptr, indices, edge_ids, entry_time, node_time, nodes, examples, seed_time),
                    num_threads);
            });
            return nb::make_tuple(to_numpy(std::move(edges.row)), to_numpy(std::move(edges.col)),
                                  to_numpy(std::move(edges.edge)));
        },
        "id"_a, "indptr"_a, "indices"_a, "edge_ids"_a.none(), "entry_time"_a.none(), "node_time"_a.none(), "nodes"_a,
        "examples"_a.none(), "seed_time"_a.none(), "num_threads"_a);
}

}  // namespace graphrep

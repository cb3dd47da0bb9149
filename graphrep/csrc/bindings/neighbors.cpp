#include "../neighbors.hpp"

#include <utility>

#include "../scalars.hpp"
#include "bindings.hpp"

namespace graphrep {
namespace {

template <class Id, class Value>
void bind_intersection(nb::module_& m) {
    m.def(
        "weighted_intersection",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<double> weights, In<int64_t> u, In<int64_t> v, Out<Value> out,
           Threads num_threads) {
            const int64_t nodes = rows_of(indptr);
            if (weights) check_equal(weights->size(), size_t(nodes), "weights must have one entry per node.");
            check_equal(u.size(), v.size(), "u and v must have the same length.");
            check_equal(u.size(), out.size(), "out must have one entry per pair.");
            weighted_intersection<Id, Value>(indptr.data(), indices.data(), pointer(weights), u.data(), v.data(),
                                             int64_t(u.size()), nodes, int64_t(indices.size()), out.data(),
                                             num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(), "u"_a.noconvert(),
        "v"_a.noconvert(), "out"_a.noconvert(), "num_threads"_a, Released());
}

// Pairs and removed arcs are matrices of two rows.
template <class Id>
PairSets<Id> pair_sets(Tensor indptr, Tensor indices, Tensor pairs, bool difference, Tensor removed, bool both) {
    const int64_t rows = indptr.size<int64_t>() - 1, entries = indices.size<Id>();
    if (rows < 0) bad_argument("indptr must have num_rows + 1 entries, got none.");
    const int64_t num_pairs = pairs.size<int64_t>() / 2, num_removed = removed.size<int64_t>() / 2;
    const int64_t* u = pairs.at<const int64_t>("pairs", 2 * num_pairs);
    const int64_t* gone = removed.maybe<const int64_t>("removed", 2 * num_removed);
    return {indptr.at<const int64_t>("indptr", rows + 1),
            indices.at<const Id>("indices", entries),
            u,
            u + num_pairs,
            num_pairs,
            difference,
            gone,
            gone + num_removed,
            num_removed,
            both,
            rows,
            entries};
}

}  // namespace

void bind_neighbors(nb::module_& m) {
    bind_intersection<int32_t, float>(m);
    bind_intersection<int32_t, double>(m);
    bind_intersection<int64_t, float>(m);
    bind_intersection<int64_t, double>(m);
    m.def(
        "count_sets",
        [](int id, Tensor indptr, Tensor indices, Tensor pairs, bool difference, Tensor removed, bool both, Tensor out,
           Threads num_threads) {
            with_id(id, [&]<class Id>(Id) {
                const auto task = pair_sets<Id>(indptr, indices, pairs, difference, removed, both);
                count_sets(task, out.at<int64_t>("out", task.num_pairs), num_threads);
            });
        },
        "id"_a, "indptr"_a, "indices"_a, "pairs"_a, "difference"_a, "removed"_a.none(), "both"_a, "out"_a,
        "num_threads"_a, Released());
    m.def(
        "collect_sets",
        [](int id, Tensor indptr, Tensor indices, Tensor pairs, bool difference, Tensor removed, bool both,
           int64_t limit, uint64_t seed, Tensor out_indptr, Threads num_threads) {
            nb::tuple result;
            with_id(id, [&]<class Id>(Id) {
                Buffer<Id> ids;
                Buffer<float> weights;
                {
                    const Release released;
                    const auto task = pair_sets<Id>(indptr, indices, pairs, difference, removed, both);
                    ids = collect_sets(task, limit, seed, out_indptr.at<int64_t>("out_indptr", task.num_pairs + 1),
                                       &weights, num_threads);
                }
                result = nb::make_tuple(to_numpy(std::move(ids)), to_numpy(std::move(weights)));
            });
            return result;
        },
        "id"_a, "indptr"_a, "indices"_a, "pairs"_a, "difference"_a, "removed"_a.none(), "both"_a, "limit"_a, "seed"_a,
        "out_indptr"_a, "num_threads"_a);
    m.def(
        "pool_sets",
        [](int scalar, int id, Tensor indptr, Tensor indices, Tensor pairs, bool difference, Tensor removed, bool both,
           Tensor x, Tensor weights, int64_t num_x, int64_t columns, Tensor out, Threads num_threads) {
            with_float(scalar, [&]<class T>(T) {
                with_id(id, [&]<class Id>(Id) {
                    const auto task = pair_sets<Id>(indptr, indices, pairs, difference, removed, both);
                    pool_sets(task, x.at<const T>("x", product({num_x, columns})),
                              weights.maybe<const T>("weights", num_x), num_x, columns,
                              out.at<T>("out", product({task.num_pairs, columns})), num_threads);
                });
            });
        },
        "scalar"_a, "id"_a, "indptr"_a, "indices"_a, "pairs"_a, "difference"_a, "removed"_a.none(), "both"_a, "x"_a,
        "weights"_a.none(), "num_x"_a, "columns"_a, "out"_a, "num_threads"_a, Released());
}

}  // namespace graphrep

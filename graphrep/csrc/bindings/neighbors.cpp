#include <utility>

#include "../neighbors.hpp"
#include "../scalars.hpp"
#include "bindings.hpp"

namespace graphrep {
namespace {

template <class Id, class Value>
void bind_intersection(nb::module_& m) {
    m.def(
        "weighted_intersection",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<double> weights, In<int64_t> u, In<int64_t> v, Out<Value> out,
           int num_threads) {
            weighted_intersection<Id, Value>(indptr.data(), indices.data(), pointer(weights), u.data(), v.data(),
                                             int64_t(u.size()), out.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(), "u"_a.noconvert(),
        "v"_a.noconvert(), "out"_a.noconvert(), "num_threads"_a, Released());
}

template <class Id>
PairSets<Id> pair_sets(uintptr_t indptr, uintptr_t indices, uintptr_t u, uintptr_t v, int64_t num_pairs,
                       bool difference, uintptr_t removed, int64_t num_removed, bool both) {
    const auto* rows = at<const int64_t>(removed);
    return {at<const int64_t>(indptr),
            at<const Id>(indices),
            at<const int64_t>(u),
            at<const int64_t>(v),
            num_pairs,
            difference,
            rows,
            rows + num_removed,
            num_removed,
            both};
}

}  // namespace

void bind_neighbors(nb::module_& m) {
    bind_intersection<int32_t, float>(m);
    bind_intersection<int32_t, double>(m);
    bind_intersection<int64_t, float>(m);
    bind_intersection<int64_t, double>(m);
    m.def(
        "count_sets",
        [](int id, uintptr_t indptr, uintptr_t indices, uintptr_t u, uintptr_t v, int64_t num_pairs, bool difference,
           uintptr_t removed, int64_t num_removed, bool both, uintptr_t out, int num_threads) {
            with_id(id, [&]<class Id>(Id) {
                count_sets(pair_sets<Id>(indptr, indices, u, v, num_pairs, difference, removed, num_removed, both),
                           at<int64_t>(out), num_threads);
            });
        },
        "id"_a, "indptr"_a, "indices"_a, "u"_a, "v"_a, "num_pairs"_a, "difference"_a, "removed"_a, "num_removed"_a,
        "both"_a, "out"_a, "num_threads"_a, Released());
    m.def(
        "collect_sets",
        [](int id, uintptr_t indptr, uintptr_t indices, uintptr_t u, uintptr_t v, int64_t num_pairs, bool difference,
           uintptr_t removed, int64_t num_removed, bool both, int64_t limit, uint64_t seed, uintptr_t out_indptr,
           int num_threads) {
            nb::tuple result;
            with_id(id, [&]<class Id>(Id) {
                Buffer<Id> ids;
                Buffer<float> weights;
                {
                    nb::gil_scoped_release release;
                    ids = collect_sets(
                        pair_sets<Id>(indptr, indices, u, v, num_pairs, difference, removed, num_removed, both), limit,
                        seed, at<int64_t>(out_indptr), &weights, num_threads);
                }
                result = nb::make_tuple(to_numpy(std::move(ids)), to_numpy(std::move(weights)));
            });
            return result;
        },
        "id"_a, "indptr"_a, "indices"_a, "u"_a, "v"_a, "num_pairs"_a, "difference"_a, "removed"_a, "num_removed"_a,
        "both"_a, "limit"_a, "seed"_a, "out_indptr"_a, "num_threads"_a);
    m.def(
        "pool_sets",
        [](int scalar, int id, uintptr_t indptr, uintptr_t indices, uintptr_t u, uintptr_t v, int64_t num_pairs,
           bool difference, uintptr_t removed, int64_t num_removed, bool both, uintptr_t x, uintptr_t weights,
           int64_t columns, uintptr_t out, int num_threads) {
            with_float(scalar, [&]<class T>(T) {
                with_id(id, [&]<class Id>(Id) {
                    pool_sets(pair_sets<Id>(indptr, indices, u, v, num_pairs, difference, removed, num_removed, both),
                              at<const T>(x), at<const T>(weights), columns, at<T>(out), num_threads);
                });
            });
        },
        "scalar"_a, "id"_a, "indptr"_a, "indices"_a, "u"_a, "v"_a, "num_pairs"_a, "difference"_a, "removed"_a,
        "num_removed"_a, "both"_a, "x"_a, "weights"_a, "columns"_a, "out"_a, "num_threads"_a, Released());
}

}  // namespace graphrep

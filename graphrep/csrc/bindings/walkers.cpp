#include "../walkers.hpp"

#include <utility>

#include "bindings.hpp"
#include "walk_graph.hpp"

namespace graphrep {
namespace {

// Number of walkers, which are rows of `width` numbers.
int64_t walkers_of(const Out<int64_t, 2>& walkers, const Out<int64_t, 2>& made, size_t width) {
    if (walkers.shape(1) != width || made.shape(1) != 2 || made.shape(0) != walkers.shape(0))
        bad_argument("walkers of first order have 2 columns, others 4, and made has 2 and as many rows.");
    return int64_t(walkers.shape(0));
}

StepRule rule_of(int64_t walk_length, double p, double q, uint64_t seed, int64_t first_walk, int64_t step) {
    if (walk_length < 1 || first_walk < 0 || step < 1 || !(p > 0) || !(q > 0))
        bad_argument("walk_length, step, p and q must be positive, and first_walk must not be negative.");
    return {{walk_length, p, q, seed}, first_walk, step};
}

int64_t pairs_of(const In<int64_t, 2>& pairs) {
    if (pairs.shape(1) != 2) bad_argument("questions must have two columns.");
    return int64_t(pairs.shape(0));
}

template <class Id>
OwnRows<Id> own_rows(const In<int64_t>& indptr, const In<Id>& indices, const MaybeIn<float>& weights,
                     const MaybeIn<float>& alias_keep, const MaybeIn<Id>& alias_slot, const MaybeIn<double>& row_sums,
                     const MaybeIn<uint64_t>& filter, int64_t first_node, int64_t num_nodes, bool directed) {
    const int64_t rows = rows_of(indptr);
    if (first_node < 0 || num_nodes < rows || first_node > num_nodes - rows)
        bad_argument("the own rows must be nodes of the graph.");
    return {walk_graph<Id>(indptr, indices, weights, alias_keep, alias_slot, row_sums, filter, true, std::nullopt),
            first_node, num_nodes, directed};
}

template <class Id>
void bind_walkers_of(nb::module_& m) {
    m.def(
        "step_walkers",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<float> weights, MaybeIn<float> alias_keep,
           MaybeIn<Id> alias_slot, MaybeIn<double> row_sums, int64_t first_node, int64_t num_nodes, int64_t walk_length,
           uint64_t seed, int64_t first_walk, int64_t step, Out<int64_t, 2> walkers, Out<int64_t, 2> made,
           Threads num_threads) {
            const auto own = own_rows<Id>(indptr, indices, weights, alias_keep, alias_slot, row_sums, std::nullopt,
                                          first_node, num_nodes, true);
            step_walkers<Id>(own, rule_of(walk_length, 1, 1, seed, first_walk, step), walkers.data(),
                             walkers_of(walkers, made, 2), made.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(),
        "alias_keep"_a.noconvert().none(), "alias_slot"_a.noconvert().none(), "row_sums"_a.noconvert().none(),
        "first_node"_a, "num_nodes"_a, "walk_length"_a, "seed"_a, "first_walk"_a, "step"_a, "walkers"_a.noconvert(),
        "made"_a.noconvert(), "num_threads"_a, Released());
    m.def(
        "try_steps",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<float> weights, MaybeIn<float> alias_keep,
           MaybeIn<Id> alias_slot, MaybeIn<double> row_sums, MaybeIn<uint64_t> filter, int64_t first_node,
           int64_t num_nodes, bool directed, int64_t walk_length, double p, double q, uint64_t seed, int64_t first_walk,
           int64_t step, Out<int64_t, 2> walkers, Out<int64_t, 2> made, Threads num_threads) {
            Questions asked;
            {
                const Release released;
                const auto own = own_rows<Id>(indptr, indices, weights, alias_keep, alias_slot, row_sums, filter,
                                              first_node, num_nodes, directed);
                asked = try_steps<Id>(own, rule_of(walk_length, p, q, seed, first_walk, step), walkers.data(),
                                      walkers_of(walkers, made, 4), made.data(), num_threads);
            }
            return nb::make_tuple(to_numpy(std::move(asked.pairs)), to_numpy(std::move(asked.askers)));
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(),
        "alias_keep"_a.noconvert().none(), "alias_slot"_a.noconvert().none(), "row_sums"_a.noconvert().none(),
        "filter"_a.noconvert().none(), "first_node"_a, "num_nodes"_a, "directed"_a, "walk_length"_a, "p"_a, "q"_a,
        "seed"_a, "first_walk"_a, "step"_a, "walkers"_a.noconvert(), "made"_a.noconvert(), "num_threads"_a);
    m.def(
        "scan_steps",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<float> weights, MaybeIn<float> alias_keep,
           MaybeIn<Id> alias_slot, MaybeIn<double> row_sums, int64_t first_node, int64_t num_nodes, int64_t walk_length,
           double p, double q, uint64_t seed, int64_t first_walk, int64_t step, In<int64_t> rows, In<int64_t> offsets,
           In<uint8_t> answers, Out<int64_t, 2> walkers, Out<int64_t, 2> made, Threads num_threads) {
            const auto own = own_rows<Id>(indptr, indices, weights, alias_keep, alias_slot, row_sums, std::nullopt,
                                          first_node, num_nodes, true);
            check_equal(size_t(rows_of(offsets)), rows.size(), "offsets must have one entry more than rows.");
            scan_steps<Id>(own, rule_of(walk_length, p, q, seed, first_walk, step), rows.data(), offsets.data(),
                           int64_t(rows.size()), answers.data(), int64_t(answers.size()), walkers.data(),
                           walkers_of(walkers, made, 4), made.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(),
        "alias_keep"_a.noconvert().none(), "alias_slot"_a.noconvert().none(), "row_sums"_a.noconvert().none(),
        "first_node"_a, "num_nodes"_a, "walk_length"_a, "p"_a, "q"_a, "seed"_a, "first_walk"_a, "step"_a,
        "rows"_a.noconvert(), "offsets"_a.noconvert(), "answers"_a.noconvert(), "walkers"_a.noconvert(),
        "made"_a.noconvert(), "num_threads"_a, Released());
    m.def(
        "answer_questions",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<uint64_t> filter, int64_t first_node, int64_t num_nodes,
           In<int64_t, 2> pairs, Out<uint8_t> answers, Threads num_threads) {
            const auto own = own_rows<Id>(indptr, indices, {}, {}, {}, {}, filter, first_node, num_nodes, true);
            const int64_t count = pairs_of(pairs);
            check_equal(answers.size(), size_t(count), "answers must have one entry per question.");
            answer_questions<Id>(own, pairs.data(), count, answers.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "filter"_a.noconvert().none(), "first_node"_a, "num_nodes"_a,
        "pairs"_a.noconvert(), "answers"_a.noconvert(), "num_threads"_a, Released());
    m.def(
        "place_nodes",
        [](In<int64_t, 2> made, int64_t first_place, Out<Id, 2> out, Threads num_threads) {
            place_nodes<Id>(made.data(), pairs_of(made), first_place, out.data(), int64_t(out.size()), num_threads);
        },
        "made"_a.noconvert(), "first_place"_a, "out"_a.noconvert(), "num_threads"_a, Released());
}

}  // namespace

void bind_walkers(nb::module_& m) {
    bind_walkers_of<int32_t>(m);
    bind_walkers_of<int64_t>(m);
    m.def(
        "settle_steps",
        [](int64_t walk_length, double p, double q, uint64_t seed, int64_t first_walk, int64_t step,
           In<int64_t, 2> pairs, In<int64_t, 2> askers, In<int64_t> where, In<uint8_t> answers, Out<int64_t, 2> walkers,
           Out<int64_t, 2> made, Threads num_threads) {
            Buffer<int64_t> rest;
            {
                const Release released;
                const int64_t count = pairs_of(pairs);
                if (pairs_of(askers) != count || int64_t(where.size()) != count)
                    bad_argument("pairs, askers and where must have one row per question.");
                rest = settle_steps(rule_of(walk_length, p, q, seed, first_walk, step), pairs.data(), askers.data(),
                                    where.data(), count, answers.data(), int64_t(answers.size()), walkers.data(),
                                    walkers_of(walkers, made, 4), made.data(), num_threads);
            }
            return to_numpy(std::move(rest));
        },
        "walk_length"_a, "p"_a, "q"_a, "seed"_a, "first_walk"_a, "step"_a, "pairs"_a.noconvert(),
        "askers"_a.noconvert(), "where"_a.noconvert(), "answers"_a.noconvert(), "walkers"_a.noconvert(),
        "made"_a.noconvert(), "num_threads"_a);
    m.def(
        "route_items",
        [](In<int64_t, 2> items, int64_t column, In<int64_t> ends, Out<int64_t> counts, Out<int64_t, 2> out,
           std::optional<Out<int64_t>> where, Threads num_threads) {
            check_id("column", column, int64_t(items.shape(1)));
            if (out.shape(0) != items.shape(0) || out.shape(1) != items.shape(1))
                bad_argument("out must have the shape of items.");
            check_equal(counts.size(), ends.size(), "counts must have one entry per process.");
            if (where) check_equal(where->size(), items.shape(0), "where must have one entry per item.");
            product({int64_t(ends.size()), int64_t(items.shape(0))});
            route_items(items.data(), int64_t(items.shape(0)), int64_t(items.shape(1)), column, ends.data(),
                        int64_t(ends.size()), counts.data(), out.data(), where ? where->data() : nullptr, num_threads);
        },
        "items"_a.noconvert(), "column"_a, "ends"_a.noconvert(), "counts"_a.noconvert(), "out"_a.noconvert(),
        "where"_a.noconvert().none(), "num_threads"_a, Released());
}

}  // namespace graphrep

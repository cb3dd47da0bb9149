#include "../walks.hpp"

#include "../csr_query.hpp"
#include "bindings.hpp"
#include "walk_graph.hpp"

namespace graphrep {
namespace {

template <class Id>
void bind_walks_of(nb::module_& m) {
    m.def(
        "build_alias_tables",
        [](In<int64_t> indptr, In<float> weights, Out<float> keep, Out<Id> alias, Threads num_threads) {
            check_csr<Id>(indptr.data(), nullptr, rows_of(indptr), int64_t(weights.size()), 0, num_threads);
            check_equal(keep.size(), weights.size(), "keep must have one entry per arc.");
            check_equal(alias.size(), weights.size(), "alias must have one entry per arc.");
            build_alias_tables<Id>(indptr.data(), weights.data(), rows_of(indptr), keep.data(), alias.data(),
                                   num_threads);
        },
        "indptr"_a.noconvert(), "weights"_a.noconvert(), "keep"_a.noconvert(), "alias"_a.noconvert(), "num_threads"_a,
        Released());
    m.def(
        "build_edge_filter",
        [](In<int64_t> indptr, In<Id> indices, bool directed, Out<uint64_t> words, Threads num_threads) {
            check_csr<Id>(indptr.data(), nullptr, rows_of(indptr), int64_t(indices.size()), 0, num_threads);
            check_words(words.size());
            build_edge_filter<Id>(indptr.data(), indices.data(), rows_of(indptr), directed, words.data(),
                                  int64_t(words.size()), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "directed"_a, "words"_a.noconvert(), "num_threads"_a,
        Released());
    m.def(
        "random_walks",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<float> weights, MaybeIn<float> alias_keep,
           MaybeIn<Id> alias_slot, MaybeIn<double> row_sums, MaybeIn<uint64_t> filter, bool directed, double p,
           double q, uint64_t seed, MaybeIn<Id> back, MaybeIn<int64_t> walk_ids, int64_t first_walk,
           MaybeIn<int64_t> starts, Out<Id, 2> out, Threads num_threads) {
            const auto graph =
                walk_graph<Id>(indptr, indices, weights, alias_keep, alias_slot, row_sums, filter, directed, back);
            if (walk_ids) check_equal(walk_ids->size(), out.shape(0), "walk_ids must have one entry per walk.");
            if (first_walk < 0 || first_walk > INT64_MAX - int64_t(out.shape(0)) || !(p > 0) || !(q > 0))
                bad_argument("first_walk must not be negative, and p and q must be positive.");
            if (out.size() == 0) return;
            if (starts ? starts->size() == 0 : rows_of(indptr) == 0) bad_argument("walks need a node to start from.");
            random_walks<Id>(graph, {int64_t(out.shape(1)), p, q, seed}, pointer(walk_ids), first_walk,
                             int64_t(out.shape(0)), pointer(starts), starts ? int64_t(starts->size()) : 0, out.data(),
                             num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(),
        "alias_keep"_a.noconvert().none(), "alias_slot"_a.noconvert().none(), "row_sums"_a.noconvert().none(),
        "filter"_a.noconvert().none(), "directed"_a, "p"_a, "q"_a, "seed"_a, "back"_a.noconvert().none(),
        "walk_ids"_a.noconvert().none(), "first_walk"_a, "starts"_a.noconvert().none(), "out"_a.noconvert(),
        "num_threads"_a, Released());
    m.def(
        "count_visits",
        [](In<Id, 2> walks, Out<int64_t> counts, Threads num_threads) {
            count_visits<Id>(walks.data(), int64_t(walks.size()), int64_t(counts.size()), counts.data(), num_threads);
        },
        "walks"_a.noconvert(), "counts"_a.noconvert(), "num_threads"_a, Released());
}

}  // namespace

void bind_walks(nb::module_& m) {
    bind_walks_of<int32_t>(m);
    bind_walks_of<int64_t>(m);
    m.def(
        "shuffled_walk_ids",
        [](int64_t first, int64_t num_starts, uint64_t seed, Out<int64_t> ids, Threads num_threads) {
            if (first < 0 || first > INT64_MAX - int64_t(ids.size()) || num_starts < 1 || num_starts > INT64_MAX / 8)
                bad_argument("first must not be negative, and num_starts must be at least 1.");
            shuffled_walk_ids(first, int64_t(ids.size()), num_starts, seed, ids.data(), num_threads);
        },
        "first"_a, "num_starts"_a, "seed"_a, "ids"_a.noconvert(), "num_threads"_a, Released());
}

}  // namespace graphrep

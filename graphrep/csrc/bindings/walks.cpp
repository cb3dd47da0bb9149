#include "../walks.hpp"
#include "bindings.hpp"

namespace graphrep {
namespace {

template <class Id>
void bind_walks_of(nb::module_& m) {
    m.def(
        "build_alias_tables",
        [](In<int64_t> indptr, In<float> weights, Out<float> keep, Out<Id> alias, int num_threads) {
            build_alias_tables<Id>(indptr.data(), weights.data(), rows_of(indptr), keep.data(), alias.data(),
                                   num_threads);
        },
        "indptr"_a.noconvert(), "weights"_a.noconvert(), "keep"_a.noconvert(), "alias"_a.noconvert(), "num_threads"_a,
        Released());
    m.def(
        "build_edge_filter",
        [](In<int64_t> indptr, In<Id> indices, bool directed, Out<uint64_t> words, int num_threads) {
            build_edge_filter<Id>(indptr.data(), indices.data(), rows_of(indptr), directed, words.data(),
                                  int64_t(words.size()), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "directed"_a, "words"_a.noconvert(), "num_threads"_a,
        Released());
    m.def(
        "random_walks",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<float> weights, MaybeIn<float> alias_keep,
           MaybeIn<Id> alias_slot, MaybeIn<double> row_sums, MaybeIn<uint64_t> filter, bool directed, double p,
           double q, uint64_t seed, MaybeIn<int64_t> walk_ids, int64_t first_walk, MaybeIn<int64_t> starts,
           Out<Id, 2> out, int num_threads) {
            const WalkGraph<Id> graph{
                indptr.data(),       indices.data(),    pointer(weights), pointer(alias_keep),
                pointer(alias_slot), pointer(row_sums), pointer(filter),  filter ? int64_t(filter->size()) : 0,
                rows_of(indptr),     directed};
            random_walks<Id>(graph, {int64_t(out.shape(1)), p, q, seed}, pointer(walk_ids), first_walk,
                             int64_t(out.shape(0)), pointer(starts), starts ? int64_t(starts->size()) : 0, out.data(),
                             num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(),
        "alias_keep"_a.noconvert().none(), "alias_slot"_a.noconvert().none(), "row_sums"_a.noconvert().none(),
        "filter"_a.noconvert().none(), "directed"_a, "p"_a, "q"_a, "seed"_a, "walk_ids"_a.noconvert().none(),
        "first_walk"_a, "starts"_a.noconvert().none(), "out"_a.noconvert(), "num_threads"_a, Released());
    m.def(
        "count_visits",
        [](In<Id, 2> walks, Out<int64_t> counts, int num_threads) {
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
        [](int64_t first, int64_t num_starts, uint64_t seed, Out<int64_t> ids, int num_threads) {
            shuffled_walk_ids(first, int64_t(ids.size()), num_starts, seed, ids.data(), num_threads);
        },
        "first"_a, "num_starts"_a, "seed"_a, "ids"_a.noconvert(), "num_threads"_a, Released());
}

}  // namespace graphrep

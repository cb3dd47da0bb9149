#include "../ranking.hpp"
#include "bindings.hpp"

namespace graphrep {
namespace {

template <class Id>
void bind_ranking_of(nb::module_& m) {
    m.def(
        "rank_candidates",
        [](In<float, 2> queries, In<float, 2> candidates, MaybeIn<float> bias, In<int64_t> answers,
           MaybeIn<int64_t> indptr, In<Id> ids, int metric, Out<int64_t> greater, Out<int64_t> equal,
           Threads num_threads) {
            check_equal(candidates.shape(1), queries.shape(1), "queries and candidates must have as many columns.");
            check_equal(answers.size(), queries.shape(0), "answers must have one entry per query.");
            check_equal(greater.size(), queries.shape(0), "greater must have one entry per query.");
            check_equal(equal.size(), queries.shape(0), "equal must have one entry per query.");
            if (bias) check_equal(bias->size(), candidates.shape(0), "bias must have one entry per candidate.");
            if (indptr) check_equal(indptr->size(), queries.shape(0) + 1, "indptr must have num_queries + 1 entries.");
            if (metric < 0 || metric > int(Metric::complex_norm)) bad_argument("metric is unknown.");
            rank_candidates<Id>({queries.data(), candidates.data(), pointer(bias), int64_t(queries.shape(0)),
                                 int64_t(candidates.shape(0)), int64_t(queries.shape(1)), Metric(metric)},
                                {pointer(indptr), ids.data(), int64_t(ids.size())}, answers.data(), greater.data(),
                                equal.data(), num_threads);
        },
        "queries"_a.noconvert(), "candidates"_a.noconvert(), "bias"_a.noconvert().none(), "answers"_a.noconvert(),
        "indptr"_a.noconvert().none(), "ids"_a.noconvert(), "metric"_a, "greater"_a.noconvert(), "equal"_a.noconvert(),
        "num_threads"_a, Released());
}

}  // namespace

void bind_ranking(nb::module_& m) {
    bind_ranking_of<int32_t>(m);
    bind_ranking_of<int64_t>(m);
}

}  // namespace graphrep

// Ranks of given answers among all candidates, from scores that are never stored. The counts do not depend on the
// number of threads: every score is computed by the same instructions in the same order, so that equal rows tie.
#pragma once

#include <cstdint>

namespace graphrep {

// How a query and a candidate are compared; distances count negatively.
enum class Metric : int {
    dot = 0,
    l1 = 1,
    l2 = 2,            // squared, which orders alike
    complex_norm = 3,  // sum of |q_k - c_k|, the first half of the columns being real and the second imaginary parts
};

// queries is (num_queries, columns), candidates (num_candidates, columns); bias has one entry per candidate or is null.
struct Scoring {
    const float* queries;
    const float* candidates;
    const float* bias;
    int64_t num_queries;
    int64_t num_candidates;
    int64_t columns;
    Metric metric;
};

// Candidates that a query leaves out, ascending in each row; indptr null: none.
template <class Id>
struct Known {
    const int64_t* indptr;
    const Id* ids;
    int64_t num_ids;
};

// greater[i] and equal[i]: how many candidates, without answers[i] and the known ones of query i, score higher than
// answers[i], and as high. A score that is not a number counts as equal.
template <class Id>
void rank_candidates(const Scoring& task, const Known<Id>& known, const int64_t* answers, int64_t* greater,
                     int64_t* equal, int num_threads);

#define GRAPHREP_DECLARE(isa)                                                                                       \
    namespace isa {                                                                                                 \
    int64_t score_panel_columns();                                                                                  \
    int64_t score_lanes();                                                                                          \
    void pack_candidates(const Scoring&, int64_t first, int64_t count, float* panel);                               \
    void score_some(const Scoring&, int64_t query, const int64_t* ids, int64_t count, float* panel, float* scores); \
    void count_panel(const Scoring&, const float* panel, int64_t count, int64_t begin, int64_t end,                 \
                     const float* thresholds, int32_t* greater, int32_t* less);                                     \
    }
GRAPHREP_DECLARE(baseline)
GRAPHREP_DECLARE(avx2)
GRAPHREP_DECLARE(avx512)
#undef GRAPHREP_DECLARE

constexpr int64_t kScoreSide = 6;  // queries in a tile of registers

}  // namespace graphrep

#include "ranking.hpp"

#include <algorithm>

#include "buffer.hpp"
#include "checks.hpp"
#include "isa.hpp"
#include "parallel.hpp"

namespace graphrep {
namespace {

constexpr int64_t kPanelsPerBlock = 8;     // of candidates; packed once for all queries
constexpr int64_t kQueriesPerChunk = 504;  // whose counters are kept at once; a multiple of kScoreSide
constexpr int64_t kQueriesPerBlock = 32;   // of answers and known candidates

int64_t panel_width() { GRAPHREP_DISPATCH(score_panel_columns) }

int64_t lanes() { GRAPHREP_DISPATCH(score_lanes) }

void pack(const Scoring& task, int64_t first, int64_t count, float* panel) {
    GRAPHREP_DISPATCH(pack_candidates, task, first, count, panel)
}

void scores_of(const Scoring& task, int64_t query, const int64_t* ids, int64_t count, float* panel, float* scores) {
    GRAPHREP_DISPATCH(score_some, task, query, ids, count, panel, scores)
}

void count(const Scoring& task, const float* panel, int64_t there, int64_t begin, int64_t end, const float* thresholds,
           int32_t* greater, int32_t* less) {
    GRAPHREP_DISPATCH(count_panel, task, panel, there, begin, end, thresholds, greater, less)
}

// The scores of the answers, and counts that the totals over all candidates are added to.
template <class Id>
void begin_counts(const Scoring& task, const Known<Id>& known, const int64_t* answers, float* thresholds,
                  int64_t* greater, int64_t* equal, int num_threads) {
    const int64_t width = panel_width();
    parallel_blocks(task.num_queries, kQueriesPerBlock, num_threads, [&](int64_t begin, int64_t end) {
        Buffer<float> panel(width * (task.columns + 1), "packed candidates"), scores(width, "scores");
        Buffer<int64_t> ids(width, "candidates");
        for (int64_t q = begin; q < end; ++q) {
            const int64_t answer = answers[q];
            check_id("answers", answer, task.num_candidates);
            scores_of(task, q, &answer, 1, panel.data(), scores.data());
            const float threshold = thresholds[q] = scores.data()[0];
            int64_t higher = 0, lower = 0, others = 0, before = -1, filled = 0;
            const auto flush = [&] {
                poll();
                scores_of(task, q, ids.data(), filled, panel.data(), scores.data());
                for (int64_t i = 0; i < filled; ++i) {
                    higher += scores.data()[i] > threshold;
                    lower += scores.data()[i] < threshold;
                }
                others += filled;
                filled = 0;
            };
            if (known.indptr) {
                const EntryRange range = checked_row(known.indptr, task.num_queries, known.num_ids, q);
                for (int64_t i = range.begin; i < range.end; ++i) {
                    const int64_t id = known.ids[i];
                    check_id("known", id, task.num_candidates);
                    if (id < before) bad_argument("known must be sorted in each row.");
                    if (id == before || id == answer) continue;
                    before = ids.data()[filled++] = id;
                    if (filled == width) flush();
                }
                if (filled) flush();
            }
            greater[q] = -higher;
            equal[q] = task.num_candidates - 1 - others + higher + lower;
        }
    });
}

}  // namespace

template <class Id>
void rank_candidates(const Scoring& task, const Known<Id>& known, const int64_t* answers, int64_t* greater,
                     int64_t* equal, int num_threads) {
    if (task.num_queries == 0) return;
    const int64_t width = panel_width(), counters = lanes(), rows = task.columns + 1;
    Buffer<float> thresholds(task.num_queries, "scores of the answers");
    begin_counts(task, known, answers, thresholds.data(), greater, equal, num_threads);
    parallel_blocks(task.num_candidates, kPanelsPerBlock * width, num_threads, [&](int64_t begin, int64_t end) {
        Buffer<float> panels(kPanelsPerBlock * width * rows, "packed candidates");
        Buffer<int32_t> counts(2 * kQueriesPerChunk * counters, "counts");
        for (int64_t c = begin; c < end; c += width)
            pack(task, c, std::min(width, end - c), panels.data() + (c - begin) * rows);
        for (int64_t first = 0; first < task.num_queries; first += kQueriesPerChunk) {
            const int64_t last = std::min(task.num_queries, first + kQueriesPerChunk);
            int32_t* higher = counts.data();
            int32_t* lower = higher + kQueriesPerChunk * counters;
            std::fill_n(higher, 2 * kQueriesPerChunk * counters, 0);
            for (int64_t c = begin; c < end; c += width) {
                poll();
                count(task, panels.data() + (c - begin) * rows, std::min(width, end - c), first, last,
                      thresholds.data(), higher, lower);
            }
            for (int64_t q = first; q < last; ++q, higher += counters, lower += counters) {
                int64_t more = 0, fewer = 0;
                for (int64_t i = 0; i < counters; ++i) more += higher[i], fewer += lower[i];
                __atomic_fetch_add(greater + q, more, __ATOMIC_RELAXED);
                __atomic_fetch_sub(equal + q, more + fewer, __ATOMIC_RELAXED);
            }
        }
    });
}

template void rank_candidates<int32_t>(const Scoring&, const Known<int32_t>&, const int64_t*, int64_t*, int64_t*, int);
template void rank_candidates<int64_t>(const Scoring&, const Known<int64_t>&, const int64_t*, int64_t*, int64_t*, int);

}  // namespace graphrep

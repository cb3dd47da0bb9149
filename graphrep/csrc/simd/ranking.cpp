// Scores of queries against packed candidates, compiled once per instruction set: tiles of kScoreSide queries by two
// vectors of candidates stay in registers.
#include "../ranking.hpp"

#include "roots.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {
namespace {

constexpr int64_t kPanel = 2 * kWidth;  // candidates in a tile

// Scores of kScoreSide queries and the candidates of a panel, whose last row is the bias. Never inlined: all scores
// come from this one copy, or a compiler could round those of the answers in another way than the rest.
template <Metric metric>
[[gnu::noinline]] static void score_tile(const float* const* rows, const float* panel, int64_t columns, float* scores) {
    Vec sums[kScoreSide][2] = {};
    const float* q[kScoreSide];
#pragma GCC unroll 8
    for (int k = 0; k < kScoreSide; ++k) q[k] = rows[k];
    const float* end = panel + columns * kPanel;
    if constexpr (metric == Metric::complex_norm) {
        const int64_t half = columns / 2;
        const float* imaginary = panel + half * kPanel;
        for (int64_t j = 0; j < half; ++j, panel += kPanel, imaginary += kPanel) {
            const Vec re0 = load(panel), re1 = load(panel + kWidth);
            const Vec im0 = load(imaginary), im1 = load(imaginary + kWidth);
#pragma GCC unroll 8
            for (int k = 0; k < kScoreSide; ++k) {
                const Vec re = splat(q[k][j]), im = splat(q[k][j + half]);
                sums[k][0] += square_root((re - re0) * (re - re0) + (im - im0) * (im - im0));
                sums[k][1] += square_root((re - re1) * (re - re1) + (im - im1) * (im - im1));
            }
        }
    } else {
        for (int64_t j = 0; j < columns; ++j, panel += kPanel) {
            const Vec b0 = load(panel), b1 = load(panel + kWidth);
#pragma GCC unroll 8
            for (int k = 0; k < kScoreSide; ++k) {
                const Vec s = splat(q[k][j]);
                if constexpr (metric == Metric::dot) {
                    sums[k][0] += s * b0;
                    sums[k][1] += s * b1;
                } else if constexpr (metric == Metric::l1) {
                    sums[k][0] += absolute(s - b0);
                    sums[k][1] += absolute(s - b1);
                } else {
                    sums[k][0] += (s - b0) * (s - b0);
                    sums[k][1] += (s - b1) * (s - b1);
                }
            }
        }
    }
    const Vec bias0 = load(end), bias1 = load(end + kWidth);
#pragma GCC unroll 8
    for (int k = 0; k < kScoreSide; ++k) {
        store(scores + k * kPanel, metric == Metric::dot ? bias0 + sums[k][0] : bias0 - sums[k][0]);
        store(scores + k * kPanel + kWidth, metric == Metric::dot ? bias1 + sums[k][1] : bias1 - sums[k][1]);
    }
}

static inline void score(Metric metric, const float* const* rows, const float* panel, int64_t columns, float* scores) {
    switch (metric) {
        case Metric::l1: return score_tile<Metric::l1>(rows, panel, columns, scores);
        case Metric::l2: return score_tile<Metric::l2>(rows, panel, columns, scores);
        case Metric::complex_norm: return score_tile<Metric::complex_norm>(rows, panel, columns, scores);
        default: return score_tile<Metric::dot>(rows, panel, columns, scores);
    }
}

// One candidate becomes a column of the panel.
static inline void pack(const Scoring& t, int64_t id, float* column) {
    const float* row = t.candidates + id * t.columns;
    for (int64_t j = 0; j < t.columns; ++j) column[j * kPanel] = row[j];
    column[t.columns * kPanel] = t.bias ? t.bias[id] : 0;
}

static inline void clear(const Scoring& t, int64_t count, float* panel) {
    for (int64_t c = count; c < kPanel; ++c)
        for (int64_t j = 0; j <= t.columns; ++j) panel[j * kPanel + c] = 0;
}

static inline void add(int32_t* counts, IntVec mask) {
    UnalignedIntVec* lanes = reinterpret_cast<UnalignedIntVec*>(counts);  // auto would forget the alignment
    *lanes = *lanes - mask;                                               // a lane of a mask is 0 or -1
}

}  // namespace

int64_t score_panel_columns() { return kPanel; }
int64_t score_lanes() { return kWidth; }

void pack_candidates(const Scoring& t, int64_t first, int64_t count, float* panel) {
    for (int64_t c = 0; c < count; ++c) pack(t, first + c, panel + c);
    clear(t, count, panel);
}

void score_some(const Scoring& t, int64_t query, const int64_t* ids, int64_t count, float* panel, float* scores) {
    for (int64_t c = 0; c < count; ++c) pack(t, ids[c], panel + c);
    clear(t, count, panel);
    const float* rows[kScoreSide];
    for (auto& row : rows) row = t.queries + query * t.columns;
    float tile[kScoreSide * kPanel];
    score(t.metric, rows, panel, t.columns, tile);
    for (int64_t c = 0; c < count; ++c) scores[c] = tile[c];
}

// Add to the kWidth counters of each of the queries [begin, end) how often a lane is above and below its threshold.
void count_panel(const Scoring& t, const float* panel, int64_t count, int64_t begin, int64_t end,
                 const float* thresholds, int32_t* greater, int32_t* less) {
    IntVec there[2];
    for (int i = 0; i < kWidth; ++i) {
        there[0][i] = i < count ? -1 : 0;
        there[1][i] = i + kWidth < count ? -1 : 0;
    }
    float tile[kScoreSide * kPanel];
    for (int64_t v = begin; v < end; v += kScoreSide) {
        const int64_t here = end - v < kScoreSide ? end - v : kScoreSide;
        const float* rows[kScoreSide];
        for (int64_t k = 0; k < kScoreSide; ++k) rows[k] = t.queries + (v + (k < here ? k : 0)) * t.columns;
        score(t.metric, rows, panel, t.columns, tile);
        for (int64_t k = 0; k < here; ++k, greater += kWidth, less += kWidth) {
            const Vec threshold = splat(thresholds[v + k]);
            const Vec s0 = load(tile + k * kPanel), s1 = load(tile + k * kPanel + kWidth);
            add(greater, ((s0 > threshold) & there[0]) + ((s1 > threshold) & there[1]));
            add(less, ((s0 < threshold) & there[0]) + ((s1 < threshold) & there[1]));
        }
    }
}

}  // namespace GRAPHREP_ISA
}  // namespace graphrep

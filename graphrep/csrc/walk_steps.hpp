// One step of a walker: what the kernel of whole walks and that of walkers on divided rows have in common, so that both
// take the same steps with the same random numbers.
#pragma once

#include <algorithm>
#include <cstdint>

#include "checks.hpp"
#include "parallel.hpp"
#include "random.hpp"
#include "walks.hpp"

namespace graphrep {

// Walks that a thread advances together, so that their cache misses overlap.
constexpr int kFirstOrderLanes = 32, kSecondOrderLanes = 64;
constexpr int kMaxTrials = 64;  // rejections before the exact scan

static inline uint64_t pair_hash(uint64_t u, uint64_t v) { return mix64(u * 0x9e3779b97f4a7c15ULL + v); }

// Four bits of one 64-bit word per arc: a lookup touches a single cache line.
static inline uint64_t filter_mask(uint64_t hash) {
    return (1ULL << (hash >> 58)) | (1ULL << ((hash >> 52) & 63)) | (1ULL << ((hash >> 46) & 63)) |
           (1ULL << ((hash >> 40) & 63));
}

template <class Id>
inline uint64_t filter_key(Id u, Id v, bool directed) {
    const Id low = v < u ? v : u, high = v < u ? u : v;  // no branch: it would be unpredictable
    return pair_hash(static_cast<uint64_t>(directed ? u : low), static_cast<uint64_t>(directed ? v : high));
}

// The word of the filter for an arc.
template <class Id>
inline const uint64_t* filter_word(const WalkGraph<Id>& graph, uint64_t hash) {
    return graph.filter + (hash & static_cast<uint64_t>(graph.filter_words - 1));
}

// Whether x is in the sorted range: branch-free bisection down to a short run.
template <class Id>
inline bool contains(const Id* row, int64_t length, Id x) {
    while (length > 8) {
        const int64_t half = length / 2;
        row += half & -static_cast<int64_t>(row[half - 1] < x);
        length -= half;
    }
    bool found = false;
    for (int64_t i = 0; i < length; ++i) found |= row[i] == x;
    return found;
}

// Arc index drawn from row [begin, begin + degree) in proportion to weight, for a step of first order.
template <class Id>
inline int64_t propose(const WalkGraph<Id>& graph, int64_t begin, int64_t degree, uint64_t bits) {
    const unsigned __int128 product = static_cast<unsigned __int128>(bits) * static_cast<uint64_t>(degree);
    const int64_t slot = begin + static_cast<int64_t>(product >> 64);
    if (!graph.alias_keep) return slot;
    if (uniform_float(static_cast<uint64_t>(product)) < graph.alias_keep[slot]) return slot;
    check_id("alias_slot", graph.alias_slot[slot], degree);
    return begin + graph.alias_slot[slot];
}

// Second order by rejection (Yang et al., KnightKing, SOSP 2019): propose x in proportion to w_vx, accept with
// probability alpha(t, x) / bound. Two refinements: a draw below min(alpha) needs no lookup of the edge t -> x, and
// where returning is the most likely outcome, its excess over the bound is a separate outcome that is always accepted
// ("folding"): a row of degree d is then d slots of mass `bound` and an excess. One random number in [0, d + excess),
// in units of 2^-31, decides everything: its integer part is the slot, its fraction the height to compare with alpha.
constexpr int kFraction = 31;
constexpr uint64_t kOne = 1ULL << kFraction;

struct Alphas {
    double back, near, far;
    double excess;                                      // of returning, in units of the bound
    uint64_t back_limit, near_limit, far_limit, floor;  // heights below are accepted; floor is the smallest of them
    bool fold;

    Alphas(double p, double q) : back(1 / p), near(1), far(1 / q), fold(back > std::max(near, far)) {
        const double bound = fold ? std::max(near, far) : std::max({back, near, far});
        excess = fold ? back / bound - 1 : 0;
        back_limit = fixed(std::min(back / bound, 1.0));
        near_limit = fixed(near / bound);
        far_limit = fixed(far / bound);
        floor = std::min({back_limit, near_limit, far_limit});
    }

    // Units of 2^-31, at most 2^62, so that a degree below 2^32 can be added.
    static uint64_t fixed(double value) { return static_cast<uint64_t>(std::min(value, 0x1p31) * 0x1p31); }
};

// A walker that makes trials, and its last proposal.
struct Trial {
    uint64_t key, counter;
    uint64_t span;    // what is drawn from: degree and excess in fixed point
    uint64_t height;  // of the proposal
    int64_t row, degree, arc;
    bool folded;  // the draw fell into the excess
};

// The draws of a trial, which lead to an arc.
template <class Id>
inline void draw(const WalkGraph<Id>& graph, Trial& trial) {
    const uint64_t drawn = bounded(random_bits(trial.key, trial.counter++), trial.span);
    int64_t slot = static_cast<int64_t>(drawn >> kFraction);
    trial.height = drawn & (kOne - 1);
    trial.folded = slot >= trial.degree;
    slot &= static_cast<int64_t>(trial.folded) - 1;
    trial.arc = trial.row + slot;
    if (graph.alias_keep) {
        const uint64_t bits = random_bits(trial.key, trial.counter++);
        if (uniform_float(bits) >= graph.alias_keep[trial.arc]) {
            check_id("alias_slot", graph.alias_slot[trial.arc], trial.degree);
            trial.arc = trial.row + graph.alias_slot[trial.arc];
        }
    }
    __builtin_prefetch(graph.indices + trial.arc);
}

// The node that is proposed, of num_nodes: the one at the end of the arc, or the one before, which is accepted then.
template <class Id>
inline Id candidate_of(const WalkGraph<Id>& graph, Trial& trial, Id previous, int64_t num_nodes) {
    const Id proposed = graph.indices[trial.arc];
    check_id("indices", proposed, num_nodes);
    const Id keep = static_cast<Id>(trial.folded) - 1;        // all ones unless folded
    trial.height &= static_cast<uint64_t>(trial.folded) - 1;  // 0: accepted
    return (proposed & keep) | (previous & ~keep);
}

// Excess of returning to `previous`, in units of a slot, where it differs from row to row; `row` is the number of the
// row of the trial.
template <class Id>
inline uint64_t excess_of(const WalkGraph<Id>& graph, const Alphas& a, const Trial& trial, int64_t row, Id previous) {
    if (!a.fold) return 0;
    const Id* begin = graph.indices + trial.row;
    const Id* end = begin + trial.degree;
    const Id* at = std::lower_bound(begin, end, previous);
    if (at == end || *at != previous) return 0;
    if (!graph.weights) return Alphas::fixed(a.excess);
    const double slots = graph.weights[at - graph.indices] * static_cast<double>(trial.degree) / graph.row_sums[row];
    return Alphas::fixed(a.excess * slots);
}

// The arc of the step from the node after t by a scan of its row [begin, end), for the rare step whose proposals are
// rejected many times: the first one at which the sum of masses exceeds u of all. has_arc(e) is whether there is an arc
// from t to the node of arc e.
template <class Id, class HasArc>
int64_t exact_step(const WalkGraph<Id>& graph, const Alphas& a, Id t, int64_t begin, int64_t end, double u,
                   HasArc&& has_arc) {
    const auto mass = [&](int64_t e) {
        // x == t comes first, so that a self loop of t does not hide p.
        const double alpha = graph.indices[e] == t ? a.back : has_arc(e) ? a.near : a.far;
        return alpha * (graph.weights ? graph.weights[e] : 1.0);
    };
    double total = 0;
    poll();
    for (int64_t e = begin; e < end; ++e) total += mass(e);
    double left = u * total;
    int64_t last = begin;
    for (int64_t e = begin; e < end; ++e) {
        const double own = mass(e);
        if (own <= 0) continue;
        last = e;
        left -= own;
        if (left < 0) break;
    }
    return last;
}

}  // namespace graphrep

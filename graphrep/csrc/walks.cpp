#include "walks.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "buffer.hpp"
#include "parallel.hpp"
#include "random.hpp"

namespace graphrep {
namespace {

// Walks that a thread advances together, so that their cache misses overlap.
constexpr int kFirstOrderLanes = 32, kSecondOrderLanes = 64;
constexpr int kMaxTrials = 64;  // rejections before the exact scan
constexpr int64_t kStepsBetweenPolls = 1 << 12;
constexpr int64_t kWalkBlock = 512;  // walks assigned to a thread at a time

inline uint64_t pair_hash(uint64_t u, uint64_t v) { return mix64(u * 0x9e3779b97f4a7c15ULL + v); }

// Four bits of one 64-bit word per arc: a lookup touches a single cache line.
inline uint64_t filter_mask(uint64_t hash) {
    return (1ULL << (hash >> 58)) | (1ULL << ((hash >> 52) & 63)) | (1ULL << ((hash >> 46) & 63)) |
           (1ULL << ((hash >> 40) & 63));
}

template <class Id>
inline uint64_t filter_key(Id u, Id v, bool directed) {
    const Id low = v < u ? v : u, high = v < u ? u : v;  // no branch: it would be unpredictable
    return pair_hash(static_cast<uint64_t>(directed ? u : low), static_cast<uint64_t>(directed ? v : high));
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

template <class Id>
inline EntryRange row_of(const WalkGraph<Id>& graph, Id node) {
    return checked_row(graph.indptr, graph.num_nodes, graph.num_arcs, node);
}

// Whether the arc t -> x exists, by search. In an undirected graph the shorter of the two rows is searched.
template <class Id>
inline bool row_has(const WalkGraph<Id>& graph, Id t, Id x) {
    const auto row = row_of(graph, t);
    int64_t begin = row.begin, length = row.end - row.begin;
    Id wanted = x;
    if (!graph.directed) {
        const auto [other, other_end] = row_of(graph, x);
        const int64_t other_length = other_end - other;
        if (other_length < length) begin = other, length = other_length, wanted = t;
    }
    return contains(graph.indices + begin, length, wanted);
}

// The same, consulting the filter first.
template <class Id>
inline bool has_arc(const WalkGraph<Id>& graph, Id t, Id x) {
    if (graph.filter) {
        const uint64_t hash = filter_key(t, x, graph.directed);
        const uint64_t mask = filter_mask(hash);
        if ((graph.filter[hash & static_cast<uint64_t>(graph.filter_words - 1)] & mask) != mask) return false;
    }
    return row_has(graph, t, x);
}

// Position within the row of v of arc v -> t, or -1.
template <class Id>
inline int64_t find_arc(const WalkGraph<Id>& graph, Id v, Id t) {
    const auto row = row_of(graph, v);
    const Id* begin = graph.indices + row.begin;
    const Id* end = graph.indices + row.end;
    const Id* at = std::lower_bound(begin, end, t);
    return at != end && *at == t ? at - graph.indices : -1;
}

// Arc index drawn from row [begin, begin + degree) in proportion to weight. `rest` returns the unused low bits.
template <class Id>
inline int64_t propose(const WalkGraph<Id>& graph, int64_t begin, int64_t degree, uint64_t bits, uint64_t& rest) {
    const unsigned __int128 product = static_cast<unsigned __int128>(bits) * static_cast<uint64_t>(degree);
    const int64_t slot = begin + static_cast<int64_t>(product >> 64);
    rest = static_cast<uint64_t>(product);
    if (!graph.alias_keep) return slot;
    if (uniform_float(rest) < graph.alias_keep[slot]) return slot;
    check_id("alias_slot", graph.alias_slot[slot], degree);
    return begin + graph.alias_slot[slot];
}

template <class Id>
inline Id start_of(const WalkGraph<Id>& graph, const int64_t* starts, int64_t num_starts, int64_t id) {
    if (id < 0) bad_id("walk_ids", id, INT64_MAX);
    const int64_t start = starts ? starts[id % num_starts] : id % graph.num_nodes;
    check_id("starts", start, graph.num_nodes);
    return static_cast<Id>(start);
}

template <class Id>
void first_order_block(const WalkGraph<Id>& graph, const WalkRule& rule, const int64_t* walk_ids, int64_t first_walk,
                       int64_t begin, int64_t end, const int64_t* starts, int64_t num_starts, Id* out) {
    const int64_t length = rule.walk_length;
    for (int64_t base = begin; base < end; base += kFirstOrderLanes) {
        const int lanes = static_cast<int>(std::min<int64_t>(kFirstOrderLanes, end - base));
        uint64_t key[kFirstOrderLanes];
        Id at[kFirstOrderLanes];
        int64_t arc[kFirstOrderLanes];
        for (int k = 0; k < lanes; ++k) {
            const int64_t id = walk_ids ? walk_ids[base + k] : first_walk + base + k;
            key[k] = stream_key(rule.seed, static_cast<uint64_t>(id));
            at[k] = start_of(graph, starts, num_starts, id);
            out[(base + k) * length] = at[k];
        }
        for (int64_t step = 1; step < length; ++step) {
            if (step % kStepsBetweenPolls == 0) poll();
            for (int k = 0; k < lanes; ++k) {
                if (at[k] < 0) continue;
                const auto [row, row_end] = row_of(graph, at[k]);
                const int64_t degree = row_end - row;
                if (degree == 0) {
                    at[k] = -1;
                    continue;
                }
                uint64_t rest;
                arc[k] = propose(graph, row, degree, random_bits(key[k], static_cast<uint64_t>(step)), rest);
                __builtin_prefetch(graph.indices + arc[k]);
            }
            for (int k = 0; k < lanes; ++k) {
                if (at[k] >= 0) {
                    at[k] = graph.indices[arc[k]];
                    check_id("indices", at[k], graph.num_nodes);
                    __builtin_prefetch(graph.indptr + at[k]);
                }
                out[(base + k) * length + step] = at[k];
            }
        }
    }
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

template <class Id>
inline double alpha_of(const WalkGraph<Id>& graph, const Alphas& a, Id t, Id x) {
    return x == t                 ? a.back
           : has_arc(graph, t, x) ? a.near
                                  : a.far;  // x == t comes first, so that a self loop of t does not hide p
}

// The exact distribution by a scan of the row: for the rare step whose proposals are rejected many times.
template <class Id>
int64_t exact_step(const WalkGraph<Id>& graph, const Alphas& a, Id t, Id v, double u) {
    const auto [begin, end] = row_of(graph, v);
    double total = 0;
    poll();
    for (int64_t e = begin; e < end; ++e)
        total += alpha_of(graph, a, t, graph.indices[e]) * (graph.weights ? graph.weights[e] : 1.0);
    double left = u * total;
    int64_t last = begin;
    for (int64_t e = begin; e < end; ++e) {
        const double mass = alpha_of(graph, a, t, graph.indices[e]) * (graph.weights ? graph.weights[e] : 1.0);
        if (mass <= 0) continue;
        last = e;
        left -= mass;
        if (left < 0) break;
    }
    return last;
}

template <class Id>
struct Lane {
    uint64_t key, counter;
    uint64_t span;    // what is drawn from: degree and excess in fixed point
    uint64_t height;  // of the proposal
    uint64_t sure;    // heights below need no lookup
    int64_t row, degree, arc, step;
    Id* out;
    Id previous, current, candidate;
    int trials;
    bool folded;  // the draw fell into the excess
};

// Excess of returning from lane.current in units of a slot, where it differs from row to row.
template <class Id>
inline uint64_t excess_of(const WalkGraph<Id>& graph, const Alphas& a, const Lane<Id>& lane) {
    if (!a.fold) return 0;
    const int64_t back = find_arc(graph, lane.current, lane.previous);
    if (back < 0) return 0;
    if (!graph.weights) return Alphas::fixed(a.excess);
    const double slots = graph.weights[back] * static_cast<double>(lane.degree) / graph.row_sums[lane.current];
    return Alphas::fixed(a.excess * slots);
}

template <class Id>
void second_order_block(const WalkGraph<Id>& graph, const WalkRule& rule, const int64_t* walk_ids, int64_t first_walk,
                        int64_t begin, int64_t end, const int64_t* starts, int64_t num_starts, Id* out) {
    const Alphas a(rule.p, rule.q);
    const int64_t length = rule.walk_length;
    const bool same_excess = !graph.directed && !graph.weights;
    const uint64_t excess = Alphas::fixed(a.excess);
    Lane<Id> lanes[kSecondOrderLanes];
    int64_t next_walk = begin;
    // Put the next walk into a lane; returns false if none is left.
    auto refill = [&](Lane<Id>& lane) {
        while (next_walk < end) {
            const int64_t walk = next_walk++;
            const int64_t id = walk_ids ? walk_ids[walk] : first_walk + walk;
            lane.key = stream_key(rule.seed, static_cast<uint64_t>(id));
            lane.counter = 0;
            lane.current = lane.previous = start_of(graph, starts, num_starts, id);
            lane.step = 1;
            lane.trials = 0;
            lane.out = out + walk * length;
            lane.out[0] = lane.current;
            const auto row = row_of(graph, lane.current);
            lane.row = row.begin;
            lane.degree = row.end - row.begin;
            lane.span = static_cast<uint64_t>(lane.degree) << kFraction;
            lane.sure = kOne;  // the first step has no previous node
            if (length > 1 && lane.degree > 0) return true;
            for (int64_t s = 1; s < length; ++s) lane.out[s] = -1;
        }
        return false;
    };
    int active = 0;
    while (active < kSecondOrderLanes && refill(lanes[active])) ++active;
    for (int64_t round = 1; active > 0; ++round) {
        if (round % kStepsBetweenPolls == 0) poll();
        for (int k = 0; k < active; ++k) {  // draw
            Lane<Id>& lane = lanes[k];
            const uint64_t drawn = bounded(random_bits(lane.key, lane.counter++), lane.span);
            int64_t slot = static_cast<int64_t>(drawn >> kFraction);
            lane.height = drawn & (kOne - 1);
            lane.folded = slot >= lane.degree;
            slot &= static_cast<int64_t>(lane.folded) - 1;
            lane.arc = lane.row + slot;
            if (graph.alias_keep) {
                const uint64_t bits = random_bits(lane.key, lane.counter++);
                if (uniform_float(bits) >= graph.alias_keep[lane.arc]) {
                    check_id("alias_slot", graph.alias_slot[lane.arc], lane.degree);
                    lane.arc = lane.row + graph.alias_slot[lane.arc];
                }
            }
            __builtin_prefetch(graph.indices + lane.arc);
        }
        uint64_t masks[kSecondOrderLanes];
        const uint64_t* words[kSecondOrderLanes];
        for (int k = 0; k < active; ++k) {  // read the candidate; prefetch the data that accepting it needs
            Lane<Id>& lane = lanes[k];
            const Id proposed = graph.indices[lane.arc];
            check_id("indices", proposed, graph.num_nodes);
            const Id keep = static_cast<Id>(lane.folded) - 1;  // all ones unless folded
            lane.candidate = (proposed & keep) | (lane.previous & ~keep);
            lane.height &= static_cast<uint64_t>(lane.folded) - 1;  // 0: accepted
            __builtin_prefetch(graph.indptr + lane.candidate);
            if (graph.filter) {
                const uint64_t hash = filter_key(lane.previous, lane.candidate, graph.directed);
                masks[k] = filter_mask(hash);
                const uint64_t open = lane.height >= lane.sure;  // else read a word that is in the cache
                words[k] = graph.filter + (hash & static_cast<uint64_t>(graph.filter_words - 1) & (0 - open));
                __builtin_prefetch(words[k]);
            }
        }
        // Accept and move, or try again. Acceptance is unpredictable, so no branch depends on it.
        for (int k = 0; k < active;) {
            Lane<Id>& lane = lanes[k];
            uint64_t limit = lane.candidate == lane.previous ? a.back_limit : a.far_limit;
            bool maybe = (lane.height >= lane.sure) & (lane.candidate != lane.previous);
            if (graph.filter) maybe = maybe & ((*words[k] & masks[k]) == masks[k]);
            if (maybe && row_has(graph, lane.previous, lane.candidate)) limit = a.near_limit;
            bool accepted = (lane.height < lane.sure) | (lane.height < limit);
            lane.trials += !accepted;
            if (lane.trials >= kMaxTrials) {
                const double u = uniform_double(random_bits(lane.key, lane.counter++));
                lane.candidate = graph.indices[exact_step(graph, a, lane.previous, lane.current, u)];
                check_id("indices", lane.candidate, graph.num_nodes);
                accepted = true;
            }
            lane.out[lane.step] = lane.candidate;  // overwritten if rejected
            lane.step += accepted;
            Id back = lane.current;
            if (graph.back) {
                back = graph.back[lane.current];
                check_id("back", back, graph.num_nodes);
            }
            lane.previous = accepted ? back : lane.previous;
            lane.current = accepted ? lane.candidate : lane.current;
            lane.trials = accepted ? 0 : lane.trials;
            const auto row = row_of(graph, lane.current);
            lane.row = row.begin;
            lane.degree = row.end - row.begin;
            // Nothing is rejected at the first step, so from here on there is a previous node.
            if (same_excess)
                lane.span = (static_cast<uint64_t>(lane.degree) << kFraction) + excess;
            else if (accepted)
                lane.span = (static_cast<uint64_t>(lane.degree) << kFraction) + excess_of(graph, a, lane);
            lane.sure = a.floor;
            if (lane.step == length || lane.degree == 0) {
                for (int64_t s = lane.step; s < length; ++s) lane.out[s] = -1;
                if (!refill(lane)) {
                    lane = lanes[--active];
                    words[k] = words[active], masks[k] = masks[active];
                    continue;
                }
            }
            ++k;
        }
    }
}

}  // namespace

template <class Id>
void build_alias_tables(const int64_t* indptr, const float* weights, int64_t num_nodes, float* keep, Id* alias,
                        int num_threads) {
    parallel_blocks(num_nodes, 1024, num_threads, [&](int64_t begin, int64_t end) {
        std::vector<int64_t> small, large;
        std::vector<double> mass;
        for (int64_t v = begin; v < end; ++v) {
            const int64_t row = indptr[v], degree = indptr[v + 1] - row;
            double sum = 0;
            for (int64_t i = 0; i < degree; ++i) sum += weights[row + i];
            mass.resize(static_cast<size_t>(degree));
            small.clear();
            large.clear();
            for (int64_t i = 0; i < degree; ++i) {
                mass[i] = weights[row + i] / sum * static_cast<double>(degree);
                keep[row + i] = 1;
                alias[row + i] = static_cast<Id>(i);
                (mass[i] < 1 ? small : large).push_back(i);
            }
            while (!small.empty() && !large.empty()) {
                const int64_t less = small.back(), more = large.back();
                small.pop_back();
                keep[row + less] = static_cast<float>(mass[less]);
                alias[row + less] = static_cast<Id>(more);
                mass[more] -= 1 - mass[less];
                if (mass[more] < 1) {
                    large.pop_back();
                    small.push_back(more);
                }
            }
        }
    });
}

template <class Id>
void build_edge_filter(const int64_t* indptr, const Id* indices, int64_t num_nodes, bool directed, uint64_t* words,
                       int64_t num_words, int num_threads) {
    std::fill(words, words + num_words, 0);
    parallel_blocks(num_nodes, 4096, num_threads, [&](int64_t begin, int64_t end) {
        for (int64_t u = begin; u < end; ++u)
            for (int64_t e = indptr[u]; e < indptr[u + 1]; ++e) {
                if (!directed && indices[e] < u) continue;  // its reverse is stored in the other row
                const uint64_t hash = filter_key(static_cast<Id>(u), indices[e], directed);
                __atomic_fetch_or(words + (hash & static_cast<uint64_t>(num_words - 1)), filter_mask(hash),
                                  __ATOMIC_RELAXED);
            }
    });
}

template <class Id>
void random_walks(const WalkGraph<Id>& graph, const WalkRule& rule, const int64_t* walk_ids, int64_t first_walk,
                  int64_t num_walks, const int64_t* starts, int64_t num_starts, Id* out, int num_threads) {
    const bool first_order = rule.p == 1 && rule.q == 1;
    parallel_blocks(num_walks, kWalkBlock, num_threads, [&](int64_t begin, int64_t end) {
        (first_order ? first_order_block<Id> : second_order_block<Id>)(graph, rule, walk_ids, first_walk, begin, end,
                                                                       starts, num_starts, out);
    });
}

void shuffled_walk_ids(int64_t first, int64_t count, int64_t num_starts, uint64_t seed, int64_t* ids, int num_threads) {
    int half = 1;
    while ((int64_t{1} << (2 * half)) < num_starts) ++half;
    const uint64_t mask = (1ULL << half) - 1;
    parallel_blocks(count, 1 << 14, num_threads, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t pass = (first + i) / num_starts;
            const uint64_t key = stream_key(seed, static_cast<uint64_t>(pass));
            uint64_t x = static_cast<uint64_t>((first + i) % num_starts);
            do {
                uint64_t left = x >> half, right = x & mask;
                for (uint64_t round = 0; round < 4; ++round) {
                    const uint64_t mixed = mix64(key ^ (right * kGolden + round)) & mask;
                    const uint64_t swapped = left ^ mixed;
                    left = right;
                    right = swapped;
                }
                x = left << half | right;
            } while (x >= static_cast<uint64_t>(num_starts));
            ids[i] = pass * num_starts + static_cast<int64_t>(x);
        }
    });
}

template <class Id>
void count_visits(const Id* walks, int64_t size, int64_t num_nodes, int64_t* counts, int num_threads) {
    parallel_blocks(size, 1 << 16, num_threads, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
            if (walks[i] >= 0) {
                check_id("walks", walks[i], num_nodes);
                __atomic_fetch_add(counts + walks[i], 1, __ATOMIC_RELAXED);
            }
    });
}

#define GRAPHREP_INSTANTIATE(Id)                                                                            \
    template void build_alias_tables<Id>(const int64_t*, const float*, int64_t, float*, Id*, int);          \
    template void build_edge_filter<Id>(const int64_t*, const Id*, int64_t, bool, uint64_t*, int64_t, int); \
    template void random_walks<Id>(const WalkGraph<Id>&, const WalkRule&, const int64_t*, int64_t, int64_t, \
                                   const int64_t*, int64_t, Id*, int);                                      \
    template void count_visits<Id>(const Id*, int64_t, int64_t, int64_t*, int);
GRAPHREP_INSTANTIATE(int32_t)
GRAPHREP_INSTANTIATE(int64_t)

}  // namespace graphrep

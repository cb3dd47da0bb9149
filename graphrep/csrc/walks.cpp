#include "walks.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "parallel.hpp"
#include "random.hpp"

namespace graphrep {
namespace {

constexpr int kLanes = 32;         // walks advanced together by a thread, so that their cache misses overlap
constexpr int kMaxTrials = 64;     // rejections before the exact scan
constexpr int64_t kWalkBlock = 512;  // walks dealt to a thread at a time

inline uint64_t pair_hash(uint64_t u, uint64_t v) { return mix64(u * 0x9e3779b97f4a7c15ULL + v); }

// Two bits of one 64-bit word per arc: a look-up touches a single cache line.
inline uint64_t filter_mask(uint64_t hash) { return (1ULL << (hash >> 58)) | (1ULL << ((hash >> 52) & 63)); }

template <class Id>
inline uint64_t filter_key(Id u, Id v, bool directed) {
    if (!directed && v < u) std::swap(u, v);
    return pair_hash(static_cast<uint64_t>(u), static_cast<uint64_t>(v));
}

// Whether x is in the sorted range: branch-free bisection down to a short run.
template <class Id>
inline bool contains(const Id* row, int64_t length, Id x) {
    while (length > 8) {
        const int64_t half = length / 2;
        row += row[half - 1] < x ? half : 0;
        length -= half;
    }
    bool found = false;
    for (int64_t i = 0; i < length; ++i) found |= row[i] == x;
    return found;
}

// Whether the arc t -> x exists. An undirected graph is searched from its shorter row.
template <class Id>
inline bool has_arc(const WalkGraph<Id>& graph, Id t, Id x) {
    if (graph.filter) {
        const uint64_t hash = filter_key(t, x, graph.directed);
        const uint64_t mask = filter_mask(hash);
        if ((graph.filter[hash & static_cast<uint64_t>(graph.filter_words - 1)] & mask) != mask) return false;
    }
    int64_t begin = graph.indptr[t], length = graph.indptr[t + 1] - begin;
    Id wanted = x;
    if (!graph.directed) {
        const int64_t other = graph.indptr[x], other_length = graph.indptr[x + 1] - other;
        if (other_length < length) begin = other, length = other_length, wanted = t;
    }
    return contains(graph.indices + begin, length, wanted);
}

// Position within the row of v of arc v -> t, or -1.
template <class Id>
inline int64_t find_arc(const WalkGraph<Id>& graph, Id v, Id t) {
    const Id* begin = graph.indices + graph.indptr[v];
    const Id* end = graph.indices + graph.indptr[v + 1];
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
    return uniform_float(rest) < graph.alias_keep[slot] ? slot : begin + graph.alias_slot[slot];
}

template <class Id>
inline Id start_of(const WalkGraph<Id>& graph, const int64_t* starts, int64_t num_starts, int64_t id) {
    return static_cast<Id>(starts ? starts[id % num_starts] : id % graph.num_nodes);
}

template <class Id>
void first_order_block(const WalkGraph<Id>& graph, const WalkRule& rule, const int64_t* walk_ids, int64_t first_walk,
                       int64_t begin, int64_t end, const int64_t* starts, int64_t num_starts, Id* out) {
    const int64_t length = rule.walk_length;
    for (int64_t base = begin; base < end; base += kLanes) {
        const int lanes = static_cast<int>(std::min<int64_t>(kLanes, end - base));
        uint64_t key[kLanes];
        Id at[kLanes];
        int64_t arc[kLanes];
        for (int k = 0; k < lanes; ++k) {
            const int64_t id = walk_ids ? walk_ids[base + k] : first_walk + base + k;
            key[k] = stream_key(rule.seed, static_cast<uint64_t>(id));
            at[k] = start_of(graph, starts, num_starts, id);
            out[(base + k) * length] = at[k];
        }
        for (int64_t step = 1; step < length; ++step) {
            for (int k = 0; k < lanes; ++k) {
                if (at[k] < 0) continue;
                const int64_t row = graph.indptr[at[k]], degree = graph.indptr[at[k] + 1] - row;
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
                    __builtin_prefetch(graph.indptr + at[k]);
                }
                out[(base + k) * length + step] = at[k];
            }
        }
    }
}

// Second order by rejection (Yang et al., KnightKing, SOSP 2019): propose x in proportion to w_vx, accept with
// probability alpha(t, x) / bound. Two refinements: a draw below min(alpha) needs no look-up of the edge t -> x, and
// where returning is the likeliest outcome its excess over the bound is a separate, certain outcome ("folding").
struct Alphas {
    double back, near, far, bound, floor;
    bool fold;
    Alphas(double p, double q) : back(1 / p), near(1), far(1 / q) {
        bound = std::max({back, near, far});
        floor = std::min({back, near, far});
        fold = back > std::max(near, far);
        if (fold) bound = std::max(near, far);
    }
};

template <class Id>
inline double alpha_of(const WalkGraph<Id>& graph, const Alphas& a, Id t, Id x) {
    return x == t ? a.back : has_arc(graph, t, x) ? a.near : a.far;  // x == t comes first: a self loop of t must not hide p
}

// The exact law by a scan of the row: for the rare step whose proposals keep being rejected.
template <class Id>
int64_t exact_step(const WalkGraph<Id>& graph, const Alphas& a, Id t, Id v, double u) {
    const int64_t begin = graph.indptr[v], end = graph.indptr[v + 1];
    double total = 0;
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
    Id previous, current, candidate;
    int64_t row, degree, arc, step, walk;
    double fold_probability, height;
    int trials;
    bool accepted;
};

template <class Id>
void begin_step(const WalkGraph<Id>& graph, const Alphas& a, Lane<Id>& lane) {
    lane.row = graph.indptr[lane.current];
    lane.degree = graph.indptr[lane.current + 1] - lane.row;
    lane.trials = 0;
    lane.fold_probability = 0;
    if (a.fold && lane.step > 1 && lane.degree > 0) {
        double weight = 1, sum = static_cast<double>(lane.degree);
        bool can_return = true;
        if (graph.directed || graph.weights) {
            const int64_t back = find_arc(graph, lane.current, lane.previous);
            can_return = back >= 0;
            if (can_return && graph.weights) weight = graph.weights[back], sum = graph.row_sums[lane.current];
        }
        if (can_return) {
            const double excess = weight * (a.back - a.bound);
            lane.fold_probability = excess / (excess + a.bound * sum);
        }
    }
}

template <class Id>
void second_order_block(const WalkGraph<Id>& graph, const WalkRule& rule, const int64_t* walk_ids, int64_t first_walk,
                        int64_t begin, int64_t end, const int64_t* starts, int64_t num_starts, Id* out) {
    const Alphas a(rule.p, rule.q);
    const int64_t length = rule.walk_length;
    Lane<Id> lanes[kLanes];
    int64_t next_walk = begin;
    auto pad = [&](int64_t walk, int64_t from) {
        for (int64_t s = from; s < length; ++s) out[walk * length + s] = -1;
    };
    // Put the next walk into a lane; false when none is left.
    auto refill = [&](Lane<Id>& lane) {
        while (next_walk < end) {
            const int64_t walk = next_walk++;
            const int64_t id = walk_ids ? walk_ids[walk] : first_walk + walk;
            lane.walk = walk;
            lane.key = stream_key(rule.seed, static_cast<uint64_t>(id));
            lane.counter = 0;
            lane.current = start_of(graph, starts, num_starts, id);
            lane.step = 1;
            out[walk * length] = lane.current;
            begin_step(graph, a, lane);
            if (length > 1 && lane.degree > 0) return true;
            pad(walk, 1);
        }
        return false;
    };
    int active = 0;
    while (active < kLanes && refill(lanes[active])) ++active;
    while (active > 0) {
        for (int k = 0; k < active; ++k) {  // draw
            Lane<Id>& lane = lanes[k];
            lane.accepted = false;
            if (lane.fold_probability > 0 &&
                uniform_double(random_bits(lane.key, lane.counter++)) < lane.fold_probability) {
                lane.candidate = lane.previous;
                lane.accepted = true;
                continue;
            }
            uint64_t rest;
            lane.arc = propose(graph, lane.row, lane.degree, random_bits(lane.key, lane.counter++), rest);
            if (graph.alias_keep) rest = random_bits(lane.key, lane.counter++);
            lane.height = uniform_double(rest) * a.bound;
            __builtin_prefetch(graph.indices + lane.arc);
        }
        for (int k = 0; k < active; ++k) {  // look at the candidate; fetch what judging it needs
            Lane<Id>& lane = lanes[k];
            if (lane.accepted) continue;
            lane.candidate = graph.indices[lane.arc];
            lane.accepted = lane.step == 1 || lane.height < a.floor;
            __builtin_prefetch(graph.indptr + lane.candidate);
            if (!lane.accepted && graph.filter) {
                const uint64_t hash = filter_key(lane.previous, lane.candidate, graph.directed);
                __builtin_prefetch(graph.filter + (hash & static_cast<uint64_t>(graph.filter_words - 1)));
            }
        }
        for (int k = 0; k < active;) {  // judge, then move or try again
            Lane<Id>& lane = lanes[k];
            if (!lane.accepted) {
                lane.accepted = lane.height < std::min(a.bound, alpha_of(graph, a, lane.previous, lane.candidate));
                if (!lane.accepted) {
                    if (++lane.trials < kMaxTrials) {
                        ++k;
                        continue;
                    }
                    const double u = uniform_double(random_bits(lane.key, lane.counter++));
                    lane.candidate = graph.indices[exact_step(graph, a, lane.previous, lane.current, u)];
                }
            }
            out[lane.walk * length + lane.step] = lane.candidate;
            lane.previous = lane.current;
            lane.current = lane.candidate;
            ++lane.step;
            begin_step(graph, a, lane);
            if (lane.step == length || lane.degree == 0) {
                pad(lane.walk, lane.step);
                if (!refill(lane)) {
                    lane = lanes[--active];
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
                if (!directed && indices[e] < u) continue;  // its twin is stored in the other row
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
    (void)num_nodes;
    parallel_blocks(size, 1 << 16, num_threads, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
            if (walks[i] >= 0) __atomic_fetch_add(counts + walks[i], 1, __ATOMIC_RELAXED);
    });
}

#define GRAPHREP_INSTANTIATE(Id)                                                                                       \
    template void build_alias_tables<Id>(const int64_t*, const float*, int64_t, float*, Id*, int);                     \
    template void build_edge_filter<Id>(const int64_t*, const Id*, int64_t, bool, uint64_t*, int64_t, int);            \
    template void random_walks<Id>(const WalkGraph<Id>&, const WalkRule&, const int64_t*, int64_t, int64_t,            \
                                   const int64_t*, int64_t, Id*, int);                                                 \
    template void count_visits<Id>(const Id*, int64_t, int64_t, int64_t*, int);
GRAPHREP_INSTANTIATE(int32_t)
GRAPHREP_INSTANTIATE(int64_t)

}  // namespace graphrep

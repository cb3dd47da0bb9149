#include "walks.hpp"

#include <algorithm>
#include <vector>

#include "walk_steps.hpp"

namespace graphrep {
namespace {

constexpr int64_t kStepsBetweenPolls = 1 << 12;
constexpr int64_t kWalkBlock = 512;  // walks assigned to a thread at a time

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
        if ((*filter_word(graph, hash) & mask) != mask) return false;
    }
    return row_has(graph, t, x);
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
                arc[k] = propose(graph, row, degree, random_bits(key[k], static_cast<uint64_t>(step)));
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

template <class Id>
struct Lane : Trial {
    uint64_t sure;  // heights below need no lookup
    int64_t step;
    Id* out;
    Id previous, current, candidate;
    int trials;
};

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
        for (int k = 0; k < active; ++k) draw(graph, lanes[k]);
        uint64_t masks[kSecondOrderLanes];
        const uint64_t* words[kSecondOrderLanes];
        for (int k = 0; k < active; ++k) {  // read the candidate; prefetch the data that accepting it needs
            Lane<Id>& lane = lanes[k];
            lane.candidate = candidate_of(graph, lane, lane.previous, graph.num_nodes);
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
                const auto exists = [&](int64_t e) { return has_arc(graph, lane.previous, graph.indices[e]); };
                const int64_t arc = exact_step(graph, a, lane.previous, lane.row, lane.row + lane.degree, u, exists);
                lane.candidate = graph.indices[arc];
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
                lane.span = (static_cast<uint64_t>(lane.degree) << kFraction) +
                            excess_of(graph, a, lane, lane.current, lane.previous);
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

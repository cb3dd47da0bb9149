#include "walkers.hpp"

#include <algorithm>
#include <utility>

#include "walk_steps.hpp"

namespace graphrep {
namespace {

constexpr int64_t kWalkerBlock = 1024;         // walkers assigned to a thread at a time
constexpr int64_t kItemBlock = 1 << 14;        // items, likewise
constexpr int kQuestionLanes = 64;             // questions whose cache misses overlap
constexpr int64_t kEnded = -1, kWaiting = -2;  // places

// The number of the row of an own node.
template <class Id>
inline int64_t row_number(const OwnRows<Id>& own, int64_t node) {
    if (node < own.first_node || node - own.first_node >= own.graph.num_nodes)
        bad_id("node", node - own.first_node, own.graph.num_nodes);
    return node - own.first_node;
}

template <class Id>
inline bool owns(const OwnRows<Id>& own, int64_t node) {
    return node >= own.first_node && node - own.first_node < own.graph.num_nodes;
}

template <class Id>
inline EntryRange row_of(const OwnRows<Id>& own, int64_t row) {
    return checked_row(own.graph.indptr, own.graph.num_nodes, own.graph.num_arcs, row);
}

inline int64_t place_of(const StepRule& rule, int64_t walker) {
    return static_cast<int64_t>(static_cast<uint64_t>(walker) * static_cast<uint64_t>(rule.walk.walk_length) +
                                static_cast<uint64_t>(rule.step));
}

inline uint64_t key_of(const StepRule& rule, int64_t walker) {
    return stream_key(rule.walk.seed, static_cast<uint64_t>(rule.first_walk) + static_cast<uint64_t>(walker));
}

// A walker of second order goes on to `node`.
inline void move(const StepRule& rule, int64_t* walker, int64_t* made, int64_t node) {
    made[0] = place_of(rule, walker[0]);
    made[1] = node;
    walker[2] = walker[1];
    walker[1] = node;
}

// What a lookup of an arc needs: the own row that has it, or its reverse, and the other end.
template <class Id>
struct Lookup {
    int64_t row;
    Id column;
    uint64_t mask;
    const uint64_t* word;  // of the filter; null if there is none
};

template <class Id>
inline Lookup<Id> lookup_of(const OwnRows<Id>& own, int64_t row, Id column) {
    Lookup<Id> found{row, column, 0, nullptr};
    if (own.graph.filter) {
        const uint64_t hash = filter_key(static_cast<Id>(row), column, true);
        found.mask = filter_mask(hash);
        found.word = filter_word(own.graph, hash);
        __builtin_prefetch(found.word);
    }
    return found;
}

template <class Id>
inline bool exists(const OwnRows<Id>& own, const Lookup<Id>& lookup) {
    if (lookup.word && (*lookup.word & lookup.mask) != lookup.mask) return false;
    const auto [begin, end] = row_of(own, lookup.row);
    return contains(own.graph.indices + begin, end - begin, lookup.column);
}

// Whether this process knows if there is an arc from t to x, and the lookup that tells it.
template <class Id>
inline bool knows(const OwnRows<Id>& own, Id t, Id x, Lookup<Id>& lookup) {
    const bool forward = owns(own, t);
    if (!forward && (own.directed || !owns(own, x))) return false;
    lookup = forward ? lookup_of(own, row_number(own, t), x) : lookup_of(own, row_number(own, x), t);
    return true;
}

struct Question {
    int64_t source, target, asker, drawn;
};

template <class Id>
struct WalkerLane : Trial {
    Lookup<Id> lookup;
    int64_t index;
    Id previous, candidate;
    int trials;
    bool open, known, waits;  // the last trial depends on an arc, of which this process knows; another one asks
};

template <class Id>
void try_block(const OwnRows<Id>& own, const StepRule& rule, int64_t* walkers, int64_t begin, int64_t end,
               int64_t* made, Vector<Question>& asked) {
    const Alphas a(rule.walk.p, rule.walk.q);
    const bool first = rule.step == 1, same_excess = !own.directed && !own.graph.weights;
    const bool alike = first || a.near == a.far;  // arcs from the node before do not matter
    // The first step, before which there is no node, is of first order. Heights below `either` are accepted with an arc
    // and without one.
    const uint64_t back = first ? kOne : a.back_limit, either = first ? kOne : std::min(a.near_limit, a.far_limit);
    WalkerLane<Id> lanes[kSecondOrderLanes];
    int64_t next = begin;
    const auto refill = [&](WalkerLane<Id>& lane) {
        while (next < end) {
            const int64_t index = next++;
            if (index + kSecondOrderLanes < end) {
                const int64_t later = walkers[4 * (index + kSecondOrderLanes) + 1];
                if (owns(own, later)) __builtin_prefetch(own.graph.indptr + (later - own.first_node));
            }
            int64_t* walker = walkers + 4 * index;
            const int64_t row = walker[1] < 0 ? 0 : row_number(own, walker[1]);
            const auto [row_begin, row_end] = walker[1] < 0 ? EntryRange{0, 0} : row_of(own, row);
            if (row_begin == row_end) {
                made[2 * index] = made[2 * index + 1] = walker[1] = kEnded;
                continue;
            }
            check_id("the node before", walker[2], own.num_nodes);
            lane.key = key_of(rule, walker[0]);
            lane.counter = static_cast<uint64_t>(walker[3]);
            lane.row = row_begin;
            lane.degree = row_end - row_begin;
            lane.index = index;
            lane.previous = static_cast<Id>(walker[2]);
            lane.trials = 0;
            lane.waits = false;
            lane.span = static_cast<uint64_t>(lane.degree) << kFraction;
            if (!first)
                lane.span += same_excess ? Alphas::fixed(a.excess) : excess_of(own.graph, a, lane, row, lane.previous);
            return true;
        }
        return false;
    };
    int active = 0;
    while (active < kSecondOrderLanes && refill(lanes[active])) ++active;
    while (active > 0) {
        for (int k = 0; k < active; ++k) draw(own.graph, lanes[k]);
        for (int k = 0; k < active; ++k) {
            WalkerLane<Id>& lane = lanes[k];
            lane.candidate = candidate_of(own.graph, lane, lane.previous, own.num_nodes);
            lane.open = (lane.height >= either) & (lane.candidate != lane.previous) & !alike;
            lane.known = lane.open && knows(own, lane.previous, lane.candidate, lane.lookup);
        }
        for (int k = 0; k < active;) {
            WalkerLane<Id>& lane = lanes[k];
            uint64_t limit = lane.candidate == lane.previous ? back : either;
            if (lane.known) limit = exists(own, lane.lookup) ? a.near_limit : a.far_limit;
            bool accepted = lane.height < limit;
            if (lane.open & !lane.known) {
                asked.push_back({lane.previous, lane.candidate, lane.index, static_cast<int64_t>(lane.counter)});
                lane.waits = true;
            }
            if (!accepted && ++lane.trials < kMaxTrials) {
                ++k;
                continue;
            }
            if (!accepted && !lane.waits && (alike || owns(own, lane.previous))) {
                const double u = uniform_double(random_bits(lane.key, lane.counter++));
                const auto has_arc = [&](int64_t e) {
                    if (alike) return false;
                    return exists(own, lookup_of(own, row_number(own, lane.previous), own.graph.indices[e]));
                };
                const int64_t arc =
                    exact_step(own.graph, a, lane.previous, lane.row, lane.row + lane.degree, u, has_arc);
                lane.candidate = own.graph.indices[arc];
                check_id("indices", lane.candidate, own.num_nodes);
                accepted = true;
            }
            int64_t* walker = walkers + 4 * lane.index;
            int64_t* moved = made + 2 * lane.index;
            walker[3] = static_cast<int64_t>(lane.counter);
            if (accepted && !lane.waits) {
                move(rule, walker, moved, lane.candidate);
            } else {
                moved[0] = kWaiting;
                moved[1] = accepted ? lane.candidate : -1;
            }
            if (refill(lane))
                ++k;
            else
                lane = lanes[--active];
        }
    }
}

// The number of the first question of a walker from `begin` on, which begins a block.
int64_t first_question(const int64_t* askers, int64_t num_questions, int64_t begin) {
    int64_t low = 0, high = num_questions;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (askers[2 * middle] < begin)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// All blocks' items, in the order of the blocks.
template <class T>
Buffer<T> joined(const Vector<Vector<T>>& blocks) {
    int64_t size = 0;
    for (const auto& block : blocks) size += static_cast<int64_t>(block.size());
    Buffer<T> out(size);
    T* next = out.data();
    for (const auto& block : blocks) next = std::copy(block.begin(), block.end(), next);
    return out;
}

inline int64_t num_blocks(int64_t n, int64_t block) { return (n + block - 1) / block; }

inline int64_t process_of(const int64_t* ends, int64_t num_processes, int64_t number) {
    int64_t process = 0;
    if (num_processes > 16) {
        process = std::upper_bound(ends, ends + num_processes, number) - ends;
    } else {
        for (int64_t i = 0; i < num_processes; ++i) process += number >= ends[i];
    }
    check_id("the process of an item", process, num_processes);
    return process;
}

}  // namespace

template <class Id>
void step_walkers(const OwnRows<Id>& own, const StepRule& rule, int64_t* walkers, int64_t num_walkers, int64_t* made,
                  int num_threads) {
    const WalkGraph<Id>& graph = own.graph;
    parallel_blocks(num_walkers, kWalkerBlock, num_threads, [&](int64_t begin, int64_t end) {
        for (int64_t base = begin; base < end; base += kFirstOrderLanes) {
            const int lanes = static_cast<int>(std::min<int64_t>(kFirstOrderLanes, end - base));
            int64_t row[kFirstOrderLanes], arc[kFirstOrderLanes];
            for (int k = 0; k < lanes; ++k) {
                const int64_t node = walkers[2 * (base + k) + 1];
                row[k] = node < 0 ? -1 : row_number(own, node);
                if (node >= 0) __builtin_prefetch(graph.indptr + row[k]);
            }
            for (int k = 0; k < lanes; ++k) {
                if (row[k] < 0) continue;
                const auto [row_begin, row_end] = row_of(own, row[k]);
                if (row_begin == row_end) {
                    row[k] = -1;
                    continue;
                }
                const uint64_t key = key_of(rule, walkers[2 * (base + k)]);
                arc[k] =
                    propose(graph, row_begin, row_end - row_begin, random_bits(key, static_cast<uint64_t>(rule.step)));
                __builtin_prefetch(graph.indices + arc[k]);
            }
            for (int k = 0; k < lanes; ++k) {
                int64_t* walker = walkers + 2 * (base + k);
                int64_t* moved = made + 2 * (base + k);
                const bool alive = row[k] >= 0;
                walker[1] = alive ? graph.indices[arc[k]] : kEnded;
                if (alive) check_id("indices", walker[1], own.num_nodes);
                moved[0] = alive ? place_of(rule, walker[0]) : kEnded;
                moved[1] = walker[1];
            }
        }
    });
}

template <class Id>
Questions try_steps(const OwnRows<Id>& own, const StepRule& rule, int64_t* walkers, int64_t num_walkers, int64_t* made,
                    int num_threads) {
    Vector<Vector<Question>> asked(static_cast<size_t>(num_blocks(num_walkers, kWalkerBlock)));
    parallel_blocks(num_walkers, kWalkerBlock, num_threads, [&](int64_t begin, int64_t end) {
        try_block(own, rule, walkers, begin, end, made, asked[static_cast<size_t>(begin / kWalkerBlock)]);
    });
    int64_t size = 0;
    for (const auto& block : asked) size += static_cast<int64_t>(block.size());
    Questions out{Buffer<int64_t>(2 * size), Buffer<int64_t>(2 * size)};
    int64_t i = 0;
    for (const auto& block : asked)
        for (const Question& question : block) {
            out.pairs[i] = question.source;
            out.pairs[i + 1] = question.target;
            out.askers[i] = question.asker;
            out.askers[i + 1] = question.drawn;
            i += 2;
        }
    return out;
}

Buffer<int64_t> settle_steps(const StepRule& rule, const int64_t* pairs, const int64_t* askers, const int64_t* where,
                             int64_t num_questions, const uint8_t* answers, int64_t num_answers, int64_t* walkers,
                             int64_t num_walkers, int64_t* made, int num_threads) {
    const Alphas a(rule.walk.p, rule.walk.q);
    const bool wanted = a.near > a.far;                      // the answer that accepts
    for (const int64_t i : {int64_t{0}, num_questions - 1})  // of the others, those that no block has are out of order
        if (num_questions > 0) check_id("askers", askers[2 * i], num_walkers);
    Vector<Vector<int64_t>> rest(static_cast<size_t>(num_blocks(num_walkers, kWalkerBlock)));
    parallel_blocks(num_walkers, kWalkerBlock, num_threads, [&](int64_t begin, int64_t end) {
        const int64_t last = first_question(askers, num_questions, end);
        for (int64_t i = first_question(askers, num_questions, begin); i < last; ++i) {
            const int64_t index = askers[2 * i], drawn = askers[2 * i + 1];
            if (index < begin || index >= end) bad_id("askers", index, end);
            check_id("where", where[i], num_answers);
            if ((answers[where[i]] != 0) != wanted) continue;
            // The first trial that is accepted counts: the one with the fewest draws.
            int64_t& node = made[2 * index + 1];
            if (node >= 0 && drawn >= walkers[4 * index + 3]) continue;
            node = pairs[2 * i + 1];
            walkers[4 * index + 3] = drawn;
        }
        for (int64_t index = begin; index < end; ++index) {
            if (made[2 * index] != kWaiting) continue;
            if (made[2 * index + 1] >= 0)
                move(rule, walkers + 4 * index, made + 2 * index, made[2 * index + 1]);
            else
                rest[static_cast<size_t>(begin / kWalkerBlock)].push_back(index);
        }
    });
    return joined(rest);
}

template <class Id>
void scan_steps(const OwnRows<Id>& own, const StepRule& rule, const int64_t* rows, const int64_t* offsets,
                int64_t num_rows, const uint8_t* answers, int64_t num_answers, int64_t* walkers, int64_t num_walkers,
                int64_t* made, int num_threads) {
    const Alphas a(rule.walk.p, rule.walk.q);
    parallel_blocks(num_rows, 64, num_threads, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            check_id("rows", rows[i], num_walkers);
            int64_t* walker = walkers + 4 * rows[i];
            const auto [begin, end] = row_of(own, row_number(own, walker[1]));
            const auto answered = checked_row(offsets, num_rows, num_answers, i);
            if (begin == end || answered.end - answered.begin != end - begin)
                bad_argument("there must be an answer for each arc of a node, which must have some.");
            check_id("the node before", walker[2], own.num_nodes);
            const uint64_t drawn = static_cast<uint64_t>(walker[3]);
            const double u = uniform_double(random_bits(key_of(rule, walker[0]), drawn));
            const auto has_arc = [&, from = begin](int64_t e) { return answers[answered.begin + e - from] != 0; };
            const int64_t arc = exact_step(own.graph, a, static_cast<Id>(walker[2]), begin, end, u, has_arc);
            check_id("indices", own.graph.indices[arc], own.num_nodes);
            walker[3] = static_cast<int64_t>(drawn + 1);
            move(rule, walker, made + 2 * rows[i], own.graph.indices[arc]);
        }
    });
}

template <class Id>
void answer_questions(const OwnRows<Id>& own, const int64_t* pairs, int64_t num_pairs, uint8_t* answers,
                      int num_threads) {
    parallel_blocks(num_pairs, kItemBlock, num_threads, [&](int64_t begin, int64_t end) {
        for (int64_t base = begin; base < end; base += kQuestionLanes) {
            const int64_t lanes = std::min<int64_t>(kQuestionLanes, end - base);
            Lookup<Id> lookup[kQuestionLanes];
            for (int64_t k = 0; k < lanes; ++k) {
                const int64_t row = row_number(own, pairs[2 * (base + k)]), target = pairs[2 * (base + k) + 1];
                check_id("target", target, own.num_nodes);
                lookup[k] = lookup_of(own, row, static_cast<Id>(target));
                __builtin_prefetch(own.graph.indptr + row);
            }
            for (int64_t k = 0; k < lanes; ++k) answers[base + k] = exists(own, lookup[k]);
        }
    });
}

void route_items(const int64_t* items, int64_t num_items, int64_t width, int64_t column, const int64_t* ends,
                 int64_t num_processes, int64_t* counts, int64_t* out, int64_t* where, int num_threads) {
    const int64_t blocks = num_blocks(num_items, kItemBlock);
    Buffer<int64_t> next(blocks * num_processes);
    std::fill_n(next.data(), next.size(), 0);
    parallel_blocks(num_items, kItemBlock, num_threads, [&](int64_t begin, int64_t end) {
        int64_t* own = next.data() + begin / kItemBlock * num_processes;
        for (int64_t i = begin; i < end; ++i) {
            const int64_t number = items[i * width + column];
            if (number >= 0) ++own[process_of(ends, num_processes, number)];
        }
    });
    int64_t total = 0;  // places by process, then by block
    for (int64_t process = 0; process < num_processes; ++process) {
        const int64_t before = total;
        for (int64_t block = 0; block < blocks; ++block)
            total += std::exchange(next[block * num_processes + process], total);
        counts[process] = total - before;
    }
    parallel_blocks(num_items, kItemBlock, num_threads, [&](int64_t begin, int64_t end) {
        int64_t* own = next.data() + begin / kItemBlock * num_processes;
        for (int64_t i = begin; i < end; ++i) {
            const int64_t* item = items + i * width;
            const int64_t number = item[column];
            const int64_t place = number < 0 ? -1 : own[process_of(ends, num_processes, number)]++;
            if (place >= 0) std::copy_n(item, width, out + place * width);
            if (where) where[i] = place;
        }
    });
}

template <class Id>
void place_nodes(const int64_t* made, int64_t num_made, int64_t first_place, Id* out, int64_t size, int num_threads) {
    parallel_blocks(num_made, kItemBlock, num_threads, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t place = made[2 * i];
            if (place < 0) continue;
            if (place < first_place || place - first_place >= size) bad_id("place", place, size);
            out[place - first_place] = static_cast<Id>(made[2 * i + 1]);
        }
    });
}

#define GRAPHREP_INSTANTIATE(Id)                                                                               \
    template void step_walkers<Id>(const OwnRows<Id>&, const StepRule&, int64_t*, int64_t, int64_t*, int);     \
    template Questions try_steps<Id>(const OwnRows<Id>&, const StepRule&, int64_t*, int64_t, int64_t*, int);   \
    template void scan_steps<Id>(const OwnRows<Id>&, const StepRule&, const int64_t*, const int64_t*, int64_t, \
                                 const uint8_t*, int64_t, int64_t*, int64_t, int64_t*, int);                   \
    template void answer_questions<Id>(const OwnRows<Id>&, const int64_t*, int64_t, uint8_t*, int);            \
    template void place_nodes<Id>(const int64_t*, int64_t, int64_t, Id*, int64_t, int);
GRAPHREP_INSTANTIATE(int32_t)
GRAPHREP_INSTANTIATE(int64_t)

}  // namespace graphrep

#include "sampling.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

#include "checks.hpp"
#include "id_map.hpp"
#include "parallel.hpp"
#include "random.hpp"

namespace graphrep {
namespace {

constexpr int64_t nodes_per_block = 256;
constexpr int64_t prefetch_distance = 8;
constexpr int64_t little_work = 1 << 15;  // draws that take no longer than waking other threads

// Memory of one thread.
struct Scratch {
    std::vector<uint64_t> marked;
    std::vector<double> sums;
    std::vector<std::pair<double, int64_t>> keys;
};

// k distinct places of n > k, each set equally likely (Floyd; Bentley 1987).
void draw_distinct(int64_t n, int64_t k, uint64_t key, Scratch& scratch, int64_t* out) {
    if (static_cast<int64_t>(scratch.marked.size()) < (n + 63) / 64) scratch.marked.resize((n + 63) / 64);
    uint64_t* marked = scratch.marked.data();  // all zero between calls
    for (int64_t j = 0; j < k; ++j) {
        int64_t t = static_cast<int64_t>(bounded(random_bits(key, j), n - k + j + 1));
        if (marked[t / 64] >> (t % 64) & 1) t = n - k + j;
        marked[t / 64] |= uint64_t{1} << (t % 64);
        out[j] = t;
    }
    for (int64_t j = 0; j < k; ++j) marked[out[j] / 64] = 0;
}

// k places in proportion to weights, with replacement; 0 if all weights are zero, -1 if a weight is invalid.
template <class Weight>
int64_t draw_weighted(const Weight* weights, int64_t n, int64_t k, uint64_t key, Scratch& scratch, int64_t* out) {
    scratch.sums.resize(static_cast<size_t>(n));
    double total = 0;
    int64_t last = -1;
    for (int64_t i = 0; i < n; ++i) {
        if (!(weights[i] >= 0 && std::isfinite(weights[i]))) return -1;
        if (weights[i] > 0) last = i;
        scratch.sums[i] = total += weights[i];
    }
    if (last < 0) return 0;
    for (int64_t j = 0; j < k; ++j) {
        const double point = uniform_double(random_bits(key, j)) * total;
        const int64_t at = std::upper_bound(scratch.sums.begin(), scratch.sums.end(), point) - scratch.sums.begin();
        out[j] = std::min(at, last);
    }
    return k;
}

// The k smallest keys -log(1 - u) / w, places ascending; fewer if fewer weights are positive, -1 if a weight is
// invalid.
template <class Weight>
int64_t draw_weighted_distinct(const Weight* weights, int64_t n, int64_t k, uint64_t key, Scratch& scratch,
                               int64_t* out) {
    auto& keys = scratch.keys;
    keys.clear();
    for (int64_t i = 0; i < n; ++i) {
        if (!(weights[i] >= 0 && std::isfinite(weights[i]))) return -1;
        if (weights[i] == 0) continue;
        const double u = uniform_double(random_bits(key, i));
        if (static_cast<int64_t>(keys.size()) == k) {
            if (u >= keys.front().first * weights[i]) continue;  // -log(1 - u) >= u: most need no logarithm
            const double value = -std::log1p(-u) / weights[i];
            if (value >= keys.front().first) continue;
            std::pop_heap(keys.begin(), keys.end());
            keys.back() = {value, i};
        } else {
            keys.emplace_back(-std::log1p(-u) / weights[i], i);
        }
        std::push_heap(keys.begin(), keys.end());
    }
    for (size_t j = 0; j < keys.size(); ++j) out[j] = keys[j].second;
    std::sort(out, out + keys.size());
    return static_cast<int64_t>(keys.size());
}

Buffer<int64_t> grown(const Buffer<int64_t>& old, int64_t used, int64_t size) {
    Buffer<int64_t> result(size);
    if (used) std::memcpy(result.data(), old.data(), static_cast<size_t>(used) * sizeof(int64_t));
    return result;
}

// Number of entries, from `first` on, that are not later than `time`; the row ascends by time.
template <class Id>
int64_t not_later(const Id* indices, const int64_t* entry_time, const int64_t* node_time, int64_t num_times,
                  int64_t first, int64_t size, int64_t time) {
    int64_t low = 0, high = size;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (!entry_time) check_id("node", indices[first + middle], num_times);
        const int64_t at = entry_time ? entry_time[first + middle] : node_time[indices[first + middle]];
        if (at <= time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// Bits for the number of an example, in the lower part of the key of a node of that example.
int bits_for(int64_t examples) {
    int bits = 0;
    while (bits < 62 && (int64_t{1} << bits) < examples) ++bits;
    return bits;
}

template <class Id, class Weight, bool disjoint>
class Sampler {
   public:
    using Key = std::conditional_t<disjoint, int64_t, Id>;

    Sampler(const NeighborSampling<Id, Weight>& task, int num_threads) : task_(task), threads_(num_threads) {}

    NeighborSample run() {
        NeighborSample sample;
        start(sample);
        sample.edges.resize(task_.relations.size());
        used_.assign(task_.relations.size(), 0);
        const uint64_t batch_key = stream_key(task_.seed, task_.batch);
        for (int64_t hop = 0; hop < task_.hops; ++hop) {
            const uint64_t hop_key = stream_key(batch_key, static_cast<uint64_t>(hop));
            for (size_t r = 0; r < task_.relations.size(); ++r) {
                expand(r, task_.relations[r].fanouts[hop],
                       task_.relations.size() == 1 ? hop_key : stream_key(hop_key, r), sample);
                if (sample.bad_node >= 0) return sample;
            }
            for (size_t t = 0; t < types_.size(); ++t) {
                Type& type = types_[t];
                type.begin = type.end;
                type.end = static_cast<int64_t>(type.nodes.size());
                sample.nodes[t].per_hop.push_back(type.end - type.begin);
            }
        }
        finish(sample);
        return sample;
    }

   private:
    struct Type {
        explicit Type(int64_t expected) : place(expected) {}
        IdMap<Key> place;
        std::vector<int64_t> nodes;
        std::vector<int64_t> examples;  // empty unless disjoint
        int64_t begin = 0, end = 0;     // the nodes that the next hop expands
    };

    Key key_of(int64_t node, int64_t example) const {
        if constexpr (disjoint) return node << example_bits_ | example;
        return static_cast<Key>(node);
    }

    void start(NeighborSample& sample) {
        int64_t example = 0;
        for (const Seeds& seeds : task_.seeds) example += seeds.count;
        example_bits_ = bits_for(example);
        example = 0;
        sizes_.assign(task_.seeds.size(), INT64_MAX >> example_bits_);
        for (const Relation<Id, Weight>& relation : task_.relations) {
            check_id("type", relation.target, int64_t(task_.seeds.size()));
            check_id("type", relation.source, int64_t(task_.seeds.size()));
            sizes_[relation.target] = std::min(sizes_[relation.target], relation.num_rows);
        }
        types_.reserve(task_.seeds.size());
        for (const Seeds& seeds : task_.seeds) {
            Type& type = types_.emplace_back(2 * seeds.count);
            check_ids("seed", seeds.ids, seeds.count, sizes_[types_.size() - 1]);
            type.nodes.assign(seeds.ids, seeds.ids + seeds.count);
            type.end = seeds.count;
            for (int64_t i = 0; i < seeds.count; ++i, ++example) {
                type.place.insert(key_of(seeds.ids[i], example), static_cast<Key>(i));
                if constexpr (disjoint) type.examples.push_back(example);
            }
            sample.nodes.emplace_back().per_hop.push_back(seeds.count);
        }
    }

    void expand(size_t r, int64_t fanout, uint64_t key, NeighborSample& sample) {
        const Relation<Id, Weight>& relation = task_.relations[r];
        NeighborSample::Edges& edges = sample.edges[r];
        const int64_t begin = types_[relation.target].begin, end = types_[relation.target].end;
        plan(relation, begin, end, fanout);
        const int64_t room = used_[r] + first_[end - begin];
        edges.row = grown(edges.row, used_[r], room);
        edges.col = grown(edges.col, used_[r], room);
        edges.edge = grown(edges.edge, used_[r], room);
        sample.bad_node = draw(relation, begin, end, fanout, key, used_[r], edges);
        if (sample.bad_node >= 0) return;
        const int64_t drawn = close_gaps(relation, end - begin, used_[r], edges);
        number(relation, used_[r], used_[r] + drawn, edges);
        used_[r] += drawn;
        edges.per_hop.push_back(drawn);
    }

    static EntryRange row_of(const Relation<Id, Weight>& relation, int64_t node) {
        return checked_row(relation.indptr, relation.num_rows, relation.num_entries, node);
    }

    // Room for the draws of every node of the frontier.
    void plan(const Relation<Id, Weight>& relation, int64_t begin, int64_t end, int64_t fanout) {
        const std::vector<int64_t>& nodes = types_[relation.target].nodes;
        first_.resize(static_cast<size_t>(end - begin) + 1);
        drawn_.resize(static_cast<size_t>(end - begin));
        first_[0] = 0;
        for (int64_t i = begin; i < end; ++i) {
            if (i + prefetch_distance < end) __builtin_prefetch(relation.indptr + nodes[i + prefetch_distance]);
            const EntryRange row = row_of(relation, nodes[i]);
            const int64_t n = row.end - row.begin;
            const int64_t k = fanout < 0 ? n : (task_.replace && n ? fanout : std::min(n, fanout));
            first_[i - begin + 1] = first_[i - begin] + k;
        }
    }

    // Returns a node with an invalid weight, or -1.
    int64_t draw(const Relation<Id, Weight>& relation, int64_t begin, int64_t end, int64_t fanout,
                 uint64_t relation_key, int64_t used, NeighborSample::Edges& edges) {
        const Type& type = types_[relation.target];
        std::atomic<int64_t> bad{INT64_MAX};
        const bool easy = !relation.weights && !relation.entry_time && !relation.node_time;
        const bool small = first_[end - begin] < (easy ? little_work : little_work / 8);
        parallel_blocks(end - begin, nodes_per_block, small ? 1 : threads_, [&](int64_t low, int64_t high) {
            Scratch scratch;
            std::vector<int64_t> chosen;
            for (int64_t i = low; i < high; ++i) {
                if (i + prefetch_distance < high)
                    __builtin_prefetch(relation.indices + relation.indptr[type.nodes[begin + i + prefetch_distance]]);
                const int64_t node = type.nodes[begin + i], at = used + first_[i];
                const int64_t room = first_[i + 1] - first_[i];
                if (static_cast<int64_t>(chosen.size()) < room) chosen.resize(static_cast<size_t>(room));
                uint64_t key = stream_key(relation_key, static_cast<uint64_t>(node));
                const EntryRange row = row_of(relation, node);
                int64_t from = row.begin, n = row.end - from;
                if constexpr (disjoint) {
                    const int64_t example = type.examples[begin + i];
                    key = stream_key(key, static_cast<uint64_t>(example));
                    if (!easy && (relation.entry_time || relation.node_time)) {
                        n = not_later(relation.indices, relation.entry_time, relation.node_time, relation.num_times,
                                      from, n, task_.seed_time[example]);
                        if (task_.last && fanout >= 0 && n > fanout) from += n - fanout, n = fanout;
                    }
                }
                const int64_t k = choose(relation, from, n, fanout < 0, room, key, scratch, chosen.data());
                if (k < 0) {
                    int64_t seen = bad.load();
                    while (node < seen && !bad.compare_exchange_weak(seen, node)) {
                    }
                    return;
                }
                drawn_[i] = k;
                for (int64_t j = 0; j < k; ++j) {
                    const int64_t entry = from + chosen[j];
                    edges.row[at + j] = relation.indices[entry];
                    edges.col[at + j] = begin + i;
                    edges.edge[at + j] = relation.edge_ids ? relation.edge_ids[entry] : entry;
                }
            }
        });
        return bad.load() == INT64_MAX ? -1 : bad.load();
    }

    // Choose at most `room` of the n entries after `from`; returns the number found, -1 for an invalid weight.
    int64_t choose(const Relation<Id, Weight>& relation, int64_t from, int64_t n, bool all, int64_t room, uint64_t key,
                   Scratch& scratch, int64_t* out) const {
        const bool replace = task_.replace && !all;
        const int64_t k = replace ? (n ? room : 0) : std::min(n, room);
        if (k == 0) return 0;
        if (relation.weights) {
            const Weight* weights = relation.weights + from;
            return replace ? draw_weighted(weights, n, k, key, scratch, out)
                           : draw_weighted_distinct(weights, n, k, key, scratch, out);
        }
        if (replace) {
            for (int64_t j = 0; j < k; ++j) out[j] = static_cast<int64_t>(bounded(random_bits(key, j), n));
        } else if (k == n) {
            for (int64_t j = 0; j < n; ++j) out[j] = j;
        } else {
            draw_distinct(n, k, key, scratch, out);
        }
        return k;
    }

    // Close the gaps after nodes with fewer draws than planned; returns the number of draws.
    int64_t close_gaps(const Relation<Id, Weight>& relation, int64_t nodes, int64_t used,
                       NeighborSample::Edges& edges) {
        if (!relation.weights && !relation.entry_time && !relation.node_time) return first_[nodes];
        int64_t to = 0;
        for (int64_t i = 0; i < nodes; ++i) {
            for (Buffer<int64_t>* part : {&edges.row, &edges.col, &edges.edge})
                std::move(part->data() + used + first_[i], part->data() + used + first_[i] + drawn_[i],
                          part->data() + used + to);
            to += drawn_[i];
        }
        return to;
    }

    // Replace ids by positions among the nodes of their type, appending those that are new.
    void number(const Relation<Id, Weight>& relation, int64_t begin, int64_t end, NeighborSample::Edges& edges) {
        Type& type = types_[relation.source];
        const Type& target = types_[relation.target];
        const auto key = [&](int64_t e) {
            if constexpr (disjoint) return key_of(edges.row[e], target.examples[edges.col[e]]);
            return static_cast<Key>(edges.row[e]);
        };
        check_ids("node", edges.row.data() + begin, end - begin, sizes_[relation.source]);
        for (int64_t e = begin; e < end; ++e) {
            if (e + prefetch_distance < end) type.place.prefetch(key(e + prefetch_distance));
            const Key fresh = static_cast<Key>(type.nodes.size());
            const Key local = type.place.insert(key(e), fresh);
            if (local == fresh) {
                type.nodes.push_back(edges.row[e]);
                if constexpr (disjoint) type.examples.push_back(target.examples[edges.col[e]]);
            }
            edges.row[e] = local;
        }
    }

    void finish(NeighborSample& sample) {
        for (size_t r = 0; r < sample.edges.size(); ++r)
            for (Buffer<int64_t>* part : {&sample.edges[r].row, &sample.edges[r].col, &sample.edges[r].edge}) {
                if (!*part) *part = Buffer<int64_t>(0);
                part->truncate(used_[r]);
            }
        for (size_t t = 0; t < types_.size(); ++t) {
            sample.nodes[t].node = copied(types_[t].nodes);
            if constexpr (disjoint) sample.nodes[t].example = copied(types_[t].examples);
        }
    }

    static Buffer<int64_t> copied(const std::vector<int64_t>& values) {
        Buffer<int64_t> result(static_cast<int64_t>(values.size()));
        std::copy(values.begin(), values.end(), result.data());
        return result;
    }

    const NeighborSampling<Id, Weight>& task_;
    const int threads_;
    int example_bits_ = 0;
    std::vector<int64_t> sizes_;  // nodes per type, as far as relations say
    std::vector<Type> types_;
    std::vector<int64_t> used_;   // edges of each relation
    std::vector<int64_t> first_;  // of the frontier that is expanded now
    std::vector<int64_t> drawn_;
};

template <class Id, bool disjoint>
NeighborSample::Edges induced(const InducedTask<Id>& task, int num_threads) {
    using Key = std::conditional_t<disjoint, int64_t, Id>;
    const int64_t n = task.num_nodes;
    int64_t examples = 0;
    if constexpr (disjoint)
        for (int64_t i = 0; i < n; ++i) {
            check_id("example", task.examples[i], INT64_MAX);
            examples = std::max(examples, task.examples[i] + 1);
        }
    const int bits = bits_for(examples);
    check_ids("node", task.nodes, n, std::min(task.num_rows, INT64_MAX >> bits));
    if constexpr (disjoint)
        if (task.entry_time || task.node_time) check_ids("example", task.examples, n, task.num_seeds);
    const auto key = [&](int64_t node, int64_t i) {
        if constexpr (disjoint) return node << bits | task.examples[i];
        return static_cast<Key>(node);
    };
    IdMap<Key> place(n);
    for (int64_t i = 0; i < n; ++i) place.insert(key(task.nodes[i], i), static_cast<Key>(i));
    struct Found {
        std::vector<int64_t> row, col, edge;
    };
    std::vector<Found> blocks(static_cast<size_t>((n + nodes_per_block - 1) / nodes_per_block));
    parallel_blocks(n, nodes_per_block, num_threads, [&](int64_t low, int64_t high) {
        Found& found = blocks[static_cast<size_t>(low / nodes_per_block)];
        for (int64_t i = low; i < high; ++i) {
            const EntryRange range = checked_row(task.indptr, task.num_rows, task.num_entries, task.nodes[i]);
            const int64_t from = range.begin;
            int64_t size = range.end - from;
            if constexpr (disjoint)
                if (task.entry_time || task.node_time)
                    size = not_later(task.indices, task.entry_time, task.node_time, task.num_times, from, size,
                                     task.seed_time[task.examples[i]]);
            for (int64_t entry = from; entry < from + size; ++entry) {
                if (entry + prefetch_distance < from + size)
                    place.prefetch(key(task.indices[entry + prefetch_distance], i));
                const int64_t source = place.find(key(task.indices[entry], i));
                if (source < 0) continue;
                found.row.push_back(source);
                found.col.push_back(i);
                found.edge.push_back(task.edge_ids ? task.edge_ids[entry] : entry);
            }
        }
    });
    int64_t total = 0;
    for (const Found& found : blocks) total += static_cast<int64_t>(found.row.size());
    NeighborSample::Edges edges;
    edges.row = Buffer<int64_t>(total), edges.col = Buffer<int64_t>(total), edges.edge = Buffer<int64_t>(total);
    int64_t at = 0;
    for (const Found& found : blocks) {
        std::copy(found.row.begin(), found.row.end(), edges.row.data() + at);
        std::copy(found.col.begin(), found.col.end(), edges.col.data() + at);
        std::copy(found.edge.begin(), found.edge.end(), edges.edge.data() + at);
        at += static_cast<int64_t>(found.row.size());
    }
    return edges;
}

}  // namespace

template <class Id, class Weight>
NeighborSample sample_neighbors(const NeighborSampling<Id, Weight>& task, int num_threads) {
    return task.disjoint ? Sampler<Id, Weight, true>(task, num_threads).run()
                         : Sampler<Id, Weight, false>(task, num_threads).run();
}

template <class Id>
NeighborSample::Edges induced_edges(const InducedTask<Id>& task, int num_threads) {
    return task.examples ? induced<Id, true>(task, num_threads) : induced<Id, false>(task, num_threads);
}

#define GRAPHREP_INSTANTIATE(Id, Weight) \
    template NeighborSample sample_neighbors(const NeighborSampling<Id, Weight>&, int);
GRAPHREP_INSTANTIATE(int32_t, float)
GRAPHREP_INSTANTIATE(int32_t, double)
GRAPHREP_INSTANTIATE(int64_t, float)
GRAPHREP_INSTANTIATE(int64_t, double)
#undef GRAPHREP_INSTANTIATE
template NeighborSample::Edges induced_edges(const InducedTask<int32_t>&, int);
template NeighborSample::Edges induced_edges(const InducedTask<int64_t>&, int);

}  // namespace graphrep

#include "sampling.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <utility>

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

template <class Id, class Weight>
class Sampler {
   public:
    Sampler(const NeighborSampling<Id, Weight>& task, int num_threads) : task_(task), threads_(num_threads) {}

    NeighborSample run(const int64_t* seeds, int64_t num_seeds) {
        IdMap<Id> place(2 * num_seeds);
        nodes_.assign(seeds, seeds + num_seeds);
        for (int64_t i = 0; i < num_seeds; ++i) place.insert(static_cast<Id>(seeds[i]), static_cast<Id>(i));
        NeighborSample sample;
        sample.nodes_per_hop.push_back(num_seeds);
        const uint64_t batch_key = stream_key(task_.seed, task_.batch);
        int64_t begin = 0, used = 0;
        for (int64_t hop = 0; hop < task_.hops; ++hop) {
            const int64_t end = static_cast<int64_t>(nodes_.size());
            plan(begin, end, task_.fanouts[hop]);
            const int64_t room = used + first_[end - begin];
            sample.row = grown(sample.row, used, room);
            sample.col = grown(sample.col, used, room);
            sample.edge = grown(sample.edge, used, room);
            draw(begin, end, task_.fanouts[hop] < 0, stream_key(batch_key, static_cast<uint64_t>(hop)), used, sample);
            if (sample.bad_node >= 0) return sample;
            const int64_t drawn = close_gaps(end - begin, used, sample);
            number(place, used, used + drawn, sample.row.data());
            used += drawn;
            sample.edges_per_hop.push_back(drawn);
            sample.nodes_per_hop.push_back(static_cast<int64_t>(nodes_.size()) - end);
            begin = end;
        }
        if (!sample.row)
            sample.row = Buffer<int64_t>(0), sample.col = Buffer<int64_t>(0), sample.edge = Buffer<int64_t>(0);
        sample.row.truncate(used);
        sample.col.truncate(used);
        sample.edge.truncate(used);
        sample.node = Buffer<int64_t>(static_cast<int64_t>(nodes_.size()));
        std::copy(nodes_.begin(), nodes_.end(), sample.node.data());
        return sample;
    }

   private:
    int64_t degree(int64_t node) const { return task_.indptr[node + 1] - task_.indptr[node]; }

    // Room for the draws of every node of the frontier.
    void plan(int64_t begin, int64_t end, int64_t fanout) {
        first_.resize(static_cast<size_t>(end - begin) + 1);
        drawn_.resize(static_cast<size_t>(end - begin));
        first_[0] = 0;
        for (int64_t i = begin; i < end; ++i) {
            if (i + prefetch_distance < end) __builtin_prefetch(task_.indptr + nodes_[i + prefetch_distance]);
            const int64_t n = degree(nodes_[i]);
            const int64_t k = fanout < 0 ? n : (task_.replace && n ? fanout : std::min(n, fanout));
            first_[i - begin + 1] = first_[i - begin] + k;
        }
    }

    void draw(int64_t begin, int64_t end, bool all, uint64_t hop_key, int64_t used, NeighborSample& sample) {
        std::atomic<int64_t> bad{INT64_MAX};
        const bool small = first_[end - begin] < (task_.weights ? little_work / 8 : little_work);
        parallel_blocks(end - begin, nodes_per_block, small ? 1 : threads_, [&](int64_t low, int64_t high) {
            Scratch scratch;
            std::vector<int64_t> chosen;
            for (int64_t i = low; i < high; ++i) {
                if (i + prefetch_distance < high)
                    __builtin_prefetch(task_.indices + task_.indptr[nodes_[begin + i + prefetch_distance]]);
                const int64_t node = nodes_[begin + i], at = used + first_[i], room = first_[i + 1] - first_[i];
                if (static_cast<int64_t>(chosen.size()) < room) chosen.resize(static_cast<size_t>(room));
                const uint64_t key = stream_key(hop_key, static_cast<uint64_t>(node));
                const int64_t k = choose(node, room, all, key, scratch, chosen.data());
                if (k < 0) {
                    int64_t seen = bad.load();
                    while (node < seen && !bad.compare_exchange_weak(seen, node)) {
                    }
                    return;
                }
                drawn_[i] = k;
                for (int64_t j = 0; j < k; ++j) {
                    const int64_t entry = task_.indptr[node] + chosen[j];
                    sample.row[at + j] = task_.indices[entry];
                    sample.col[at + j] = begin + i;
                    sample.edge[at + j] = task_.edge_ids ? task_.edge_ids[entry] : entry;
                }
            }
        });
        if (bad.load() != INT64_MAX) sample.bad_node = bad.load();
    }

    // Choose k places in the row of a node; returns the number found, -1 for an invalid weight.
    int64_t choose(int64_t node, int64_t k, bool all, uint64_t key, Scratch& scratch, int64_t* out) const {
        const int64_t n = degree(node);
        const bool replace = task_.replace && !all;
        if (k == 0) return 0;
        if (task_.weights) {
            const Weight* weights = task_.weights + task_.indptr[node];
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
    int64_t close_gaps(int64_t nodes, int64_t used, NeighborSample& sample) {
        if (!task_.weights) return first_[nodes];
        int64_t to = 0;
        for (int64_t i = 0; i < nodes; ++i) {
            for (Buffer<int64_t>* part : {&sample.row, &sample.col, &sample.edge})
                std::move(part->data() + used + first_[i], part->data() + used + first_[i] + drawn_[i],
                          part->data() + used + to);
            to += drawn_[i];
        }
        return to;
    }

    // Replace ids by places in nodes_, appending those that are new.
    void number(IdMap<Id>& place, int64_t begin, int64_t end, int64_t* ids) {
        for (int64_t e = begin; e < end; ++e) {
            if (e + prefetch_distance < end) place.prefetch(static_cast<Id>(ids[e + prefetch_distance]));
            const Id fresh = static_cast<Id>(nodes_.size());
            const Id local = place.insert(static_cast<Id>(ids[e]), fresh);
            if (local == fresh) nodes_.push_back(ids[e]);
            ids[e] = local;
        }
    }

    const NeighborSampling<Id, Weight>& task_;
    const int threads_;
    std::vector<int64_t> nodes_;
    std::vector<int64_t> first_;
    std::vector<int64_t> drawn_;
};

}  // namespace

template <class Id, class Weight>
NeighborSample sample_neighbors(const NeighborSampling<Id, Weight>& task, const int64_t* seeds, int64_t num_seeds,
                                int num_threads) {
    return Sampler<Id, Weight>(task, num_threads).run(seeds, num_seeds);
}

#define GRAPHREP_INSTANTIATE(Id, Weight) \
    template NeighborSample sample_neighbors(const NeighborSampling<Id, Weight>&, const int64_t*, int64_t, int);
GRAPHREP_INSTANTIATE(int32_t, float)
GRAPHREP_INSTANTIATE(int32_t, double)
GRAPHREP_INSTANTIATE(int64_t, float)
GRAPHREP_INSTANTIATE(int64_t, double)
#undef GRAPHREP_INSTANTIATE

}  // namespace graphrep

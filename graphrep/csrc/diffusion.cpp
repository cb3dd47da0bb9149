#include "diffusion.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

#include "parallel.hpp"

namespace graphrep {
namespace {

// A number per node, of which few are nonzero: clearing takes as many steps as there are nonzero entries.
template <class Id>
struct SparseVector {
    explicit SparseVector(int64_t num_nodes) : values(static_cast<size_t>(num_nodes), 0.0) {}

    void add(Id node, double value) {
        double& at = values[node];
        if (at == 0) entries.push_back(node);
        at += value;
    }
    void clear() {
        for (const Id node : entries) values[node] = 0;
        entries.clear();
    }

    std::vector<double> values;
    std::vector<Id> entries;
};

// body(source number, workspace) for all sources, with one workspace per thread. The cost varies widely by source.
template <class Workspace, class Body>
void for_sources(int64_t num_sources, int64_t num_nodes, int num_threads, Body&& body) {
    std::atomic<int64_t> next{0};
    parallel(static_cast<int>(std::min<int64_t>(num_threads, num_sources)), [&](int, int) {
        Workspace workspace(num_nodes);
        for (int64_t s = next++; s < num_sources; s = next++) body(s, workspace);
    });
}

template <class Id>
struct Walks {
    explicit Walks(int64_t num_nodes) : here(num_nodes), there(num_nodes) {}
    SparseVector<Id> here, there;
};

template <class Id>
struct Pushes {
    explicit Pushes(int64_t num_nodes)
        : estimate(num_nodes),
          residual(static_cast<size_t>(num_nodes), 0.0),
          waiting(static_cast<size_t>(num_nodes), 0) {}

    void give(Id node, double value, double limit) {
        if (residual[node] == 0 && estimate.values[node] == 0) touched.push_back(node);
        residual[node] += value;
        if (!waiting[node] && residual[node] > limit) {
            waiting[node] = 1;
            later.push_back(node);
        }
    }
    void clear() {
        estimate.clear();
        for (const Id node : touched) residual[node] = 0;
        touched.clear();
    }

    SparseVector<Id> estimate;
    std::vector<double> residual;
    std::vector<char> waiting;
    std::vector<Id> touched, now, later;
};

}  // namespace

template <class Id>
void count_walks(const int64_t* indptr, const Id* indices, const int64_t* in_indptr, const Id* in_indices,
                 int64_t num_nodes, Readings readings, const double* weights, int64_t length, double* out,
                 int num_threads) {
    for_sources<Walks<Id>>(readings.num_sources, num_nodes, num_threads, [&](int64_t s, Walks<Id>& work) {
        const int64_t begin = readings.offsets[s], end = readings.offsets[s + 1];
        std::fill(out + begin, out + end, 0.0);
        work.here.add(static_cast<Id>(readings.sources[s]), 1);
        for (int64_t step = 0; step + 1 < length; ++step) {
            for (const Id z : work.here.entries) {
                const double count = work.here.values[z];
                for (int64_t e = indptr[z]; e < indptr[z + 1]; ++e)
                    if (indices[e] != z) work.there.add(indices[e], count);
            }
            work.here.clear();
            std::swap(work.here, work.there);
            for (int64_t i = begin; i < end; ++i) out[i] += weights[step] * work.here.values[readings.targets[i]];
        }
        for (int64_t i = begin; i < end && length > 0; ++i) {
            const int64_t t = readings.targets[i];
            double sum = 0;
            for (int64_t e = in_indptr[t]; e < in_indptr[t + 1]; ++e)
                if (in_indices[e] != t) sum += work.here.values[in_indices[e]];
            out[i] += weights[length - 1] * sum;
        }
        work.here.clear();
    });
}

template <class Id>
void push_pagerank(const int64_t* indptr, const Id* indices, const int64_t* degree, int64_t num_nodes,
                   Readings readings, double restart, double tolerance, double* out, int num_threads) {
    const auto limit = [&](Id node) { return tolerance * static_cast<double>(std::max<int64_t>(degree[node], 1)); };
    for_sources<Pushes<Id>>(readings.num_sources, num_nodes, num_threads, [&](int64_t s, Pushes<Id>& work) {
        const Id source = static_cast<Id>(readings.sources[s]);
        work.give(source, 1, limit(source));
        while (!work.later.empty()) {
            std::swap(work.now, work.later);  // in rounds, so that no node is queued twice
            for (const Id z : work.now) {
                const double mass = work.residual[z];
                work.residual[z] = 0;
                work.waiting[z] = 0;
                work.estimate.add(z, restart * mass);
                if (degree[z] == 0) {
                    work.give(source, (1 - restart) * mass, limit(source));
                    continue;
                }
                const double share = (1 - restart) * mass / static_cast<double>(degree[z]);
                for (int64_t e = indptr[z]; e < indptr[z + 1]; ++e)
                    if (indices[e] != z) work.give(indices[e], share, limit(indices[e]));
            }
            work.now.clear();
        }
        for (int64_t i = readings.offsets[s]; i < readings.offsets[s + 1]; ++i)
            out[i] = work.estimate.values[readings.targets[i]];
        work.clear();
    });
}

#define GRAPHREP_INSTANTIATE(Id)                                                                                       \
    template void count_walks(const int64_t*, const Id*, const int64_t*, const Id*, int64_t, Readings, const double*,  \
                              int64_t, double*, int);                                                                  \
    template void push_pagerank(const int64_t*, const Id*, const int64_t*, int64_t, Readings, double, double, double*, \
                                int);
GRAPHREP_INSTANTIATE(int32_t)
GRAPHREP_INSTANTIATE(int64_t)
#undef GRAPHREP_INSTANTIATE

}  // namespace graphrep

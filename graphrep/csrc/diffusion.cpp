#include "diffusion.hpp"

#include <algorithm>
#include <atomic>

#include "buffer.hpp"
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

    Vector<double> values;
    Vector<Id> entries;
};

// Polls after every so many arcs.
class Watch {
   public:
    void passed(int64_t arcs) {
        if ((left_ -= arcs + 1) > 0) return;
        left_ = kArcs;
        poll();
    }

   private:
    static constexpr int64_t kArcs = 1 << 16;
    int64_t left_ = kArcs;
};

// body(source number, workspace) for all sources, with one workspace per thread. The cost varies widely by source.
template <class Workspace, class Body>
void for_sources(int64_t num_sources, int64_t num_nodes, int num_threads, Body&& body) {
    checked_bytes(num_nodes, 4 * sizeof(double), "the workspace of a source");  // a vector would only say "too long"
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
    Vector<double> residual;
    Vector<char> waiting;
    Vector<Id> touched, now, later;
};

}  // namespace

template <class Id>
void count_walks(const Arcs<Id>& out_arcs, const Arcs<Id>& in_arcs, int64_t num_nodes, Readings readings,
                 const double* weights, int64_t length, double* out, int num_threads) {
    for_sources<Walks<Id>>(readings.num_sources, num_nodes, num_threads, [&](int64_t s, Walks<Id>& work) {
        Watch watch;
        const auto [begin, end] = checked_row(readings.offsets, readings.num_sources, readings.num_targets, s);
        check_ids("targets", readings.targets + begin, end - begin, num_nodes);
        check_id("sources", readings.sources[s], num_nodes);
        std::fill(out + begin, out + end, 0.0);
        work.here.add(static_cast<Id>(readings.sources[s]), 1);
        for (int64_t step = 0; step + 1 < length; ++step) {
            for (const Id z : work.here.entries) {
                const double count = work.here.values[z];
                const auto row = checked_row(out_arcs.indptr, num_nodes, out_arcs.size, z);
                watch.passed(row.end - row.begin);
                for (int64_t e = row.begin; e < row.end; ++e) {
                    const Id u = out_arcs.indices[e];
                    check_id("indices", u, num_nodes);
                    if (u != z) work.there.add(u, count);
                }
            }
            work.here.clear();
            std::swap(work.here, work.there);
            for (int64_t i = begin; i < end; ++i) out[i] += weights[step] * work.here.values[readings.targets[i]];
        }
        for (int64_t i = begin; i < end && length > 0; ++i) {
            const int64_t t = readings.targets[i];
            double sum = 0;
            const auto row = checked_row(in_arcs.indptr, num_nodes, in_arcs.size, t);
            watch.passed(row.end - row.begin);
            for (int64_t e = row.begin; e < row.end; ++e) {
                const Id u = in_arcs.indices[e];
                check_id("in_indices", u, num_nodes);
                if (u != t) sum += work.here.values[u];
            }
            out[i] += weights[length - 1] * sum;
        }
        work.here.clear();
    });
}

template <class Id>
void push_pagerank(const Arcs<Id>& arcs, const int64_t* degree, int64_t num_nodes, Readings readings, double restart,
                   double tolerance, double* out, int num_threads) {
    const auto limit = [&](Id node) { return tolerance * static_cast<double>(std::max<int64_t>(degree[node], 1)); };
    for_sources<Pushes<Id>>(readings.num_sources, num_nodes, num_threads, [&](int64_t s, Pushes<Id>& work) {
        Watch watch;
        const auto [begin, end] = checked_row(readings.offsets, readings.num_sources, readings.num_targets, s);
        check_ids("targets", readings.targets + begin, end - begin, num_nodes);
        check_id("sources", readings.sources[s], num_nodes);
        const Id source = static_cast<Id>(readings.sources[s]);
        work.give(source, 1, limit(source));
        while (!work.later.empty()) {
            std::swap(work.now, work.later);  // in rounds, so that no node is queued twice
            for (const Id z : work.now) {
                const double mass = work.residual[z];
                work.residual[z] = 0;
                work.waiting[z] = 0;
                work.estimate.add(z, restart * mass);
                const auto row = checked_row(arcs.indptr, num_nodes, arcs.size, z);
                watch.passed(row.end - row.begin);
                if (degree[z] == 0) {
                    work.give(source, (1 - restart) * mass, limit(source));
                    continue;
                }
                const double share = (1 - restart) * mass / static_cast<double>(degree[z]);
                for (int64_t e = row.begin; e < row.end; ++e) {
                    const Id u = arcs.indices[e];
                    check_id("indices", u, num_nodes);
                    if (u != z) work.give(u, share, limit(u));
                }
            }
            work.now.clear();
        }
        for (int64_t i = begin; i < end; ++i) out[i] = work.estimate.values[readings.targets[i]];
        work.clear();
    });
}

#define GRAPHREP_INSTANTIATE(Id)                                                                                    \
    template void count_walks(const Arcs<Id>&, const Arcs<Id>&, int64_t, Readings, const double*, int64_t, double*, \
                              int);                                                                                 \
    template void push_pagerank(const Arcs<Id>&, const int64_t*, int64_t, Readings, double, double, double*, int);
GRAPHREP_INSTANTIATE(int32_t)
GRAPHREP_INSTANTIATE(int64_t)
#undef GRAPHREP_INSTANTIATE

}  // namespace graphrep

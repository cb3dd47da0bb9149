// Runs every kernel on odd shapes under the sanitizers. Arrays have their exact size, so that an access outside is
// detected, and several threads must give the result of one. The results themselves are tested from Python;
// tests/csrc/test_exercise.py checks that no kernel is missing here.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "attention.hpp"
#include "block_cache.hpp"
#include "buffer.hpp"
#include "checks.hpp"
#include "csr_build.hpp"
#include "csr_query.hpp"
#include "diffusion.hpp"
#include "distances.hpp"
#include "dropout.hpp"
#include "edgelist.hpp"
#include "grouping.hpp"
#include "isa.hpp"
#include "neighbors.hpp"
#include "parallel.hpp"
#include "projection.hpp"
#include "random.hpp"
#include "ranking.hpp"
#include "rmat.hpp"
#include "sampling.hpp"
#include "scalars.hpp"
#include "sddmm.hpp"
#include "segment.hpp"
#include "segment_index.hpp"
#include "skipgram.hpp"
#include "spmm.hpp"
#include "tall.hpp"
#include "walk_steps.hpp"
#include "walkers.hpp"
#include "walks.hpp"

using namespace graphrep;

namespace {

std::mt19937_64 generator(7);

// Exactly n values on the heap; unlike std::vector's, its end is the end of the block.
template <class T>
struct Array {
    explicit Array(int64_t n) : size(n), data(static_cast<T*>(std::calloc(size_t(n) + (n == 0), sizeof(T)))) {}
    Array(Array&& other) : size(other.size), data(other.data) { other.data = nullptr; }
    ~Array() { std::free(data); }
    bool operator==(const Array& other) const {
        return size == other.size && std::memcmp(data, other.data, size_t(size) * sizeof(T)) == 0;
    }
    T& operator[](int64_t i) { return data[i]; }
    int64_t size;
    T* data;
};

template <class T>
Array<T> random_floats(int64_t n) {
    Array<T> array(n);
    std::uniform_real_distribution<float> draw(-1, 1);
    for (int64_t i = 0; i < n; ++i) {
        const float value = draw(generator);
        if constexpr (std::is_same_v<T, BFloat16>) {
            uint32_t bits;
            std::memcpy(&bits, &value, sizeof bits);
            array[i].bits = static_cast<uint16_t>(bits >> 16);
        } else if constexpr (std::is_same_v<T, Float16>) {
            array[i].bits = static_cast<uint16_t>(0x3000 + generator() % 0x800);  // 0.125 … 0.5
        } else {
            array[i] = value;
        }
    }
    return array;
}

// Sorted rows without duplicates, some of them empty, with a hub.
template <class Id>
struct Graph {
    Graph(int64_t rows, int64_t cols, int64_t entries) : rows(rows), cols(cols), indptr(rows + 1), indices(0) {
        const std::vector<bool> none(static_cast<size_t>(cols));
        std::vector<std::vector<bool>> has(static_cast<size_t>(rows), none);
        for (int64_t i = 0; i < entries && rows && cols; ++i)
            has[size_t(i % 3 ? generator() % uint64_t(rows) : 0)][generator() % uint64_t(cols)] = true;
        std::vector<Id> ids;
        for (int64_t v = 0; v < rows; ++v) {
            for (int64_t u = 0; u < cols; ++u)
                if (has[size_t(v)][size_t(u)]) ids.push_back(Id(u));
            indptr[v + 1] = int64_t(ids.size());
        }
        Array<Id> exact(int64_t(ids.size()));
        for (int64_t e = 0; e < exact.size; ++e) exact[e] = ids[size_t(e)];
        std::swap(indices.data, exact.data);
        std::swap(indices.size, exact.size);
    }
    int64_t rows, cols;
    Array<int64_t> indptr;
    Array<Id> indices;
};

#define REQUIRE(condition)                                              \
    do {                                                                \
        if (!(condition)) {                                             \
            std::printf("%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            std::exit(1);                                               \
        }                                                               \
    } while (0)

// run(threads, out): the same bytes for any number of threads.
template <class T, class Run>
void same_for_all_threads(int64_t size, Run&& run) {
    Array<T> one(size), many(size);
    run(1, one.data);
    run(3, many.data);
    REQUIRE(one == many);
}

template <class T, class Id>
void sparse_dense(const Graph<Id>& g, int64_t heads, int64_t columns) {
    const int64_t entries = g.indices.size, width = heads * columns;
    const Array<T> x = random_floats<T>(g.cols * width), values = random_floats<T>(entries * heads);
    const Array<T> grad = random_floats<T>(g.rows * width);
    for (const T* weights : {static_cast<const T*>(nullptr), static_cast<const T*>(values.data)})
        for (Reduce reduce : {Reduce::sum, Reduce::mean, Reduce::max, Reduce::min}) {
            Array<int32_t> arg(g.rows * width);
            same_for_all_threads<T>(g.rows * width, [&](int threads, T* out) {
                spmm<T, Id>({g.indptr.data, g.indices.data, weights, nullptr, x.data, g.rows, heads, columns, reduce,
                             out, reduce == Reduce::max ? arg.data : nullptr, g.cols, entries},
                            threads);
            });
            if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>)
                if (reduce == Reduce::max)
                    same_for_all_threads<T>(g.cols * width, [&](int threads, T* out) {
                        spmm_extreme_backward<T, Id>(g.indptr.data, g.indices.data, weights, arg.data, grad.data,
                                                     g.rows, entries, g.cols, heads, columns, out, threads);
                    });
        }
    const Array<T> own = random_floats<T>(entries * width);  // a segmented reduction: a row of x per entry
    same_for_all_threads<T>(g.rows * width, [&](int threads, T* out) {
        spmm<T, Id>(
            {g.indptr.data, nullptr, nullptr, nullptr, own.data, g.rows, heads, columns, Reduce::sum, out, nullptr},
            threads);
    });
    same_for_all_threads<T>(entries * heads, [&](int threads, T* out) {
        sddmm<T, Id>({g.indptr.data, g.indices.data, grad.data, x.data, g.rows, heads, columns, out, entries, g.cols},
                     threads);
    });
}

template <class T, class Id>
void attention_of(const Graph<Id>& g, const Graph<Id>& t, int64_t heads, int64_t columns) {
    const int64_t entries = g.indices.size, width = heads * columns;
    const Array<T> scores = random_floats<T>(entries * heads), value = random_floats<T>(g.cols * width);
    same_for_all_threads<T>(entries * heads, [&](int threads, T* out) {
        edge_softmax<T>(g.indptr.data, scores.data, g.rows, entries, heads, out, threads);
    });
    same_for_all_threads<T>(entries * heads, [&](int threads, T* out) {
        edge_softmax_backward<T>(g.indptr.data, scores.data, scores.data, g.rows, entries, heads, out, threads);
    });
    for (const int64_t key_columns : {int64_t{3}, int64_t{-1}}) {
        const int64_t per_node = heads * (key_columns < 0 ? 1 : key_columns);
        const Array<T> by_row = random_floats<T>(g.rows * per_node), by_col = random_floats<T>(g.cols * per_node);
        const Array<T> grad = random_floats<T>(g.rows * width);
        Array<double> log_sum(g.rows * heads), delta(g.rows * heads);
        const auto task = [&](const Graph<Id>& of, T* out) {
            const bool dot = key_columns >= 0;
            return Attention<T, Id>{of.indptr.data,
                                    of.indices.data,
                                    dot ? by_row.data : nullptr,
                                    dot ? by_col.data : nullptr,
                                    by_row.data,
                                    by_col.data,
                                    value.data,
                                    0.2,
                                    of.rows,
                                    heads,
                                    key_columns,
                                    columns,
                                    out,
                                    log_sum.data};
        };
        same_for_all_threads<T>(g.rows * width, [&](int threads, T* out) { attention<T, Id>(task(g, out), threads); });
        same_for_all_threads<T>(g.rows * per_node, [&](int threads, T* out) {
            attention_backward_rows<T, Id>(task(g, nullptr), grad.data, out, delta.data, threads);
        });
        Array<T> to_value(g.cols * width);
        same_for_all_threads<T>(g.cols * per_node, [&](int threads, T* out) {
            attention_backward_columns<T, Id>(task(t, nullptr), grad.data, delta.data, out, to_value.data, threads);
        });
    }
}

template <class T, class Id>
void segments(int64_t batch, int64_t entries, int64_t columns, int64_t groups) {
    if (groups == 0 && entries > 0) return;
    const int64_t size = batch * groups * columns;
    Array<T> src(batch * entries * columns);
    for (int64_t i = 0; i < src.size; ++i) src[i] = T(int64_t(generator() % 7) - 3);
    Array<int64_t> indptr(groups + 1);
    Array<Id> index(entries), sorted(entries), full(batch * entries * columns);
    for (int64_t e = 0; e < entries; ++e) index[e] = Id(generator() % uint64_t(groups));
    for (int64_t e = 0; e < entries; ++e) sorted[e] = Id(e * groups / entries);
    for (int64_t i = 0; i < full.size; ++i) full[i] = Id(generator() % uint64_t(groups));
    REQUIRE(sorted_offsets<Id>(sorted.data, 1, entries, groups, indptr.data, 3) == -1);
    REQUIRE(wrong_offset(indptr.data, 1, groups, entries) == -1);
    REQUIRE(largest_id<Id>(sorted.data, entries, 3) == (entries ? sorted[entries - 1] : -1));
    Array<T> values(size);
    for (int64_t i = 0; i < size; ++i) values[i] = T(int64_t(i % 7));
    same_for_all_threads<T>(src.size, [&](int threads, T* out) {
        expand_segments(values.data, indptr.data, 0, batch, groups, entries, columns * int64_t(sizeof(T)), out,
                        threads);
    });
    same_for_all_threads<T>(src.size, [&](int threads, T* out) {
        REQUIRE(gather_groups<Id>(values.data, index.data, 0, false, batch, entries, columns, groups, sizeof(T), out,
                                  threads) == -1);
    });
    same_for_all_threads<T>(src.size, [&](int threads, T* out) {
        REQUIRE(gather_groups<Id>(values.data, full.data, entries * columns, true, batch, entries, columns, groups,
                                  sizeof(T), out, threads) == -1);
    });
    for (Reduce reduce : {Reduce::sum, Reduce::mean, Reduce::max, Reduce::min}) {
        const bool extreme = reduce == Reduce::max || reduce == Reduce::min;
        Array<int64_t> arg(size);
        int64_t* where = extreme ? arg.data : nullptr;
        same_for_all_threads<T>(size, [&](int threads, T* out) {
            segment_reduce<T>({src.data, indptr.data, 0, batch, entries, columns, groups, reduce, out, where}, threads);
        });
        if (extreme)  // no entry is the extreme of two segments
            same_for_all_threads<T>(src.size, [&](int threads, T* out) {
                place_entries(values.data, arg.data, batch, groups, columns, entries, sizeof(T), out, threads);
            });
        for (ScatterPath path : {ScatterPath::automatic, ScatterPath::direct, ScatterPath::grouped})
            same_for_all_threads<T>(size, [&](int threads, T* out) {
                REQUIRE((scatter<T, Id>(
                             {src.data, index.data, 0, false, batch, entries, columns, groups, reduce, out, where},
                             path, threads) == -1));
            });
        same_for_all_threads<T>(size, [&](int threads, T* out) {
            REQUIRE((scatter<T, Id>({src.data, full.data, entries * columns, true, batch, entries, columns, groups,
                                     reduce, out, where},
                                    ScatterPath::automatic, threads) == -1));
        });
    }
    if (entries) {
        index[entries - 1] = Id(groups);
        Array<T> out(size);
        REQUIRE((scatter<T, Id>(
                     {src.data, index.data, 0, false, batch, entries, columns, groups, Reduce::sum, out.data, nullptr},
                     ScatterPath::automatic, 3) == entries - 1));
        Array<T> rows(src.size);
        REQUIRE(gather_groups<Id>(values.data, index.data, 0, false, batch, entries, columns, groups, sizeof(T),
                                  rows.data, 3) == entries - 1);
        indptr[groups] = entries + 1;
        REQUIRE(wrong_offset(indptr.data, 1, groups, entries) == groups);
    }
}

// More ids than one thread takes at a time.
template <class Id>
void many_ids() {
    const int64_t n = 200001, groups = 1000;
    Array<Id> ids(n);
    for (int64_t i = 0; i < n; ++i) ids[i] = Id(i * groups / n);
    for (const int threads : {1, 3}) REQUIRE(largest_id<Id>(ids.data, n, threads) == groups - 1);
    same_for_all_threads<int64_t>(groups + 1, [&](int threads, int64_t* out) {
        REQUIRE(sorted_offsets<Id>(ids.data, 1, n, groups, out, threads) == -1);
    });
    ids[n - 2] = 0;
    Array<int64_t> indptr(groups + 1);
    REQUIRE(sorted_offsets<Id>(ids.data, 1, n, groups, indptr.data, 3) == n - 2);
}

template <class Id>
void sets_and_samples(const Graph<Id>& g) {
    const int64_t n = g.rows, pairs = 1300, columns = 9;
    if (n == 0 || n != g.cols) return;
    Array<int64_t> u(pairs), v(pairs);
    for (int64_t i = 0; i < pairs; ++i)
        u[i] = int64_t(generator() % uint64_t(n)), v[i] = int64_t(generator() % uint64_t(n));
    const Array<float> x = random_floats<float>(n * columns);
    for (const bool difference : {false, true})
        for (const int64_t removed : {int64_t{0}, pairs}) {
            const PairSets<Id> task{g.indptr.data, g.indices.data, u.data,  v.data, pairs, difference,
                                    u.data,        v.data,         removed, true,   n,     g.indices.size};
            same_for_all_threads<int64_t>(pairs,
                                          [&](int threads, int64_t* out) { count_sets<Id>(task, out, threads); });
            same_for_all_threads<float>(pairs * columns, [&](int threads, float* out) {
                pool_sets<float, Id>(task, x.data, nullptr, n, columns, out, threads);
            });
            same_for_all_threads<float>(pairs * columns, [&](int threads, float* out) {
                pool_sets<float, Id>(task, x.data, x.data, n, columns, out, threads);
            });
            for (const int64_t limit : {0, 2})
                same_for_all_threads<int64_t>(pairs + 1, [&](int threads, int64_t* out) {
                    Buffer<float> weights;
                    collect_sets<Id>(task, limit, 5, out, limit ? &weights : nullptr, threads);
                });
        }
    Array<float> weights(g.indices.size);
    for (int64_t e = 0; e < weights.size; ++e) weights[e] = float(e % 3);
    Array<int64_t> fanouts(2);
    fanouts[0] = 30, fanouts[1] = -1;
    Array<int64_t> times(std::max(g.rows, g.indices.size)), seed_times(pairs);
    for (int64_t e = 0; e < times.size; ++e) times[e] = e;
    for (int64_t i = 0; i < pairs; ++i) seed_times[i] = g.indices.size / 2;
    for (const bool replace : {false, true})
        for (const bool disjoint : {false, true})
            for (const float* by : {static_cast<const float*>(nullptr), static_cast<const float*>(weights.data)}) {
                NeighborSampling<Id, float> task{{},      {{u.data, pairs}}, 2, replace, disjoint,
                                                 replace, seed_times.data,   3, 4};
                const int64_t* at = disjoint ? times.data : nullptr;
                for (const int64_t* entry_time : {at, static_cast<const int64_t*>(nullptr)})
                    task.relations.push_back({g.indptr.data, g.indices.data, nullptr, by, entry_time, nullptr,
                                              fanouts.data, 0, 0, g.rows, g.indices.size, 0});
                const NeighborSample one = sample_neighbors<Id, float>(task, 1);
                const NeighborSample many = sample_neighbors<Id, float>(task, 3);
                for (size_t r = 0; r < 2; ++r) {
                    const Buffer<int64_t>&first = one.edges[r].edge, &second = many.edges[r].edge;
                    REQUIRE(one.edges[r].per_hop == many.edges[r].per_hop);
                    REQUIRE(std::equal(first.data(), first.data() + first.size(), second.data()));
                }
                REQUIRE(one.nodes[0].per_hop == many.nodes[0].per_hop);
                const InducedTask<Id> induced{g.rows,
                                              g.indices.size,
                                              0,
                                              pairs,
                                              g.indptr.data,
                                              g.indices.data,
                                              nullptr,
                                              at,
                                              nullptr,
                                              one.nodes[0].node.data(),
                                              disjoint ? one.nodes[0].example.data() : nullptr,
                                              one.nodes[0].node.size(),
                                              seed_times.data};
                const NeighborSample::Edges all = induced_edges<Id>(induced, 1), again = induced_edges<Id>(induced, 3);
                REQUIRE(all.edge.size() == again.edge.size());
                REQUIRE(std::equal(all.edge.data(), all.edge.data() + all.edge.size(), again.edge.data()));
            }
}

template <class Id>
void diffusion(const Graph<Id>& g, const Graph<Id>& t) {
    const int64_t n = g.rows, each = 4, num_sources = std::min<int64_t>(n, 7);
    if (n == 0 || n != g.cols) return;
    Array<int64_t> sources(num_sources), offsets(num_sources + 1), targets(num_sources * each), degree(n);
    for (int64_t s = 0; s < num_sources; ++s) sources[s] = s, offsets[s + 1] = (s + 1) * each;
    for (int64_t i = 0; i < targets.size; ++i) targets[i] = int64_t(generator() % uint64_t(n));
    for (int64_t v = 0; v < n; ++v)
        for (int64_t e = g.indptr.data[v]; e < g.indptr.data[v + 1]; ++e) degree[v] += g.indices.data[e] != Id(v);
    const Readings readings{sources.data, offsets.data, targets.data, num_sources, targets.size};
    const Arcs<Id> arcs{g.indptr.data, g.indices.data, g.indices.size};
    const Arcs<Id> in_arcs{t.indptr.data, t.indices.data, t.indices.size};
    Array<double> weights(3);
    for (int64_t l = 0; l < 3; ++l) weights[l] = 1 / double(l + 1);
    for (const int64_t length : {0, 1, 3})
        same_for_all_threads<double>(targets.size, [&](int threads, double* out) {
            count_walks<Id>(arcs, in_arcs, n, readings, weights.data, length, out, threads);
        });
    for (const double tolerance : {1e-2, 1e-4})
        same_for_all_threads<double>(targets.size, [&](int threads, double* out) {
            push_pagerank<Id>(arcs, degree.data, n, readings, 0.2, tolerance, out, threads);
        });
}

template <class Id>
Graph<Id> transposed(const Graph<Id>& g) {
    Graph<Id> t(g.cols, g.rows, 0);
    Array<int64_t> order(g.indices.size);
    REQUIRE(group_by_key<Id>(g.indices.data, nullptr, g.indices.size, g.cols, t.indptr.data, order.data, 3) == -1);
    Array<Id> rows(g.indices.size);
    int64_t row = 0;
    Array<Id> of_entry(g.indices.size);
    for (int64_t e = 0; e < g.indices.size; ++e) {
        while (e >= g.indptr.data[row + 1]) ++row;
        of_entry[e] = Id(row);
    }
    for (int64_t i = 0; i < order.size; ++i) rows[i] = of_entry[order[i]];
    std::swap(t.indices.data, rows.data);
    std::swap(t.indices.size, rows.size);
    return t;
}

// Steps on some of the rows, whose questions are answered by all of them.
template <class Id>
void walkers_on_rows(const Graph<Id>& g, bool weighted) {
    const int64_t n = g.rows, first = n / 3, rows = n - first, from = g.indptr.data[first];
    const int64_t arcs = g.indices.size - from, count = 2300;
    if (n != g.cols || n == 0) return;
    Array<int64_t> indptr(rows + 1);
    Array<Id> indices(arcs), alias(arcs);
    Array<float> weights(arcs), keep(arcs);
    Array<double> sums(rows);
    Array<uint64_t> filter(64), all_filter(64);
    for (int64_t v = 0; v <= rows; ++v) indptr[v] = g.indptr.data[first + v] - from;
    for (int64_t e = 0; e < arcs; ++e) indices[e] = g.indices.data[from + e], weights[e] = float(1 + e % 3);
    for (int64_t v = 0; v < rows; ++v)
        for (int64_t e = indptr[v]; e < indptr[v + 1]; ++e) sums[v] += weights[e];
    build_alias_tables<Id>(indptr.data, weights.data, rows, keep.data, alias.data, 1);
    build_edge_filter<Id>(indptr.data, indices.data, rows, true, filter.data, filter.size, 1);
    WalkGraph<Id> part{indptr.data, indices.data, nullptr, nullptr, nullptr, nullptr,
                       filter.data, 64,           rows,    arcs,    true};
    if (weighted) part.weights = weights.data, part.alias_keep = keep.data, part.alias_slot = alias.data;
    if (weighted) part.row_sums = sums.data;
    const OwnRows<Id> own{part, first, n, true};
    const WalkGraph<Id> whole{
        g.indptr.data, g.indices.data, nullptr, nullptr, nullptr, nullptr, nullptr, 0, n, arcs + from, true};
    const OwnRows<Id> all{whole, 0, n, true};
    for (const int64_t step : {1, 2}) {
        same_for_all_threads<int64_t>(4 * count, [&](int threads, int64_t* out) {
            for (int64_t i = 0; i < count; ++i) out[2 * i] = i, out[2 * i + 1] = first + i % rows;
            step_walkers<Id>(own, {{9, 1, 1, 5}, 3, step}, out, count, out + 2 * count, threads);
        });
        for (const double p : {0.25, 1e-9, 1e9})
            for (const double q : {0.25, 4.0}) {
                const StepRule rule{{9, p, q, 5}, 3, step};
                same_for_all_threads<int64_t>(6 * count, [&](int threads, int64_t* walkers) {
                    int64_t* made = walkers + 4 * count;
                    for (int64_t i = 0; i < count; ++i) {
                        walkers[4 * i] = i, walkers[4 * i + 1] = i % 11 ? first + i % rows : -1;
                        walkers[4 * i + 2] = i % n, walkers[4 * i + 3] = i % 5;
                    }
                    const Questions asked = try_steps<Id>(own, rule, walkers, count, made, threads);
                    const int64_t questions = asked.pairs.size() / 2;
                    // To two processes and back.
                    Array<int64_t> ends(2), counts(2), routed(2 * questions), where(questions);
                    ends[0] = first, ends[1] = n;
                    route_items(asked.pairs.data(), questions, 2, 0, ends.data, 2, counts.data, routed.data, where.data,
                                threads);
                    REQUIRE(counts[0] == questions && counts[1] == 0);
                    Array<uint8_t> answers(questions);
                    answer_questions<Id>(all, routed.data, questions, answers.data, threads);
                    const auto rest = settle_steps(rule, asked.pairs.data(), asked.askers.data(), where.data, questions,
                                                   answers.data, questions, walkers, count, made, threads);
                    Array<int64_t> offsets(rest.size() + 1);
                    for (int64_t i = 0; i < rest.size(); ++i) {
                        const int64_t row = walkers[4 * rest[i] + 1] - first;
                        offsets[i + 1] = offsets[i] + indptr[row + 1] - indptr[row];
                    }
                    Array<uint8_t> scanned(offsets[rest.size()]);
                    for (int64_t i = 0; i < scanned.size; ++i) scanned[i] = i % 2;
                    scan_steps<Id>(own, rule, rest.data(), offsets.data, rest.size(), scanned.data, scanned.size,
                                   walkers, count, made, threads);
                    Array<Id> nodes(9 * count);
                    place_nodes<Id>(made, count, 0, nodes.data, nodes.size, threads);
                    for (int64_t i = 0; i < count; ++i)
                        REQUIRE(made[2 * i] == (made[2 * i + 1] < 0 ? -1 : 9 * i + step));
                });
            }
    }
}

template <class Id>
void walks_and_skipgram(const Graph<Id>& g) {
    const int64_t n = g.rows;
    if (n != g.cols || n == 0) return;
    const int64_t length = 7, count = 2 * n, pairs = 9000;
    Array<uint64_t> filter(64);
    build_edge_filter<Id>(g.indptr.data, g.indices.data, n, true, filter.data, filter.size, 3);
    for (const double p : {1.0, 0.5}) {
        const WalkGraph<Id> graph{g.indptr.data, g.indices.data, nullptr, nullptr, nullptr,
                                  nullptr,       filter.data,    64,      n,       g.indices.size,
                                  true};
        same_for_all_threads<Id>(count * length, [&](int threads, Id* out) {
            random_walks<Id>(graph, {length, p, 2 - p, 5}, nullptr, 0, count, nullptr, 0, out, threads);
        });
    }
    const int64_t arcs = g.indices.size;
    Array<float> weights(arcs), arc_keep(arcs);
    Array<Id> arc_alias(arcs);
    Array<double> sums(n);
    for (int64_t v = 0; v < n; ++v)
        for (int64_t e = g.indptr.data[v]; e < g.indptr.data[v + 1]; ++e) sums[v] += weights[e] = float(1 + e % 3);
    same_for_all_threads<Id>(arcs, [&](int threads, Id* alias) {
        build_alias_tables<Id>(g.indptr.data, weights.data, n, arc_keep.data, alias, threads);
    });
    build_alias_tables<Id>(g.indptr.data, weights.data, n, arc_keep.data, arc_alias.data, 3);
    Array<int64_t> ids(count), starts(2);
    starts[1] = n - 1;
    same_for_all_threads<int64_t>(count,
                                  [&](int threads, int64_t* out) { shuffled_walk_ids(3, count, n, 5, out, threads); });
    shuffled_walk_ids(0, count, n, 5, ids.data, 3);
    Array<Id> back(n);
    for (int64_t v = 0; v < n; ++v) back[v] = Id(n - 1 - v);
    for (const double p : {1.0, 0.25}) {
        const WalkGraph<Id> graph{
            g.indptr.data, g.indices.data, weights.data, arc_keep.data, arc_alias.data, sums.data, nullptr, 0, n,
            arcs,          true,           back.data};
        same_for_all_threads<Id>(count * length, [&](int threads, Id* out) {
            random_walks<Id>(graph, {length, p, 1 / p, 5}, ids.data, 0, count, starts.data, 2, out, threads);
        });
    }
    Array<Id> walks(count * length);
    const WalkGraph<Id> graph{g.indptr.data, g.indices.data, nullptr, nullptr, nullptr, nullptr, nullptr, 0, n, arcs,
                              true};
    random_walks<Id>(graph, {length, 1, 1, 5}, nullptr, 0, count, nullptr, 0, walks.data, 3);
    same_for_all_threads<int64_t>(
        n, [&](int threads, int64_t* out) { count_visits<Id>(walks.data, walks.size, n, out, threads); });
    Array<double> counts(n);
    for (int64_t v = 0; v < n; ++v) counts[v] = double(1 + v % 3);
    Array<float> keep(n);
    Array<Id> alias(n);
    Array<double> degrees(n);
    for (int64_t v = 0; v < n; ++v) degrees[v] = double(g.indptr.data[v + 1] - g.indptr.data[v]);
    build_noise_table<Id>(degrees.data, n, 1, keep.data, alias.data);
    if (arcs > 0)
        for (const bool weighted : {false, true})
            same_for_all_threads<Id>(2 * pairs, [&](int threads, Id* out) {
                sample_arcs<Id>({g.indptr.data, g.indices.data, n, arcs, keep.data, alias.data,
                                 weighted ? arc_keep.data : nullptr, weighted ? arc_alias.data : nullptr, 7},
                                5, pairs, out, threads);
            });
    build_noise_table<Id>(counts.data, n, 0.75, keep.data, alias.data);
    for (const int64_t dimensions : {int64_t{5}, int64_t{33}}) {
        const int64_t stride = (dimensions + 15) / 16 * 16;
        same_for_all_threads<float>(n * stride, [&](int threads, float* input) {
            fill_uniform_rows(input, n, dimensions, stride, nullptr, 3, threads);
        });
        Array<float> input(n * stride), output(n * stride);
        fill_uniform_rows(input.data, n, dimensions, stride, nullptr, 3, 3);
#ifdef GRAPHREP_STD_THREADS  // the thread sanitizer would report that threads share the tables without locks (Hogwild)
        const int threads = 1;
#else
        const int threads = 3;
#endif
        const int64_t trained = std::min<int64_t>(count, 300);
        train_skipgram<Id>(
            {walks.data, trained,   length,     nullptr, 0, trained, input.data, output.data, n,      dimensions,
             stride,     keep.data, alias.data, nullptr, 3, 5,       10,         0.025,       0.0001, 1},
            threads);
        // Pairs, which are prepared some walks ahead: one-sided, tied, and with fixed contexts.
        train_skipgram<Id>(
            {walks.data, trained,    2,       nullptr, 0, trained, input.data, output.data, n, dimensions, stride,
             keep.data,  alias.data, nullptr, 1,       5, 5,       0.025,      0.0001,      1, true,       false},
            threads);
        train_skipgram<Id>(
            {walks.data, trained,    2,       nullptr, 0, trained, input.data, input.data, n, dimensions, stride,
             keep.data,  alias.data, nullptr, 1,       5, 5,       0.025,      0.0001,     1, true,       false},
            threads);
        train_skipgram<Id>(
            {walks.data, trained,    length,  nullptr, 0, trained, input.data, output.data, n, dimensions, stride,
             keep.data,  alias.data, nullptr, 3,       5, 10,      0.025,      0.0001,      1, true,       true},
            threads);
        // Some of the centers with some of the contexts, in tables of these rows alone.
        const int64_t first = n / 3, rows = n - first;
        Array<float> part_input(rows * stride), part_output(rows * stride), part_keep(rows);
        Array<Id> part_alias(rows);
        build_noise_table<Id>(counts.data, rows, 0.75, part_keep.data, part_alias.data);
        SkipGram<Id> part{walks.data,
                          trained,
                          length,
                          nullptr,
                          0,
                          trained,
                          part_input.data,
                          part_output.data,
                          n,
                          dimensions,
                          stride,
                          part_keep.data,
                          part_alias.data,
                          nullptr,
                          3,
                          5,
                          10,
                          0.025,
                          0.0001,
                          1};
        part.first_center = part.first_context = first, part.end_center = part.end_context = n;
        part.noise_share = 0.5f, part.noise_stream = uint64_t{1} << 32;
        train_skipgram<Id>(part, threads);
    }
}

template <class T, class Id>
void projections(const Graph<Id>& g) {
    const int64_t n = g.rows;
    for (const int64_t columns : {1, 5, 16, 33}) {
        Array<double> counts(columns + 1);  // up to all columns, so that short and long shuffles occur
        for (int64_t k = 0; k <= columns; ++k) counts.data[k] = double(k + 1) / double(columns + 1);
        Array<uint64_t> keys(n);
        for (int64_t u = 0; u < n; ++u) keys.data[u] = uint64_t(7 * u);
        for (const uint64_t* used : {static_cast<const uint64_t*>(nullptr), static_cast<const uint64_t*>(keys.data)}) {
            const Projection projection{columns, 0, columns, counts.data, used, 3, 1};
            const Projection some{columns, columns / 2, columns - columns / 2, counts.data, used, 3, 1};
            same_for_all_threads<T>(n * some.stored,
                                    [&](int threads, T* out) { fill_projection(some, nullptr, n, out, threads); });
            same_for_all_threads<T>(
                n * columns, [&](int threads, T* out) { fill_projection(projection, nullptr, n, out, threads); });
            same_for_all_threads<T>(n * columns, [&](int threads, T* out) {
                spmm_projection<T, Id>(projection, g.indptr.data, g.indices.data, nullptr, nullptr, nullptr, n, n, out,
                                       threads);
            });
        }
        const Array<T> y = random_floats<T>(n * columns);
        same_for_all_threads<float>(
            n * columns, [&](int threads, float* out) { accumulate_rows(y.data, n, columns, 2, true, out, threads); });
        same_for_all_threads<T>(n * columns, [&](int threads, T* out) {
            std::copy_n(y.data, n * columns, out);  // of which each row is read once more
            spmm<T, Id, float>({g.indptr.data, g.indices.data, nullptr, nullptr, y.data, n, 1, columns, Reduce::sum,
                                out, nullptr, n, g.indices.size, 0.5f, -1.0f},
                               threads);
        });
    }
}

template <class Id>
void graph_kernels(const Graph<Id>& g) {
    const int64_t n = g.rows, pairs = 9000;
    if (n == 0 || n != g.cols) return;
    Array<int64_t> u(pairs), v(pairs);
    for (int64_t i = 0; i < pairs; ++i)
        u[i] = int64_t(generator() % uint64_t(n)), v[i] = int64_t(generator() % uint64_t(n));
    same_for_all_threads<double>(pairs, [&](int threads, double* out) {
        weighted_intersection<Id, double>(g.indptr.data, g.indices.data, nullptr, u.data, v.data, pairs, n,
                                          g.indices.size, out, threads);
    });
    const Array<double> node_weights = random_floats<double>(n);
    same_for_all_threads<float>(pairs, [&](int threads, float* out) {
        weighted_intersection<Id, float>(g.indptr.data, g.indices.data, node_weights.data, u.data, v.data, pairs, n,
                                         g.indices.size, out, threads);
    });
    same_for_all_threads<int64_t>(pairs, [&](int threads, int64_t* out) {
        find_arcs<Id>(g.indptr.data, g.indices.data, n, g.indices.size, u.data, v.data, pairs, out, threads);
    });
    REQUIRE(is_symmetric<Id>(g.indptr.data, g.indices.data, nullptr, n, 1) ==
            is_symmetric<Id>(g.indptr.data, g.indices.data, nullptr, n, 3));
    REQUIRE(count_loops<Id>(g.indptr.data, g.indices.data, n, 1) ==
            count_loops<Id>(g.indptr.data, g.indices.data, n, 3));
    REQUIRE(first_bad_row<Id>(g.indptr.data, g.indices.data, n, 3) == -1);
    const auto csr = transpose_csr<Id>(g.indptr.data, g.indices.data, nullptr, n, 3);
    REQUIRE(csr.indices.size() == g.indices.size);
    Array<Id> source(pairs), target(pairs);
    Array<float> weights(pairs);
    for (int64_t i = 0; i < pairs; ++i) source[i] = Id(u[i]), target[i] = Id(v[i]), weights[i] = float(i % 4 + 1);
    for (const Merge merge : {Merge::sum, Merge::max, Merge::first})
        for (const bool symmetrize : {false, true}) {
            const auto built = build_csr<Id, Id>(source.data, target.data, weights.data, pairs, n,
                                                 {merge, symmetrize, !symmetrize, 3});
            if (symmetrize) {
                const float* built_weights = built.weights.data();
                REQUIRE(is_symmetric<Id>(built.indptr.data(), built.indices.data(), built_weights, n, 3));
                REQUIRE(count_loops<Id>(built.indptr.data(), built.indices.data(), n, 3) == 0);
            }
        }
    for (const int threads : {1, 3}) {  // all arcs belong to the row range; the second half lists them backward
        const auto part = build_rows<Id, Id>(source.data, target.data, weights.data, pairs, pairs / 2, {0, n, n},
                                             Merge::sum, threads);
        REQUIRE(part.indptr.size() == n + 1 && part.indptr[n] == part.indices.size());
    }
    projections<float>(g);
    projections<Float16>(g);
}

template <class Id>
void everything() {
    const int64_t shapes[][3] = {{0, 0, 0},  {1, 1, 0},     {1, 1, 1},        {3, 5, 0},
                                 {7, 5, 20}, {40, 40, 300}, {3000, 40, 30000}};
    for (const auto& shape : shapes) {
        const Graph<Id> g(shape[0], shape[1], shape[2]);
        const Graph<Id> t = transposed(g);
        const bool large = shape[0] > 1000;
        for (const int64_t columns : {1, 3, 16, 17, 33, 130}) {
            if (large && columns != 17) continue;
            sparse_dense<float, Id>(g, 1, columns);
            sparse_dense<float, Id>(g, 2, columns);
            sparse_dense<double, Id>(g, 1, columns);
            sparse_dense<BFloat16, Id>(g, 2, columns);
            sparse_dense<Float16, Id>(g, 1, columns);
            attention_of<float, Id>(g, t, 2, columns);
            attention_of<double, Id>(g, t, 1, columns);
            attention_of<BFloat16, Id>(g, t, 1, columns);
            attention_of<Float16, Id>(g, t, 3, columns);
        }
        graph_kernels(g);
        walks_and_skipgram(g);
        for (const bool weighted : {false, true}) walkers_on_rows(g, weighted);
        sets_and_samples(g);
        diffusion(g, t);
    }
    const Graph<Id> many_nodes(5000, 5000, 20000);  // more than one thread takes at a time
    graph_kernels(many_nodes);
    walks_and_skipgram(many_nodes);
    walkers_on_rows(many_nodes, true);
    sets_and_samples(many_nodes);
    diffusion(many_nodes, transposed(many_nodes));
}

template <class Id>
void all_segments() {
    const int64_t shapes[][4] = {{1, 0, 3, 0},   {1, 0, 3, 4},    {1, 1, 1, 1},       {2, 9, 1, 4},
                                 {1, 50, 33, 7}, {3, 40, 16, 60}, {1, 20000, 1, 300}, {1, 6000, 17, 900}};
    for (const auto& shape : shapes) {
        segments<float, Id>(shape[0], shape[1], shape[2], shape[3]);
        segments<double, Id>(shape[0], shape[1], shape[2], shape[3]);
        segments<int64_t, Id>(shape[0], shape[1], shape[2], shape[3]);
        segments<int32_t, Id>(shape[0], shape[1], shape[2], shape[3]);
    }
}

void tall_blocks() {
    const int64_t shapes[][3] = {{0, 3, 4}, {1, 1, 1}, {5, 7, 17}, {257, 13, 33}, {5000, 6, 16}};
    for (const auto& [n, p, q] : shapes) {
        const Array<float> x = random_floats<float>(n * p), y = random_floats<float>(n * q);
        const Array<float> scale = random_floats<float>(n), matrix = random_floats<float>(p * q);
        for (const float* s : {static_cast<const float*>(nullptr), static_cast<const float*>(scale.data)}) {
            const int64_t share = 700, shares = (n + share - 1) / share;
            same_for_all_threads<double>(shares * p * q, [&](int threads, double* out) {
                gram({x.data, y.data, s, n, share, p, q, false, out}, threads);
            });
            same_for_all_threads<double>(shares * p * p, [&](int threads, double* out) {
                gram({x.data, x.data, s, n, share, p, p, true, out}, threads);
            });
            same_for_all_threads<float>(n * q, [&](int threads, float* out) {
                multiply_rows({x.data, matrix.data, s, n, p, q, out}, threads);
            });
        }
    }
}

void pairs_of_rows() {
    const int64_t shapes[][3] = {{0, 3, 4}, {2, 0, 4}, {1, 1, 2}, {3, 5, 0}, {9, 40, 34}, {20, 6, 66}};
    for (const auto& [n, m, columns] : shapes) {
        const Array<float> x = random_floats<float>(n * columns), y = random_floats<float>(m * columns);
        const Array<float> factor = random_floats<float>(n * m);
        for (const bool moduli : {false, true}) {
            const RowPairs task{x.data, y.data, n, m, columns, moduli};
            same_for_all_threads<float>(n * m, [&](int threads, float* out) { distances(task, out, threads); });
            same_for_all_threads<float>(
                n * columns, [&](int threads, float* out) { distance_gradient(task, factor.data, out, threads); });
        }
    }
}

template <class T>
void dropouts() {
    using S = typename Statistic<T>::Type;
    for (const int64_t rows : {0, 1, 3, 70})
        for (const int64_t columns : {1, 7, 16, 129, 1030})
            for (const uint32_t threshold : {0u, 1u << 30}) {
                const int64_t size = rows * columns;
                Array<int64_t> places(rows);
                for (int64_t i = 0; i < rows; ++i) places[i] = 3 * i;
                const DropMask mask{7, threshold, 2, columns % 2 ? places.data : nullptr, columns};
                const Array<T> x = random_floats<T>(size), grad = random_floats<T>(size);
                const Array<T> weight = random_floats<T>(columns), bias = random_floats<T>(columns);
                for (const bool relu : {false, true})
                    same_for_all_threads<T>(
                        size, [&](int threads, T* out) { dropout<T>(x.data, size, mask, relu, out, threads); });
                same_for_all_threads<T>(size, [&](int threads, T* out) {
                    relu_dropout_backward<T>(x.data, grad.data, size, 2, out, threads);
                });
                Array<T> y(size), of_bias(columns), of_x(size);
                Array<S> mean(rows), inverse(rows);
                const NormTask<T> task{x.data, weight.data, bias.data, rows, columns, y.data, mean.data, inverse.data};
                same_for_all_threads<T>(size, [&](int threads, T* out) {
                    NormTask<T> own = task;
                    own.y = out;
                    norm_dropout_relu<T>(own, 1e-5, mask, threads);
                });
                norm_dropout_relu<T>(task, 1e-5, mask, 1);
                same_for_all_threads<T>(size, [&](int threads, T* out) {
                    norm_dropout_relu_backward<T>(task, grad.data, 2, out, of_bias.data, of_bias.data, threads);
                });
                same_for_all_threads<T>(columns, [&](int threads, T* out) {
                    norm_dropout_relu_backward<T>(task, grad.data, 2, of_x.data, out, of_bias.data, threads);
                });
            }
}

void text() {
    EdgeListFormat format{};
    const std::string whole = "1 2\n2 3\n\n# a comment\n3 1\nlonger names\nat the_end";
    for (size_t length = 0; length <= whole.size(); ++length) {
        Array<char> exact(static_cast<int64_t>(length));
        std::memcpy(exact.data, whole.data(), length);
        for (const int threads : {1, 3})
            for (const int64_t chunk : {int64_t{1}, int64_t{5}, int64_t{1000}})
                read_edge_list(exact.data, int64_t(length), 0, format, false, chunk, threads);
    }
    const std::string quoted = "\"a\n\"\"b\" , \"c\"\n# \"\n\"d, e\"\r\n1\",\"2\n\",x\n\"1\",\"2\"\n\"f\"g,h\n";
    EdgeListFormat commas{};
    commas.delimiter = ',';
    commas.comments = {"#"};
    for (size_t length = 0; length <= quoted.size(); ++length) {
        Array<char> exact(static_cast<int64_t>(length));
        std::memcpy(exact.data, quoted.data(), length);
        for (const char delimiter : {',', '\0'})
            for (const int threads : {1, 3})
                for (const int64_t chunk : {int64_t{1}, int64_t{5}, int64_t{1000}}) {
                    commas.delimiter = delimiter;
                    read_edge_list(exact.data, int64_t(length), 0, commas, false, chunk, threads);
                }
    }
    commas.delimiter = ',';
    const std::string lines = "\"a\n\n\n\"\"b\",c\n\"c\",\"\n\n\"\n";
    for (const int threads : {1, 3}) {
        const EdgeList list = read_edge_list(lines.data(), int64_t(lines.size()), 0, commas, false, 1, threads);
        REQUIRE(list.problem.fault == EdgeListFault::none && list.name_position.size() == 3);
        REQUIRE(std::string(list.names.data(), size_t(list.names.size())) == std::string("a\n\n\n\"b\0c\0\n\n\0", 12));
        REQUIRE(list.name_position[0] == 1);
    }
    commas.columns = 5;
    commas.source = 2;
    commas.target = 1;
    commas.weight = 3;
    const std::string wide = "x,1,2,0.5,\n\"\",3,2.0,\"0,25\",\"y\nz\"\n" + std::string(80, '\n');
    for (size_t length = 0; length <= wide.size(); ++length) {
        Array<char> exact(static_cast<int64_t>(length));
        std::memcpy(exact.data, wide.data(), length);
        const EdgeList list = read_edge_list(exact.data, int64_t(length), 0, commas, false, 7, 3);
        REQUIRE(length < wide.size() || (list.ids.size() == 3 && list.weights.size() == 2 && list.weights[1] == 0.25f));
    }
    format.columns = 3;
    format.weight = 2;
    const std::string weighted = "7 900000000000 0.5\n-3 7 1e2\n900000000000 12 3\n";  // too far apart for a bitmap
    for (const int threads : {1, 3}) {
        const EdgeList list = read_edge_list(weighted.data(), int64_t(weighted.size()), 0, format, false, 1, threads);
        REQUIRE(list.ids.size() == 4 && list.ids[0] == -3 && list.weights.size() == 3);
    }
}

void random_graphs() {
    for (const int64_t num_nodes : {int64_t{1}, int64_t{100}, int64_t{1} << 40}) {
        const Rmat model{5, num_nodes, {uint64_t{2448131358}, uint64_t{3264175144}, uint64_t{4080218931}}, true};
        same_for_all_threads<int64_t>(
            2 * 9000, [&](int threads, int64_t* ends) { rmat_edges(model, 17, 9000, ends, ends + 9000, threads); });
    }
}

void memory() {
    BlockCache cache(1 << 14);
    Block small = cache.acquire(100), large = cache.acquire(20000);
    std::memset(small.data, 1, small.bytes);
    std::memset(large.data, 1, large.bytes);
    void* const address = small.data;
    cache.release(small);
    cache.release(large);  // above the limit
    REQUIRE(cache.total() == 4096);
    small = cache.acquire(4000);
    REQUIRE(small.data == address && cache.total() == 0);
    cache.release(small);
    cache.set_limit(0);
    REQUIRE(cache.total() == 0);
}

template <class Exception, class Run>
bool throws(Run&& run) {
    try {
        run();
    } catch (const Exception&) {
        return true;
    }
    return false;
}

// An exception reaches the caller of a parallel region, and the next region runs.
void exceptions() {
    for (const int threads : {1, 3}) {
        std::atomic<int64_t> sum{0};
        REQUIRE(throws<std::bad_alloc>([&] { parallel(threads, [](int, int) { throw std::bad_alloc(); }); }));
        REQUIRE(throws<std::bad_alloc>([&] {
            parallel_blocks(100, 7, threads, [](int64_t begin, int64_t) {
                if (begin % 2) throw std::bad_alloc();
            });
        }));
        REQUIRE(throws<OutOfMemory>([&] {  // a workspace larger than memory
            const Array<int64_t> none(4);
            const Arcs<int64_t> arcs{none.data, none.data, 0};
            count_walks<int64_t>(arcs, arcs, INT64_MAX, {none.data, none.data, none.data, 3, 0}, nullptr, 1, nullptr,
                                 threads);
        }));
        parallel_blocks(100, 7, threads, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) sum += i;
        });
        REQUIRE(sum == 4950);
    }
}

// Offsets and ids that lead outside are refused by every kind of kernel that reads them, before anything is read there.
template <class Id>
void refusals() {
    const int64_t n = 4;
    Array<int64_t> indptr(n + 1), pairs(n), out(n + 1), order(1);
    Array<Id> indices(n), walks(n);
    Array<float> x(n * 16), y(n * 16), keep(n);
    Array<double> scores(n);
    for (int64_t v = 0; v <= n; ++v) indptr[v] = v;
    const auto all = [&]<class Exception>(int threads) {
        REQUIRE(throws<Exception>([&] {
            spmm<float, Id>(
                {indptr.data, indices.data, nullptr, nullptr, x.data, n, 1, 16, Reduce::sum, y.data, nullptr, n, n},
                threads);
        }));
        REQUIRE(throws<Exception>(
            [&] { sddmm<float, Id>({indptr.data, indices.data, x.data, x.data, n, 1, 16, y.data, n, n}, threads); }));
        REQUIRE(throws<Exception>([&] { check_csr<Id>(indptr.data, indices.data, n, n, n, threads); }));
        const Arcs<Id> arcs{indptr.data, indices.data, n};
        const Readings readings{pairs.data, indptr.data, pairs.data, 1, n};
        REQUIRE(throws<Exception>(
            [&] { push_pagerank<Id>(arcs, out.data, n, readings, 0.5, 1e-3, scores.data, threads); }));
    };
    for (const int threads : {1, 3}) {
        for (const int64_t bad : {int64_t{-1}, n, int64_t{1} << 30}) {
            for (int64_t v = 0; v < n; ++v) indices[v] = Id(bad), out[v] = 1;
            all.template operator()<std::out_of_range>(threads);
            walks[1] = Id(bad == -1 ? n : bad);
            REQUIRE(throws<std::out_of_range>([&] { count_visits<Id>(walks.data, n, n, out.data, threads); }));
            indices[1] = 0;
        }
        for (int64_t v = 0; v < n; ++v) indices[v] = 0;
        indptr[1] = n + 1;
        REQUIRE(throws<std::invalid_argument>([&] { check_csr<Id>(indptr.data, indices.data, n, n, n, threads); }));
        REQUIRE(
            throws<std::invalid_argument>([&] { edge_softmax<float>(indptr.data, x.data, n, n, 1, y.data, threads); }));
        indptr[1] = 1;
    }
    REQUIRE(throws<std::out_of_range>([] { bad_id("id", 3, 2); }));
    REQUIRE(throws<std::invalid_argument>([] { bad_offsets(0, 1, 0, 2); }));
    REQUIRE(throws<std::invalid_argument>([] { bad_argument("no."); }));
    REQUIRE(throws<OutOfMemory>([] { out_of_memory(1, "nothing"); }));
    REQUIRE(throws<OutOfMemory>([] { checked_bytes(INT64_MAX, 8, "too much"); }));
    (void)order, (void)keep;
}

std::atomic<int> questions{0};

// A loop ends when the user asks for it, on the calling thread and on the others.
void interruption() {
    interrupt_requested = [] { return ++questions > 1; };
    for (const int threads : {1, 3}) {
        questions = 0;
        start_clock();
        REQUIRE(
            throws<Interrupted>([&] { parallel_blocks(INT64_MAX / 2, 1, threads, [](int64_t, int64_t) { poll(); }); }));
    }
    interrupt_requested = nullptr;
    FirstException none;
    {
        const Region region(none, true);
        poll();
    }
    const int finished = 2;
    wait_for(finished, 2);
}

}  // namespace

template <class Id>
void ranks() {
    const int64_t shapes[][3] = {{0, 3, 4}, {1, 1, 2}, {13, 300, 10}, {520, 70, 6}};
    for (const auto& [n, candidates, columns] : shapes) {
        const Array<float> x = random_floats<float>(n * columns), y = random_floats<float>(candidates * columns);
        const Array<float> bias = random_floats<float>(candidates);
        const Graph<Id> known(n, candidates, 5 * n);
        Array<int64_t> answers(n);
        for (int64_t i = 0; i < n; ++i) answers[i] = int64_t(generator() % uint64_t(candidates));
        for (const Metric metric : {Metric::dot, Metric::l1, Metric::l2, Metric::complex_norm}) {
            const Scoring task{x.data, y.data, bias.data, n, candidates, columns, metric};
            same_for_all_threads<int64_t>(2 * n, [&](int threads, int64_t* out) {
                rank_candidates<Id>(task, {known.indptr.data, known.indices.data, known.indices.size}, answers.data,
                                    out, out + n, threads);
            });
        }
    }
}

int main() {
    for (const char* isa : {"baseline", "avx2", "avx512"}) {
        if (!set_isa(isa)) continue;
        REQUIRE(std::strcmp(isa_name(active_isa()), isa) == 0);
        everything<int32_t>();
        everything<int64_t>();
        all_segments<int32_t>();
        all_segments<int64_t>();
        many_ids<int32_t>();
        many_ids<int64_t>();
        tall_blocks();
        pairs_of_rows();
        ranks<int32_t>();
        ranks<int64_t>();
        dropouts<float>();
        dropouts<double>();
        dropouts<BFloat16>();
        dropouts<Float16>();
        std::printf("%s: done\n", isa);
    }
    text();
    memory();
    random_graphs();
    exceptions();
    refusals<int32_t>();
    refusals<int64_t>();
    interruption();
    return 0;
}

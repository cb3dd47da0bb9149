#include "skipgram.hpp"

#include <cmath>

#include "buffer.hpp"
#include "isa.hpp"
#include "parallel.hpp"
#include "random.hpp"

namespace graphrep {

template <class Id>
void train_skipgram(const SkipGram<Id>& task, int num_threads) {
    GRAPHREP_DISPATCH(template train_skipgram<Id>, task, num_threads)
}

void fill_uniform_rows(float* table, int64_t num_nodes, int64_t dimensions, int64_t stride, const uint64_t* keys,
                       uint64_t seed, int num_threads) {
    parallel_blocks(num_nodes, 1024, num_threads, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const uint64_t key = stream_key(seed, keys ? keys[i] : static_cast<uint64_t>(i));
            float* row = table + i * stride;
            for (int64_t j = 0; j < dimensions; ++j)
                row[j] =
                    (uniform_float(random_bits(key, static_cast<uint64_t>(j))) - 0.5f) / static_cast<float>(dimensions);
            for (int64_t j = dimensions; j < stride; ++j) row[j] = 0;
        }
    });
}

// Slot drawn by an alias table of n slots; a slot for which `keep` is too small gives its alias.
template <class Id>
static int64_t draw(uint64_t bits, int64_t n, const float* keep, const Id* alias) {
    const unsigned __int128 product = static_cast<unsigned __int128>(bits) * static_cast<uint64_t>(n);
    const int64_t slot = static_cast<int64_t>(product >> 64);
    if (!keep || uniform_float(static_cast<uint64_t>(product)) < keep[slot]) return slot;
    check_id("alias", alias[slot], n);
    return alias[slot];
}

template <class Id>
void sample_arcs(const ArcLaw<Id>& law, int64_t first, int64_t count, Id* pairs, int num_threads) {
    constexpr int64_t kLanes = 32;  // draws made together, so that their cache misses overlap
    const uint64_t key = stream_key(law.seed, ~uint64_t{0});
    parallel_blocks(count, 4096, num_threads, [&](int64_t begin, int64_t end) {
        int64_t arcs[kLanes];
        for (int64_t base = begin; base < end; base += kLanes) {
            const int64_t lanes = end - base < kLanes ? end - base : kLanes;
            for (int64_t k = 0; k < lanes; ++k) {
                const uint64_t counter = 2 * static_cast<uint64_t>(first + base + k);
                const int64_t source =
                    draw(random_bits(key, counter), law.num_nodes, law.source_keep, law.source_alias);
                const auto row = checked_row(law.indptr, law.num_nodes, law.num_arcs, source);
                if (row.begin == row.end) bad_id("source of an arc", source, law.num_nodes);
                const float* keep = law.arc_keep ? law.arc_keep + row.begin : nullptr;
                const Id* slot = law.arc_keep ? law.arc_slot + row.begin : nullptr;
                arcs[k] = row.begin + draw(random_bits(key, counter + 1), row.end - row.begin, keep, slot);
                __builtin_prefetch(law.indices + arcs[k]);
                pairs[2 * (base + k)] = static_cast<Id>(source);
            }
            for (int64_t k = 0; k < lanes; ++k) {
                check_id("indices", law.indices[arcs[k]], law.num_nodes);
                pairs[2 * (base + k) + 1] = law.indices[arcs[k]];
            }
        }
    });
}

template <class Id>
void build_noise_table(const double* counts, int64_t num_nodes, double power, float* keep, Id* alias) {
    Vector<double> mass(static_cast<size_t>(num_nodes));
    double total = 0;
    for (int64_t v = 0; v < num_nodes; ++v) total += mass[v] = counts[v] > 0 ? std::pow(counts[v], power) : 0;
    Vector<Id> small, large;
    for (int64_t v = 0; v < num_nodes; ++v) {
        mass[v] = total > 0 ? mass[v] / total * static_cast<double>(num_nodes) : 1;
        keep[v] = 1;
        alias[v] = static_cast<Id>(v);
        (mass[v] < 1 ? small : large).push_back(static_cast<Id>(v));
    }
    while (!small.empty() && !large.empty()) {
        const Id less = small.back(), more = large.back();
        small.pop_back();
        keep[less] = static_cast<float>(mass[less]);
        alias[less] = more;
        mass[more] -= 1 - mass[less];
        if (mass[more] < 1) {
            large.pop_back();
            small.push_back(more);
        }
    }
}

template void train_skipgram<int32_t>(const SkipGram<int32_t>&, int);
template void train_skipgram<int64_t>(const SkipGram<int64_t>&, int);
template void sample_arcs<int32_t>(const ArcLaw<int32_t>&, int64_t, int64_t, int32_t*, int);
template void sample_arcs<int64_t>(const ArcLaw<int64_t>&, int64_t, int64_t, int64_t*, int);
template void build_noise_table<int32_t>(const double*, int64_t, double, float*, int32_t*);
template void build_noise_table<int64_t>(const double*, int64_t, double, float*, int64_t*);

}  // namespace graphrep

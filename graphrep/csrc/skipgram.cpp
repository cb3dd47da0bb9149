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

template <class Id>
void build_noise_table(const int64_t* counts, int64_t num_nodes, double power, float* keep, Id* alias) {
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
template void build_noise_table<int32_t>(const int64_t*, int64_t, double, float*, int32_t*);
template void build_noise_table<int64_t>(const int64_t*, int64_t, double, float*, int64_t*);

}  // namespace graphrep

// Skip-gram with negative sampling (Mikolov et al. 2013, section 2.2) over random walks.
#pragma once

#include <cstdint>

namespace graphrep {

template <class Id>
struct SkipGram {
    // Corpus: num_walks x walk_length node ids, -1 padded.
    const Id* walks;
    int64_t num_walks, walk_length;
    const int64_t* walk_ids;                  // keys of the random streams; null: first_position + i
    int64_t first_position, total_positions;  // position of the first walk in the whole training, for the learning rate
    // Model: num_nodes x stride floats each; columns from dimensions to stride are zero.
    float* input;
    float* output;
    int64_t num_nodes, dimensions, stride;
    // Noise distribution as an alias table over nodes.
    const float* noise_keep;
    const Id* noise_alias;
    const float* keep_probability;  // subsampling of frequent nodes; null: off
    int window;
    int negatives;   // k of the objective
    int noise_rows;  // size of the pool of noise nodes, each weighing negatives / noise_rows
    double start_rate, end_rate;
    uint64_t seed;
};

template <class Id>
void train_skipgram(const SkipGram<Id>& task, int num_threads);

// table[i, j] = uniform in [-1/2, 1/2) / dimensions for j < dimensions, else 0; a function of (seed, keys[i], j), with
// i for its key if keys is null.
void fill_uniform_rows(float* table, int64_t num_nodes, int64_t dimensions, int64_t stride, const uint64_t* keys,
                       uint64_t seed, int num_threads);

// Alias table of the distribution counts^power over num_nodes entries; uniform if all counts are zero.
template <class Id>
void build_noise_table(const int64_t* counts, int64_t num_nodes, double power, float* keep, Id* alias);

#define GRAPHREP_DECLARE(isa)                                       \
    namespace isa {                                                 \
    template <class Id>                                             \
    void train_skipgram(const SkipGram<Id>& task, int num_threads); \
    }
GRAPHREP_DECLARE(baseline)
GRAPHREP_DECLARE(avx2)
GRAPHREP_DECLARE(avx512)
#undef GRAPHREP_DECLARE

}  // namespace graphrep

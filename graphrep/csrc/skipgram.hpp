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
    // Model: num_nodes x stride floats each; columns from dimensions to stride are zero. Tied if they are one table:
    // pairs of a node with itself are left out then.
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
    bool one_sided = false;       // the contexts of a center are only the nodes after it
    bool fixed_contexts = false;  // the output table is not changed
    // With kinds, a noise node is a negative of the contexts of its kind alone, which weighs kind_weights[kind].
    const int32_t* kinds = nullptr;
    const float* kind_weights = nullptr;
    int32_t num_kinds = 0;  // at most kMaxKinds
    // Of a training that processes share, one trains these centers with these contexts alone: `input` holds the rows of
    // the ones, `output` and the noise distribution those of the others, whose share of all noise is noise_share.
    int64_t first_center = 0, end_center = INT64_MAX, first_context = 0, end_context = INT64_MAX;
    float noise_share = 1;
    uint64_t noise_stream = 0;  // number of the first draw
};

constexpr int32_t kMaxKinds = 256;

template <class Id>
void train_skipgram(const SkipGram<Id>& task, int num_threads);

// Arcs drawn with replacement in proportion to their weights. A source is drawn by the alias table of the weighted
// degrees, then an arc of its row by the alias table of the weights (null: all arcs of a row are equally likely).
template <class Id>
struct ArcLaw {
    const int64_t* indptr;
    const Id* indices;
    int64_t num_nodes, num_arcs;
    const float* source_keep;
    const Id* source_alias;
    const float* arc_keep;  // of all arcs, as build_alias_tables makes them
    const Id* arc_slot;
    uint64_t seed;
};

// pairs[i] = (source, target) of draw first + i, a function of (seed, first + i).
template <class Id>
void sample_arcs(const ArcLaw<Id>& law, int64_t first, int64_t count, Id* pairs, int num_threads);

// table[i, j] = uniform in [-1/2, 1/2) / dimensions for j < dimensions, else 0; a function of (seed, keys[i], j), with
// i for its key if keys is null.
void fill_uniform_rows(float* table, int64_t num_nodes, int64_t dimensions, int64_t stride, const uint64_t* keys,
                       uint64_t seed, int num_threads);

// Alias table of the distribution counts^power over num_nodes entries; uniform if all counts are zero.
template <class Id>
void build_noise_table(const double* counts, int64_t num_nodes, double power, float* keep, Id* alias);

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

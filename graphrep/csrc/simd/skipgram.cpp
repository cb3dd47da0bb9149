// The inner loop of skip-gram training, compiled once per instruction set.
//
// For a center u with contexts C and a pool N of noise nodes the loss is
//   - sum_{c in C} log s(x_u . y_c) - sum_{c in C} sum_{n in N, n != c} (k / |N|) log s(-x_u . y_n)
// (with kinds of nodes: the sum over n of the kind of c, times the weight of the kind),
// an unbiased estimate of the k negatives per pair: as the center's vector x_u is the same in all its pairs, the noise
// terms of all pairs share one dot product per noise node. The pool slides: each center replaces its k oldest nodes, so
// that most of the pool's rows are still in the first-level cache. One step reads and writes |C| + |N| rows of y, of
// which about k + 1 are new, and one row of x.
#include "../skipgram.hpp"

#include "../parallel.hpp"
#include "../random.hpp"
#include "csr_tasks.hpp"
#include "vector.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {
namespace {

constexpr int kAhead = 3;      // centers whose noise rows are prefetched
constexpr int kMaxRows = 512;  // rows of one step; ops/skipgram checks 2 * window + noise_rows against it
constexpr int64_t kWalkBlock = 16, kShortWalkBlock = 256;

// Logistic function of each value, to about 2e-7: exp by a degree-6 polynomial on the reduced argument.
static inline void logistic(float* values, int count) {
    for (int i = 0; i < count; ++i) {
        float x = -values[i];
        x = x > 80.f ? 80.f : x < -80.f ? -80.f : x;
        const float scaled = x * 1.44269504f;
        const float shifted = scaled + 12582912.f;  // adding 1.5 * 2^23 rounds to an integer
        const float r = (scaled - (shifted - 12582912.f)) * 0.693147181f;
        float e = 1.f / 720;
        e = e * r + 1.f / 120;
        e = e * r + 1.f / 24;
        e = e * r + 1.f / 6;
        e = e * r + 0.5f;
        e = e * r + 1.f;
        e = e * r + 1.f;
        int32_t bits;
        std::memcpy(&bits, &shifted, 4);
        const int32_t exponent = (bits - 0x4b400000 + 127) << 23;
        float power;
        std::memcpy(&power, &exponent, 4);
        values[i] = 1.f / (1.f + e * power);
    }
}

static inline void prefetch_row(const float* row, int64_t stride) {
    for (int64_t j = 0; j < stride; j += 16) __builtin_prefetch(row + j, 1);
}

// One gradient step on x and, unless they are fixed, the given rows of y. Blocks > 0: stride is Blocks vectors, kept in
// registers.
template <int Blocks>
static inline void step(float* x, float* const* rows, const float* labels, const float* rates, int count,
                        int64_t stride, bool fixed, float* score, float* scratch) {
    if constexpr (Blocks > 0) {
        Vec h[Blocks], gradient[Blocks];
        for (int b = 0; b < Blocks; ++b) h[b] = load(x + b * kWidth), gradient[b] = Vec{};
        for (int r = 0; r < count; ++r) {
            const float* y = rows[r];
            Vec even = h[0] * load(y), odd = Vec{};
            for (int b = 1; b < Blocks; ++b) (b & 1 ? odd : even) += h[b] * load(y + b * kWidth);
            score[r] = add_lanes(even + odd);
        }
        logistic(score, count);
        for (int r = 0; r < count; ++r) {
            const Vec g = splat(rates[r] * (labels[r] - score[r]));
            float* y = rows[r];
            for (int b = 0; b < Blocks; ++b) {
                const Vec old = load(y + b * kWidth);
                gradient[b] += g * old;
                if (!fixed) store(y + b * kWidth, old + g * h[b]);
            }
        }
        for (int b = 0; b < Blocks; ++b) store(x + b * kWidth, h[b] + gradient[b]);
    } else {
        const int64_t blocks = stride / kWidth;
        for (int r = 0; r < count; ++r) {
            Vec dot = Vec{};
            for (int64_t b = 0; b < blocks; ++b) dot += load(x + b * kWidth) * load(rows[r] + b * kWidth);
            score[r] = add_lanes(dot);
        }
        logistic(score, count);
        std::memset(scratch, 0, static_cast<size_t>(stride) * sizeof(float));
        for (int r = 0; r < count; ++r) {
            const Vec g = splat(rates[r] * (labels[r] - score[r]));
            float* y = rows[r];
            for (int64_t b = 0; b < blocks; ++b) {
                const Vec old = load(y + b * kWidth);
                store(scratch + b * kWidth, load(scratch + b * kWidth) + g * old);
                if (!fixed) store(y + b * kWidth, old + g * load(x + b * kWidth));
            }
        }
        for (int64_t b = 0; b < blocks; ++b) store(x + b * kWidth, load(x + b * kWidth) + load(scratch + b * kWidth));
    }
}

template <class Id>
static inline bool is_center(const SkipGram<Id>& task, Id node) {
    return node >= task.first_center && node < task.end_center;
}

template <class Id>
static inline bool is_context(const SkipGram<Id>& task, Id node) {
    return node >= task.first_context && node < task.end_context;
}

template <class Id>
static inline float* center_row(const SkipGram<Id>& task, Id node) {
    return task.input + (node - task.first_center) * task.stride;
}

template <class Id>
static inline float* context_row(const SkipGram<Id>& task, Id node) {
    return task.output + (node - task.first_context) * task.stride;
}

// A walk that is about to be trained on: its tokens and first noise nodes are drawn, and their rows are on the way to
// the cache. A pair of nodes is over before its own prefetches arrive, so short walks are prepared some walks ahead.
template <class Id>
struct Prepared {
    Id* tokens;  // walk_length: the walk after subsampling
    Id* places;  // walk_length: where in it the centers are
    Id* noise;   // walk_length * negatives + noise_rows: draws in order, made shortly before their use
    int64_t count, centers, drawn;
    uint64_t reach_key, noise_key;
    float rate;
};

constexpr int64_t kShortWalk = 4;
constexpr int kWalksAhead = 4;  // a power of two

template <class Id>
static inline int64_t noise_rows_of(const SkipGram<Id>& task) {
    return task.negatives > 0 ? task.noise_rows : 0;
}

template <class Id>
static inline int32_t kind_of(const SkipGram<Id>& task, Id node) {
    check_id("kinds", task.kinds[node], task.num_kinds);
    return task.kinds[node];
}

template <class Id>
static inline void draw_noise(const SkipGram<Id>& task, Prepared<Id>& walk, int64_t until) {
    const int64_t rows = (task.end_context < task.num_nodes ? task.end_context : task.num_nodes) - task.first_context;
    for (; walk.drawn < until; ++walk.drawn) {
        const uint64_t bits = random_bits(walk.noise_key, task.noise_stream + static_cast<uint64_t>(walk.drawn));
        const unsigned __int128 product = static_cast<unsigned __int128>(bits) * static_cast<uint64_t>(rows);
        const int64_t slot = static_cast<int64_t>(product >> 64);
        const bool keep = uniform_float(static_cast<uint64_t>(product)) < task.noise_keep[slot];
        const int64_t row = keep ? slot : task.noise_alias[slot];
        check_id("noise_alias", row, rows);
        walk.noise[walk.drawn] = static_cast<Id>(task.first_context + row);
        prefetch_row(task.output + row * task.stride, task.stride);
    }
}

template <class Id>
void prepare_walk(const SkipGram<Id>& task, int64_t index, Prepared<Id>& prepared) {
    const Id* walk = task.walks + index * task.walk_length;
    const int64_t position = task.first_position + index;
    const uint64_t id = static_cast<uint64_t>(task.walk_ids ? task.walk_ids[index] : position);
    const uint64_t keep_key = task.keep_probability ? stream_key(task.seed, 3 * id) : 0;
    prepared.reach_key = stream_key(task.seed, 3 * id + 1);
    prepared.noise_key = stream_key(task.seed, 3 * id + 2);
    const double progress = static_cast<double>(position) / static_cast<double>(task.total_positions);
    prepared.rate = static_cast<float>(task.start_rate + (task.end_rate - task.start_rate) * progress);

    int64_t count = 0;
    for (int64_t s = 0; s < task.walk_length && walk[s] >= 0; ++s) {
        check_id("walks", walk[s], task.num_nodes);
        if (!task.keep_probability ||
            uniform_float(random_bits(keep_key, static_cast<uint64_t>(s))) < task.keep_probability[walk[s]])
            prepared.tokens[count++] = walk[s];
    }
    prepared.count = count;
    const int64_t last = count < 2 ? 0 : count - task.one_sided;  // nothing follows the last node
    prepared.centers = 0;
    for (int64_t i = 0; i < last; ++i)
        if (is_center(task, prepared.tokens[i])) prepared.places[prepared.centers++] = static_cast<Id>(i);
    prepared.drawn = 0;
    const int64_t first = prepared.centers < kAhead ? prepared.centers : kAhead;
    for (int64_t i = 0; i < first; ++i)
        prefetch_row(center_row(task, prepared.tokens[prepared.places[i]]), task.stride);
    for (int64_t i = task.one_sided; i < count && i < task.window + task.one_sided; ++i)
        if (is_context(task, prepared.tokens[i])) prefetch_row(context_row(task, prepared.tokens[i]), task.stride);
    if (first > 0 && noise_rows_of(task) > 0)
        draw_noise(task, prepared, (first - 1) * task.negatives + task.noise_rows);
}

template <class Id, int Blocks>
void train_walk(const SkipGram<Id>& task, Prepared<Id>& walk, float* scratch) {
    const int64_t count = walk.count, centers = walk.centers;
    const Id* tokens = walk.tokens;
    const float rate = walk.rate;
    const int noise_rows = static_cast<int>(noise_rows_of(task));
    const float noise_share =
        rate * static_cast<float>(task.negatives) * task.noise_share / static_cast<float>(task.noise_rows);
    const bool tied = task.input == task.output;

    float* rows[kMaxRows];
    alignas(64) float labels[kMaxRows], rates[kMaxRows], score[kMaxRows];
    int contexts_of[kMaxKinds];
    if (task.kinds) std::memset(contexts_of, 0, sizeof contexts_of);
    int64_t fetched = task.window + task.one_sided;  // contexts whose rows are on the way to the cache
    for (int64_t index = 0; index < centers; ++index) {
        if (index % 1024 == 1023) poll();
        const int64_t center = walk.places[index];
        // The pool of the i-th center is draws i * negatives ... i * negatives + noise_rows - 1.
        const int64_t ahead = index + kAhead < centers ? index + kAhead : centers - 1;
        if (noise_rows > 0) draw_noise(task, walk, ahead * task.negatives + noise_rows);
        prefetch_row(center_row(task, tokens[walk.places[ahead]]), task.stride);
        for (; fetched <= center + task.window && fetched < count; ++fetched)
            if (is_context(task, tokens[fetched])) prefetch_row(context_row(task, tokens[fetched]), task.stride);
        const uint64_t bits = random_bits(walk.reach_key, static_cast<uint64_t>(center));
        const int64_t reach = 1 + static_cast<int64_t>(bounded(bits, static_cast<uint64_t>(task.window)));
        const int64_t begin = task.one_sided ? center : center > reach ? center - reach : 0;
        const int64_t end = center + reach + 1 < count ? center + reach + 1 : count;
        const Id own = tied ? tokens[center] : -1;  // its row may be read as x alone
        uint64_t present = 0;                       // a coarse set of the contexts: bit node % 64
        int contexts = 0, used = 0;
        for (int64_t j = begin; j < end; ++j) {
            if (j == center || tokens[j] == own) continue;
            ++contexts;
            if (!is_context(task, tokens[j])) continue;  // another process trains them
            present |= 1ULL << (tokens[j] & 63);
            rows[used] = context_row(task, tokens[j]);
            labels[used] = 1;
            rates[used++] = rate;
            if (task.kinds) ++contexts_of[kind_of(task, tokens[j])];
        }
        if (contexts == 0) continue;
        for (int m = 0; m < noise_rows; ++m) {
            const Id node = walk.noise[index * task.negatives + m];
            if (node == own) continue;
            int clashes = 0;  // a noise node is not a negative of a pair whose context it is
            if (present >> (node & 63) & 1)
                for (int64_t j = begin; j < end; ++j) clashes += j != center && tokens[j] == node;
            rows[used] = context_row(task, node);
            labels[used] = 0;
            float weight = noise_share;
            int negative_of = contexts;
            if (task.kinds) {
                const int32_t kind = kind_of(task, node);
                weight *= task.kind_weights[kind];
                negative_of = contexts_of[kind];
            }
            rates[used++] = weight * static_cast<float>(negative_of - clashes);
        }
        if (task.kinds)
            for (int64_t j = begin; j < end; ++j) contexts_of[kind_of(task, tokens[j])] = 0;
        step<Blocks>(center_row(task, tokens[center]), rows, labels, rates, used, task.stride, task.fixed_contexts,
                     score, scratch);
    }
}

template <class Id>
using WalkTrainer = void (*)(const SkipGram<Id>&, Prepared<Id>&, float*);

template <class Id>
WalkTrainer<Id> trainer_for(int64_t stride) {
    switch (stride / kWidth) {
        case 2: return train_walk<Id, 2>;
        case 4: return train_walk<Id, 4>;
        case 6: return train_walk<Id, 6>;
        case 8: return train_walk<Id, 8>;
        default: return train_walk<Id, 0>;
    }
}

}  // namespace

template <class Id>
void train_skipgram(const SkipGram<Id>& task, int num_threads) {
    const WalkTrainer<Id> train = trainer_for<Id>(task.stride);
    const bool small = task.walk_length <= kShortWalk;
    const int64_t block_size = small ? kShortWalkBlock : kWalkBlock;
    const int64_t blocks = (task.num_walks + block_size - 1) / block_size;
    if (num_threads > blocks) num_threads = static_cast<int>(blocks > 1 ? blocks : 1);
    const int ahead = small ? kWalksAhead : 1;
    const int64_t draws = task.walk_length * task.negatives + task.noise_rows;
    int64_t next = 0;
    parallel(num_threads, [&](int, int) {
        Scratch<Id> tokens(ahead * task.walk_length), places(ahead * task.walk_length), noise(ahead * draws);
        Scratch<float> scratch(task.stride);
        Prepared<Id> prepared[kWalksAhead];
        for (int k = 0; k < ahead; ++k)
            prepared[k].tokens = tokens.data + k * task.walk_length,
            prepared[k].places = places.data + k * task.walk_length, prepared[k].noise = noise.data + k * draws;
        for (;;) {
            const int64_t block = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
            if (block >= blocks) break;
            poll();
            const int64_t begin = block * block_size;
            const int64_t end = begin + block_size < task.num_walks ? begin + block_size : task.num_walks;
            for (int64_t i = begin; i < end + ahead - 1; ++i) {
                if (i < end) prepare_walk(task, i, prepared[(i - begin) & (ahead - 1)]);
                const int64_t due = i - (ahead - 1);
                if (due >= begin) train(task, prepared[(due - begin) & (ahead - 1)], scratch.data);
            }
        }
    });
}

template void train_skipgram<int32_t>(const SkipGram<int32_t>&, int);
template void train_skipgram<int64_t>(const SkipGram<int64_t>&, int);

}  // namespace GRAPHREP_ISA
}  // namespace graphrep

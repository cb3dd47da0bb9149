// Counter-based random numbers: a value is a pure function of (seed, stream, counter), so neither the thread count nor
// the batch size can change a result. graphrep/_random.py holds the NumPy twin of each function; keep them in step.
#pragma once

#include <cstdint>

namespace graphrep {

// Finalizer of SplitMix64 (Steele, Lea, Flood 2014; constants by David Stafford, "mix13").
static inline uint64_t mix64(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

constexpr uint64_t kGolden = 0x9e3779b97f4a7c15ULL;

// Key of an independent stream, for example one random walk.
static inline uint64_t stream_key(uint64_t seed, uint64_t stream) {
    return mix64(mix64(seed + kGolden) ^ (stream * 0xd1342543de82ef95ULL + kGolden));
}

// The counter-th 64 random bits of a stream.
static inline uint64_t random_bits(uint64_t key, uint64_t counter) { return mix64(key + (counter + 1) * kGolden); }

// 64 random bits to an integer in [0, n), by multiplication (Lemire 2019); bias below n / 2^64.
static inline uint64_t bounded(uint64_t bits, uint64_t n) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(bits) * n) >> 64);
}

// The upper 24 bits as a float in [0, 1).
static inline float uniform_float(uint64_t bits) { return static_cast<float>(bits >> 40) * 0x1p-24f; }

// The upper 53 bits as a double in [0, 1).
static inline double uniform_double(uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

}  // namespace graphrep

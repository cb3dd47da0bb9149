// Float vectors as wide as the instruction set this file is compiled for. Only for files under simd/.
#pragma once

#include <cstdint>
#include <cstring>

namespace graphrep {
namespace GRAPHREP_ISA {

#if defined(__AVX512F__)
constexpr int kWidth = 16;
#elif defined(__AVX2__)
constexpr int kWidth = 8;
#else
constexpr int kWidth = 4;
#endif

typedef float Vec __attribute__((vector_size(kWidth * 4)));
typedef float UnalignedVec __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));

static inline Vec load(const float* from) { return *reinterpret_cast<const UnalignedVec*>(from); }
static inline void store(float* to, Vec value) { *reinterpret_cast<UnalignedVec*>(to) = value; }
static inline Vec splat(float value) { return Vec{} + value; }

// Sum of the lanes by halving, so that the order is fixed.
static inline float sum(Vec value) {
#if defined(__AVX512F__)
    typedef float Half __attribute__((vector_size(32)));
    const Half eight = __builtin_shufflevector(value, value, 0, 1, 2, 3, 4, 5, 6, 7) +
                       __builtin_shufflevector(value, value, 8, 9, 10, 11, 12, 13, 14, 15);
#elif defined(__AVX2__)
    const Vec eight = value;
#endif
    typedef float Quarter __attribute__((vector_size(16)));
#if defined(__AVX2__)
    Quarter four =
        __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
#else
    Quarter four = value;
#endif
    four += __builtin_shufflevector(four, four, 2, 3, 0, 1);
    return four[0] + four[1];
}

}  // namespace GRAPHREP_ISA
}  // namespace graphrep

// Absolute values and square roots of float vectors. Only for files under simd/.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "vector.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {

typedef int32_t IntVec __attribute__((vector_size(kWidth * 4)));
typedef int32_t UnalignedIntVec __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));

static inline Vec absolute(Vec value) { return (Vec)((IntVec)value & 0x7fffffff); }

static inline Vec square_root(Vec value) {
#if defined(__AVX512F__)
    // The plain intrinsic makes GCC 12 warn of a register that it leaves undefined.
    return (Vec)_mm512_maskz_sqrt_ps(0xffff, (__m512)value);
#elif defined(__AVX2__)
    return (Vec)_mm256_sqrt_ps((__m256)value);
#elif defined(__SSE2__)
    return (Vec)_mm_sqrt_ps((__m128)value);
#else
    for (int i = 0; i < kWidth; ++i) value[i] = __builtin_sqrtf(value[i]);
    return value;
#endif
}

}  // namespace GRAPHREP_ISA
}  // namespace graphrep

// Vectors over an element type, so that a kernel is written once for float, double and 16-bit floats.
// Lanes<T>::Vector holds kLanes values of the type that T is computed in (float for the 16-bit types).
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "../scalars.hpp"
#include "vector.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {

static inline float widen(BFloat16 value) {
    const uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
    float result;
    std::memcpy(&result, &bits, sizeof result);
    return result;
}

static inline float widen(Float16 value) {
#if defined(__F16C__)
    return _cvtsh_ss(value.bits);
#else
    const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000) << 16;
    const uint32_t magnitude = value.bits & 0x7fff;
    uint32_t bits;
    if (magnitude >= 0x7c00) {  // infinite or NaN
        bits = 0x7f800000 | (magnitude & 0x3ff) << 13;
    } else if (magnitude >= 0x400) {
        bits = (magnitude << 13) + (112u << 23);
    } else {  // zero or subnormal: exact in float arithmetic
        const float small = static_cast<float>(magnitude) * 0x1p-24f;
        std::memcpy(&bits, &small, sizeof bits);
    }
    bits |= sign;
    float result;
    std::memcpy(&result, &bits, sizeof result);
    return result;
#endif
}

static inline float widen(float value) { return value; }
static inline double widen(double value) { return value; }

static inline void narrow(float value, float* to) { *to = value; }
static inline void narrow(double value, double* to) { *to = value; }

// Round to nearest, ties to even, as torch does.
static inline void narrow(float value, BFloat16* to) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    to->bits = value != value ? 0x7fc0 : static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline void narrow(float value, Float16* to) {
#if defined(__F16C__)
    to->bits = _cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT);
#else
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000;
    bits &= 0x7fffffff;
    uint32_t result;
    if (bits > 0x7f800000) {
        result = 0x7e00;
    } else if (bits >= 0x477ff000) {  // rounds to 2^16 or more
        result = 0x7c00;
    } else if (bits < 0x38800000) {  // subnormal: adding 0.5 aligns the mantissa and rounds it
        float shifted;
        std::memcpy(&shifted, &bits, sizeof shifted);
        shifted += 0.5f;
        std::memcpy(&result, &shifted, sizeof result);
        result -= 0x3f000000;
    } else {
        result = (bits - (112u << 23) + 0xfff + (bits >> 13 & 1)) >> 13;
    }
    to->bits = static_cast<uint16_t>(sign | result);
#endif
}

template <class T>
struct Lanes {  // float and the 16-bit floats
    using Scalar = float;
    using Vector = Vec;
    static constexpr int kLanes = kWidth;

    static inline Vector load(const T* from) {
        if constexpr (sizeof(T) == 4) {
            return graphrep::GRAPHREP_ISA::load(from);
        } else {
#if defined(__AVX512F__)
            return expand(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)), T{});
#elif defined(__AVX2__)
            return expand(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)), T{});
#else
            return load_some(from, kLanes);
#endif
        }
    }

    // The first n lanes, 0 < n <= kLanes; the others become 0. Reads no memory beyond them.
    static inline Vector load_some(const T* from, int n) {
#if defined(__AVX512F__)
        const __mmask16 mask = static_cast<__mmask16>((1u << n) - 1);
        if constexpr (sizeof(T) == 4)
            return (Vector)_mm512_maskz_loadu_ps(mask, from);
        else
            return expand(_mm256_maskz_loadu_epi16(mask, from), T{});
#else
        Vector result{};
        for (int i = 0; i < n; ++i) result[i] = widen(from[i]);
        return result;
#endif
    }

    static inline void store(T* to, Vector value) {
        if constexpr (sizeof(T) == 4)
            graphrep::GRAPHREP_ISA::store(to, value);
        else
            compress(to, value);
    }

    static inline void store_some(T* to, Vector value, int n) {
        for (int i = 0; i < n; ++i) narrow(value[i], to + i);
    }

    static inline Vector splat(Scalar value) { return Vector{} + value; }

   private:
    template <class Short>
    static inline void compress(Short* to, Vector value) {
        store_some(to, value, kLanes);
    }
#if defined(__AVX512F__)
    static inline void compress(Float16* to, Vector value) {
        const __m256i bits = _mm512_cvtps_ph((__m512)value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bits);
    }
    static inline Vector expand(__m256i bits, BFloat16) {
        return (Vector)_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
    }
    static inline Vector expand(__m256i bits, Float16) { return (Vector)_mm512_cvtph_ps(bits); }
#elif defined(__AVX2__)
    static inline void compress(Float16* to, Vector value) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_cvtps_ph((__m256)value, _MM_FROUND_TO_NEAREST_INT));
    }
    static inline Vector expand(__m128i bits, BFloat16) {
        return (Vector)_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
    }
    static inline Vector expand(__m128i bits, Float16) { return (Vector)_mm256_cvtph_ps(bits); }
#endif
};

template <>
struct Lanes<double> {
    using Scalar = double;
    static constexpr int kLanes = kWidth / 2;
    typedef double Vector __attribute__((vector_size(kLanes * 8)));
    typedef double UnalignedVector __attribute__((vector_size(kLanes * 8), aligned(8), may_alias));

    static inline Vector load(const double* from) { return *reinterpret_cast<const UnalignedVector*>(from); }
    static inline Vector load_some(const double* from, int n) {
#if defined(__AVX512F__)
        return (Vector)_mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), from);
#else
        Vector result{};
        for (int i = 0; i < n; ++i) result[i] = from[i];
        return result;
#endif
    }
    static inline void store(double* to, Vector value) { *reinterpret_cast<UnalignedVector*>(to) = value; }
    static inline void store_some(double* to, Vector value, int n) {
        for (int i = 0; i < n; ++i) to[i] = value[i];
    }
    static inline Vector splat(double value) { return Vector{} + value; }
};

}  // namespace GRAPHREP_ISA
}  // namespace graphrep

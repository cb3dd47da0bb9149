// Float vectors as wide as the instruction set this file is compiled for. Only for files under simd/.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

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

template <class Scalar, int n>
struct Halves {  // of a vector of n lanes
    typedef Scalar Whole __attribute__((vector_size(n * sizeof(Scalar))));
    typedef Scalar Half __attribute__((vector_size(n / 2 * sizeof(Scalar))));
    template <size_t... lane>
    static inline Half added(Whole v, std::index_sequence<lane...>) {
        return __builtin_shufflevector(v, v, int(lane)...) + __builtin_shufflevector(v, v, int(lane + n / 2)...);
    }
};

// Sum of the lanes of a float or double vector. The upper half is added to the lower one until two lanes are left, so
// that the order is fixed and the chain of additions short.
template <class V>
static inline auto add_lanes(V value) {
    using Scalar = std::remove_reference_t<decltype(value[0] + value[0])>;
    constexpr int n = sizeof(V) / sizeof(Scalar);
    if constexpr (n == 2) {
        return value[0] + value[1];
    } else if constexpr (sizeof(V) == 16) {  // vectors of 8 bytes would compile to slow horizontal additions
        value += __builtin_shufflevector(value, value, 2, 3, 0, 1);
        return value[0] + value[1];
    } else {
        return add_lanes(Halves<Scalar, n>::added(value, std::make_index_sequence<n / 2>{}));
    }
}

}  // namespace GRAPHREP_ISA
}  // namespace graphrep

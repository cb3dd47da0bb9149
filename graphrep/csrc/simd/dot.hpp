// Inner products and scaled additions of short rows. Only for files under simd/.
#pragma once

#include "lanes.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {

template <class T>
static inline typename Lanes<T>::Scalar dot(const T* a, const T* b, int64_t n) {
    using L = Lanes<T>;
    typename L::Vector even{}, odd{};
    int64_t j = 0;
    for (; j + 2 * L::kLanes <= n; j += 2 * L::kLanes) {
        even += L::load(a + j) * L::load(b + j);
        odd += L::load(a + j + L::kLanes) * L::load(b + j + L::kLanes);
    }
    if (j + L::kLanes <= n) {
        even += L::load(a + j) * L::load(b + j);
        j += L::kLanes;
    }
    if (j < n) odd += L::load_some(a + j, int(n - j)) * L::load_some(b + j, int(n - j));
    return add_lanes(even + odd);
}

// total += w * row, total being of the type that T is computed in.
template <class T>
static inline void add_scaled(typename Lanes<T>::Scalar w, const T* row, int64_t n, typename Lanes<T>::Scalar* total) {
    using L = Lanes<T>;
    using Wide = Lanes<typename L::Scalar>;
    const auto weight = L::splat(w);
    int64_t j = 0;
    for (; j + L::kLanes <= n; j += L::kLanes)
        Wide::store(total + j, Wide::load(total + j) + weight * L::load(row + j));
    if (j < n) {
        const int some = int(n - j);
        Wide::store_some(total + j, Wide::load_some(total + j, some) + weight * L::load_some(row + j, some), some);
    }
}

}  // namespace GRAPHREP_ISA
}  // namespace graphrep

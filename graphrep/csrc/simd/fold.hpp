// Sequential reductions for every element type. Only for files under simd/.
#pragma once

#include <cstdint>
#include <type_traits>

#include "lanes.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {

static inline int32_t widen(int32_t value) { return value; }
static inline int64_t widen(int64_t value) { return value; }
static inline void narrow(int32_t value, int32_t* to) { *to = value; }
static inline void narrow(int64_t value, int64_t* to) { *to = value; }

// The type that T is reduced in.
template <class T>
using Wide = decltype(widen(T{}));

template <class A>
static inline A add(A a, A b) {
    if constexpr (std::is_integral_v<A>) {
        using U = std::make_unsigned_t<A>;
        return static_cast<A>(static_cast<U>(a) + static_cast<U>(b));
    } else {
        return a + b;
    }
}

template <class A>
static inline A multiply(A a, A b) {
    if constexpr (std::is_integral_v<A>) {
        using U = std::make_unsigned_t<A>;
        return static_cast<A>(static_cast<U>(a) * static_cast<U>(b));
    } else {
        return a * b;
    }
}

// Whether `next` replaces `best`: it is larger (smaller for min) or the first NaN, which is never replaced.
template <Reduce R, class A>
static inline bool beats(A next, A best) {
    if constexpr (std::is_integral_v<A>)
        return R == Reduce::max ? next > best : next < best;
    else
        return (!(R == Reduce::max ? next <= best : next >= best)) & (best == best);
}

template <Reduce R, class A>
static inline A combine(A total, A next) {
    if constexpr (R == Reduce::sum || R == Reduce::mean)
        return add(total, next);
    else if constexpr (R == Reduce::mul)
        return multiply(total, next);
    else
        return beats<R>(next, total) ? next : total;
}

// The neutral element of a reduction.
template <Reduce R, class A>
static inline A neutral() {
    constexpr bool integral = std::is_integral_v<A>;
    constexpr auto kBits = sizeof(A) * 8 - 1;
    if constexpr (R == Reduce::mul) {
        return 1;
    } else if constexpr (R == Reduce::max || R == Reduce::min) {
        if constexpr (integral) {
            const A lowest = static_cast<A>(std::make_unsigned_t<A>{1} << kBits);
            return R == Reduce::max ? lowest : static_cast<A>(~lowest);
        } else {
            return R == Reduce::max ? -static_cast<A>(__builtin_inf()) : static_cast<A>(__builtin_inf());
        }
    } else {
        return 0;
    }
}

// total / count; floats multiply by the reciprocal, as spmm does; integers round down.
template <class A>
static inline A mean(A total, int64_t count) {
    if (count < 1) return total;
    if constexpr (std::is_integral_v<A>) {
        const int64_t quotient = total / count;
        return static_cast<A>(quotient - (total % count < 0));
    } else {
        return A(1) / static_cast<A>(count) * total;
    }
}

// visit.operator()<R>() for the given reduction.
template <class Visit>
static inline auto with_reduce(Reduce reduce, Visit&& visit) {
    switch (reduce) {
        case Reduce::mean: return visit.template operator()<Reduce::mean>();
        case Reduce::max: return visit.template operator()<Reduce::max>();
        case Reduce::min: return visit.template operator()<Reduce::min>();
        case Reduce::mul: return visit.template operator()<Reduce::mul>();
        default: return visit.template operator()<Reduce::sum>();
    }
}

}  // namespace GRAPHREP_ISA
}  // namespace graphrep

// Element types that are chosen at run time, and the numbers that stand for them in Python.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace graphrep {

// 16-bit floats as stored; lanes.hpp widens them to float for arithmetic.
struct BFloat16 {
    uint16_t bits;
};
struct Float16 {
    uint16_t bits;
};

enum class Scalar : int {
    float32 = 0,
    float64 = 1,
    bfloat16 = 2,
    float16 = 3,
    int32 = 4,
    int64 = 5,
    int16 = 6,
    int8 = 7,
    uint8 = 8,
};

enum class Reduce : int { sum = 0, mean = 1, max = 2, min = 3, mul = 4 };

// visit(T{}) for a floating element type.
template <class Visit>
void with_float(int scalar, Visit&& visit) {
    switch (static_cast<Scalar>(scalar)) {
        case Scalar::float32: return visit(float{});
        case Scalar::float64: return visit(double{});
        case Scalar::bfloat16: return visit(BFloat16{});
        case Scalar::float16: return visit(Float16{});
        default: throw std::invalid_argument("no kernel for scalar type " + std::to_string(scalar));
    }
}

// visit(T{}) for float or double.
template <class Visit>
void with_wide_float(int scalar, Visit&& visit) {
    switch (static_cast<Scalar>(scalar)) {
        case Scalar::float32: return visit(float{});
        case Scalar::float64: return visit(double{});
        default: throw std::invalid_argument("no kernel for scalar type " + std::to_string(scalar));
    }
}

// visit(Id{}) for a column id.
template <class Visit>
void with_id(int scalar, Visit&& visit) {
    switch (static_cast<Scalar>(scalar)) {
        case Scalar::int32: return visit(int32_t{});
        case Scalar::int64: return visit(int64_t{});
        default: throw std::invalid_argument("no kernel for id type " + std::to_string(scalar));
    }
}

}  // namespace graphrep

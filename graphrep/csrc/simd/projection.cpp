// Sums of normalized rows, and rounding to 16 bits, compiled once per instruction set.
#include "../projection.hpp"

#include <type_traits>
#include <vector>

#include "../parallel.hpp"
#include "lanes.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {
namespace {

// total += factor * row / |row|
static void accumulate_in_double(const float* row, int64_t columns, float factor, float* total) {
    double square = 0;
    for (int64_t j = 0; j < columns; ++j) square += static_cast<double>(row[j]) * row[j];
    if (square == 0) return;
    const double scale = factor / __builtin_sqrt(square);
    for (int64_t j = 0; j < columns; ++j) total[j] += static_cast<float>(scale * row[j]);
}

static void accumulate(const float* row, int64_t columns, float factor, bool normalize, float* total) {
    float scale = factor;
    if (normalize) {
        Vec squares = Vec{};
        float rest = 0;
        int64_t j = 0;
        for (; j + kWidth <= columns; j += kWidth) squares += load(row + j) * load(row + j);
        for (; j < columns; ++j) rest += row[j] * row[j];
        const float square = add_lanes(squares) + rest;
        if (!(square > 1e-30f && square < 1e30f))  // zero, or outside the range of float32
            return accumulate_in_double(row, columns, factor, total);
        scale /= __builtin_sqrtf(square);
    }
    for (int64_t j = 0; j < columns; ++j) total[j] += scale * row[j];
}

}  // namespace

template <class T>
void accumulate_rows(const T* y, int64_t num_rows, int64_t columns, float factor, bool normalize, float* total,
                     int num_threads) {
    parallel_blocks(num_rows, 1024, num_threads, [&](int64_t begin, int64_t end) {
        std::vector<float> wide(sizeof(T) == sizeof(float) ? 0 : static_cast<size_t>(columns));
        for (int64_t v = begin; v < end; ++v) {
            const T* row = y + v * columns;
            if constexpr (std::is_same_v<T, float>) {
                accumulate(row, columns, factor, normalize, total + v * columns);
            } else {
                int64_t j = 0;
                for (; j + kWidth <= columns; j += kWidth) store(wide.data() + j, Lanes<T>::load(row + j));
                for (; j < columns; ++j) wide[j] = widen(row[j]);
                accumulate(wide.data(), columns, factor, normalize, total + v * columns);
            }
        }
    });
}

void round_to(const float* x, int64_t count, Float16* out) {
    int64_t i = 0;
    for (; i + kWidth <= count; i += kWidth) Lanes<Float16>::store(out + i, load(x + i));
    for (; i < count; ++i) narrow(x[i], out + i);
}

template void accumulate_rows<float>(const float*, int64_t, int64_t, float, bool, float*, int);
template void accumulate_rows<Float16>(const Float16*, int64_t, int64_t, float, bool, float*, int);

}  // namespace GRAPHREP_ISA
}  // namespace graphrep

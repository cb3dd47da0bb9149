// Distances of one row and all rows of a block, compiled once per instruction set; parts of rows are whole vectors.
#include "../distances.hpp"

#include "roots.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {
namespace {

template <bool moduli>
static inline void distances(const RowPairs& t, const float* x, float* out) {
    const int64_t half = moduli ? t.columns / 2 : t.columns;
    const float* y = t.y;
    for (int64_t j = 0; j < t.num_y; ++j, y += t.columns) {
        Vec sum{};
        for (int64_t k = 0; k < half; k += kWidth) {
            const Vec a = load(x + k) - load(y + k);
            if constexpr (moduli) {
                const Vec b = load(x + half + k) - load(y + half + k);
                sum += square_root(a * a + b * b);
            } else {
                sum += absolute(a);
            }
        }
        out[j] = add_lanes(sum);
    }
}

template <bool moduli>
static inline void gradient(const RowPairs& t, const float* x, const float* factor, float* out) {
    const int64_t half = moduli ? t.columns / 2 : t.columns;
    for (int64_t k = 0; k < half; k += kWidth) {
        const Vec re = load(x + k), im = moduli ? load(x + half + k) : Vec{};
        Vec of_re{}, of_im{};
        const float* y = t.y + k;
        for (int64_t j = 0; j < t.num_y; ++j, y += t.columns) {
            const Vec a = re - load(y), f = splat(factor[j]);
            if constexpr (moduli) {
                const Vec b = im - load(y + half), square = a * a + b * b;
                const IntVec apart = square > 0;
                const Vec share = (Vec)((IntVec)(f / square_root(square)) & apart);
                of_re += a * share;
                of_im += b * share;
            } else {
                of_re += (Vec)((IntVec)f & (a > 0)) - (Vec)((IntVec)f & (a < 0));
            }
        }
        store(out + k, of_re);
        if constexpr (moduli) store(out + half + k, of_im);
    }
}

}  // namespace

int64_t distance_lanes() { return kWidth; }

void distances_of_row(const RowPairs& t, const float* x, float* out) {
    t.moduli ? distances<true>(t, x, out) : distances<false>(t, x, out);
}

void gradient_of_row(const RowPairs& t, const float* x, const float* factor, float* out) {
    t.moduli ? gradient<true>(t, x, factor, out) : gradient<false>(t, x, factor, out);
}

}  // namespace GRAPHREP_ISA
}  // namespace graphrep

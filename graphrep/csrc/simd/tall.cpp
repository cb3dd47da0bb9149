// Products of tall blocks, compiled once per instruction set: tiles of kTallSide x 2 vectors of sums stay in registers.
#include "../tall.hpp"

#include "vector.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {
namespace {

constexpr int64_t kPanel = 2 * kWidth;  // columns of a tile

// Rows [begin, end) of `width` columns of a block, from column `first`, one after the other; absent columns are zeros.
static inline void pack_columns(const float* block, int64_t columns, const float* scale, int64_t begin, int64_t end,
                                int64_t first, int64_t width, float* to) {
    for (int64_t v = begin; v < end; ++v, to += width) {
        const float* row = block + v * columns + first;
        const float s = scale ? scale[v] : 1.0f;
        const int64_t there = columns - first < width ? columns - first : width;
        for (int64_t i = 0; i < there; ++i) to[i] = s * row[i];
        for (int64_t i = there; i < width; ++i) to[i] = 0;
    }
}

// A tile as numbers. Only constant subscripts of sums, or the compiler would keep them in memory.
template <int Side>
static inline void spill(const Vec (&sums)[Side][2], float (&tile)[Side][kPanel]) {
#pragma GCC unroll 8
    for (int k = 0; k < Side; ++k) {
        store(tile[k], sums[k][0]);
        store(tile[k] + kWidth, sums[k][1]);
    }
}

// `Side` columns of x, from column i, by the columns [j, j_end) of y, which are packed.
template <int Side>
static inline void gram_tile(const Gram& t, int64_t begin, int64_t end, int64_t i, int64_t j, int64_t j_end,
                             const float* panel, double* out) {
    Vec sums[Side][2] = {};
    const float* a = t.x + begin * t.p + i;
    for (int64_t r = begin; r < end; ++r, a += t.p, panel += kPanel) {
        const Vec b0 = load(panel), b1 = load(panel + kWidth);
#pragma GCC unroll 8
        for (int k = 0; k < Side; ++k) {
            const Vec s = splat(a[k]);
            sums[k][0] += s * b0;
            sums[k][1] += s * b1;
        }
    }
    float tile[Side][kPanel];
    spill(sums, tile);
    for (int64_t k = 0; k < Side; ++k)
        for (int64_t c = j; c < j_end; ++c) out[(i + k) * t.q + c] += tile[k][c - j];
}

}  // namespace

int64_t panel_columns() { return kPanel; }

// Add the products of rows [begin, end), at most kTallRows, to out.
void gram_rows(const Gram& t, int64_t begin, int64_t end, float* panel, double* out) {
    for (int64_t j = 0; j < t.q; j += kPanel) {
        pack_columns(t.y, t.q, t.scale, begin, end, j, kPanel, panel);
        const int64_t j_end = j + kPanel < t.q ? j + kPanel : t.q;
        const int64_t last = t.symmetric && j_end < t.p ? j_end : t.p;  // tiles below the diagonal are left out
        int64_t i = 0;
        for (; i + kTallSide <= t.p && i < last; i += kTallSide)
            gram_tile<kTallSide>(t, begin, end, i, j, j_end, panel, out);
        for (; i < last; ++i) gram_tile<1>(t, begin, end, i, j, j_end, panel, out);
    }
}

void pack_matrix(const RowProduct& t, float* panels) {
    for (int64_t j = 0; j < t.q; j += kPanel) pack_columns(t.matrix, t.q, nullptr, 0, t.p, j, kPanel, panels + j * t.p);
}

void multiply_some_rows(const RowProduct& t, const float* panels, int64_t begin, int64_t end) {
    for (int64_t j = 0; j < t.q; j += kPanel) {
        const int64_t there = t.q - j < kPanel ? t.q - j : kPanel;
        for (int64_t v = begin; v < end; v += kTallSide) {
            const int64_t rows = end - v < kTallSide ? end - v : kTallSide;
            const float* x[kTallSide];
            for (int64_t r = 0; r < kTallSide; ++r) x[r] = t.x + (v + (r < rows ? r : 0)) * t.p;
            Vec sums[kTallSide][2] = {};
            const float* b = panels + j * t.p;
            for (int64_t i = 0; i < t.p; ++i, b += kPanel) {
                const Vec b0 = load(b), b1 = load(b + kWidth);
#pragma GCC unroll 8
                for (int r = 0; r < kTallSide; ++r) {
                    const Vec s = splat(x[r][i]);
                    sums[r][0] += s * b0;
                    sums[r][1] += s * b1;
                }
            }
            float tile[kTallSide][kPanel];
            spill(sums, tile);
            for (int64_t r = 0; r < rows; ++r) {
                const float s = t.scale ? t.scale[v + r] : 1.0f;
                float* to = t.out + (v + r) * t.q + j;
                for (int64_t c = 0; c < there; ++c) to[c] = s * tile[r][c];
            }
        }
    }
}

}  // namespace GRAPHREP_ISA
}  // namespace graphrep

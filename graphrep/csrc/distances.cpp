#include "distances.hpp"

#include <algorithm>

#include "buffer.hpp"
#include "isa.hpp"
#include "parallel.hpp"

namespace graphrep {
namespace {

constexpr int64_t kRowsPerBlock = 8;

int64_t lanes() { GRAPHREP_DISPATCH(distance_lanes) }

void of_row(const RowPairs& padded, const float* x, float* out) { GRAPHREP_DISPATCH(distances_of_row, padded, x, out) }

void gradient(const RowPairs& padded, const float* x, const float* factor, float* out) {
    GRAPHREP_DISPATCH(gradient_of_row, padded, x, factor, out)
}

// Both blocks with zeros after each part of a row, so that parts are whole vectors; a zero adds nothing to a distance.
struct Padded {
    int64_t parts, part, width;
    Buffer<float> x, y;
    RowPairs task;

    explicit Padded(const RowPairs& t)
        : parts(t.moduli ? 2 : 1),
          part(t.columns / parts),
          width((part + lanes() - 1) / lanes() * lanes()),
          x(t.num_x * parts * width, "padded rows"),
          y(t.num_y * parts * width, "padded rows"),
          task{x.data(), y.data(), t.num_x, t.num_y, parts * width, t.moduli} {
        pad(t.x, t.num_x, x.data());
        pad(t.y, t.num_y, y.data());
    }

   private:
    void pad(const float* from, int64_t rows, float* to) const {
        for (int64_t i = 0; i < rows * parts; ++i, from += part, to += width) {
            std::copy_n(from, part, to);
            std::fill_n(to + part, width - part, 0.0f);
        }
    }
};

}  // namespace

void distances(const RowPairs& task, float* out, int num_threads) {
    if (task.num_x == 0 || task.num_y == 0) return;
    const Padded padded(task);
    parallel_blocks(task.num_x, kRowsPerBlock, num_threads, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            poll();
            of_row(padded.task, padded.task.x + i * padded.task.columns, out + i * task.num_y);
        }
    });
}

void distance_gradient(const RowPairs& task, const float* factor, float* out, int num_threads) {
    if (task.num_x == 0 || task.columns == 0) return;
    const Padded padded(task);
    parallel_blocks(task.num_x, kRowsPerBlock, num_threads, [&](int64_t begin, int64_t end) {
        Buffer<float> row(padded.task.columns, "a padded row");
        for (int64_t i = begin; i < end; ++i) {
            poll();
            gradient(padded.task, padded.task.x + i * padded.task.columns, factor + i * task.num_y, row.data());
            for (int64_t k = 0; k < padded.parts; ++k)
                std::copy_n(row.data() + k * padded.width, padded.part, out + i * task.columns + k * padded.part);
        }
    });
}

}  // namespace graphrep

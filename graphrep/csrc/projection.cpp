#include "projection.hpp"

#include <cstring>
#include <numeric>
#include <type_traits>
#include <vector>

#include "checks.hpp"
#include "isa.hpp"
#include "parallel.hpp"
#include "random.hpp"

namespace graphrep {
namespace {

constexpr int64_t kRowBlock = 512;

// The entries of rows of R, one row at a time. Each thread has its own.
class ProjectionRows {
   public:
    explicit ProjectionRows(const Projection& projection) : r_(projection) {}

    // Calls visit(column, sign) for the entries of row u: a Fisher-Yates shuffle that stops after their number.
    template <class Visit>
    void operator()(int64_t u, Visit&& visit) {
        const uint64_t key = stream_key(r_.seed, r_.keys ? r_.keys[u] : static_cast<uint64_t>(u));
        const double drawn = uniform_double(random_bits(key, 0));
        if (drawn < r_.counts[0]) return;
        int64_t count = 1;
        while (count < r_.columns && drawn >= r_.counts[count]) ++count;
        if (count > kFew) {
            permutation_.resize(static_cast<size_t>(r_.columns));
            std::iota(permutation_.begin(), permutation_.end(), int64_t{0});
        }
        int64_t moved[kFew][2];  // the entries of the permutation that are not where they began: position, value
        for (int64_t i = 0; i < count; ++i) {
            const uint64_t bits = random_bits(key, static_cast<uint64_t>(i) + 1);
            const int64_t at = i + static_cast<int64_t>(bounded(bits, static_cast<uint64_t>(r_.columns - i)));
            int64_t column = at, other = i;
            if (count > kFew) {
                column = permutation_[at];
                permutation_[at] = permutation_[i];
            } else {
                for (int64_t k = 0; k < i; ++k) {  // the last move to a position counts
                    if (moved[k][0] == at) column = moved[k][1];
                    if (moved[k][0] == i) other = moved[k][1];
                }
                moved[i][0] = at;
                moved[i][1] = other;
            }
            visit(column, bits & 1);
        }
    }

   private:
    static constexpr int64_t kFew = 24;
    Projection r_;
    std::vector<int64_t> permutation_;
};

void round_to(const float* x, int64_t count, Float16* out) { GRAPHREP_DISPATCH(round_to, x, count, out) }

// write(begin, end, block) for blocks of rows of y; the block is y itself, or rounded to it.
template <class T, class Write>
void write_rows(int64_t num_rows, int64_t columns, T* y, int num_threads, Write&& write) {
    parallel_blocks(num_rows, kRowBlock, num_threads, [&](int64_t begin, int64_t end) {
        if constexpr (std::is_same_v<T, float>) {
            write(begin, end, y + begin * columns);
        } else {
            std::vector<float> block(static_cast<size_t>((end - begin) * columns));
            write(begin, end, block.data());
            round_to(block.data(), (end - begin) * columns, y + begin * columns);
        }
    });
}

}  // namespace

template <class T>
void accumulate_rows(const T* y, int64_t num_rows, int64_t columns, float factor, bool normalize, float* total,
                     int num_threads) {
    GRAPHREP_DISPATCH(accumulate_rows, y, num_rows, columns, factor, normalize, total, num_threads)
}

template <class T>
void fill_projection(const Projection& projection, const float* row_scale, int64_t num_rows, T* r, int num_threads) {
    const int64_t first = projection.first, columns = projection.stored;
    write_rows(num_rows, columns, r, num_threads, [&](int64_t begin, int64_t end, float* block) {
        ProjectionRows row(projection);
        std::memset(block, 0, static_cast<size_t>((end - begin) * columns) * sizeof(float));
        for (int64_t u = begin; u < end; ++u, block += columns) {
            const float value = row_scale ? projection.magnitude * row_scale[u] : projection.magnitude;
            row(u, [&](int64_t j, uint64_t negative) {
                if (uint64_t(j - first) < uint64_t(columns)) block[j - first] = negative ? -value : value;
            });
        }
    });
}

template <class T, class Id>
void spmm_projection(const Projection& projection, const int64_t* indptr, const Id* indices, const float* weights,
                     const float* scale, const float* row_scale, int64_t num_rows, int64_t num_columns, T* y,
                     int num_threads) {
    const int64_t first = projection.first, columns = projection.stored;
    // A bit per row of R that has entries in these columns: few have, and a bit costs less than drawing them.
    std::vector<uint64_t> busy(static_cast<size_t>(num_columns + 63) / 64);
    parallel_blocks(num_columns, kRowBlock, num_threads, [&](int64_t begin, int64_t end) {
        static_assert(kRowBlock % 64 == 0);  // no two threads write the same word
        ProjectionRows row(projection);
        for (int64_t u = begin; u < end; ++u)
            row(u, [&](int64_t j, uint64_t) {
                if (uint64_t(j - first) < uint64_t(columns)) busy[u / 64] |= uint64_t{1} << u % 64;
            });
    });
    write_rows(num_rows, columns, y, num_threads, [&](int64_t begin, int64_t end, float* out) {
        // Here, while they are near: a pass of its own would read a mapped graph twice.
        check_ids("indices", indices + indptr[begin], indptr[end] - indptr[begin], num_columns);
        ProjectionRows row(projection);
        std::memset(out, 0, static_cast<size_t>((end - begin) * columns) * sizeof(float));
        for (int64_t v = begin; v < end; ++v, out += columns) {
            if (v % 64 == 0) poll();
            const float outer = scale ? scale[v] * projection.magnitude : projection.magnitude;
            for (int64_t e = indptr[v]; e < indptr[v + 1]; ++e) {
                const Id u = indices[e];
                if ((e & 0xffff) == 0) poll();
                if (!(busy[u / 64] >> u % 64 & 1)) continue;
                row(u, [&](int64_t j, uint64_t negative) {
                    if (uint64_t(j - first) >= uint64_t(columns)) return;
                    const float value = outer * (weights ? weights[e] : 1.f) * (row_scale ? row_scale[u] : 1.f);
                    out[j - first] += negative ? -value : value;
                });
            }
        }
    });
}

#define GRAPHREP_INSTANTIATE(T, Id)                                                                                \
    template void spmm_projection<T, Id>(const Projection&, const int64_t*, const Id*, const float*, const float*, \
                                         const float*, int64_t, int64_t, T*, int);
GRAPHREP_INSTANTIATE(float, int32_t)
GRAPHREP_INSTANTIATE(float, int64_t)
GRAPHREP_INSTANTIATE(Float16, int32_t)
GRAPHREP_INSTANTIATE(Float16, int64_t)
#undef GRAPHREP_INSTANTIATE

#define GRAPHREP_INSTANTIATE(T)                                                          \
    template void fill_projection<T>(const Projection&, const float*, int64_t, T*, int); \
    template void accumulate_rows<T>(const T*, int64_t, int64_t, float, bool, float*, int);
GRAPHREP_INSTANTIATE(float)
GRAPHREP_INSTANTIATE(Float16)

}  // namespace graphrep
